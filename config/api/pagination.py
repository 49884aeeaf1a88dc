"""Cursor pagination: `{"results", "next", "previous"}` and `?limit=` up to 200."""

from django.core.exceptions import ValidationError as NotAValue
from django.utils.translation import gettext_lazy as _
from rest_framework import pagination
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.response import Response

LINK = {"type": ["string", "null"], "format": "uri"}
BROKEN_CURSOR = {"cursor": [_("This is no cursor of ours. Follow the links of the first page.")]}


class CursorPagination(pagination.CursorPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = "-id"

    def paginate_queryset(self, queryset, request, view=None):
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, NotAValue, ValueError, TypeError) as error:
            if request.query_params.get(self.cursor_query_param) is None:
                raise
            raise ValidationError(BROKEN_CURSOR) from error

    def get_page_size(self, request):
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        plain = given.isascii() and given.isdigit() and len(given) < 5
        if not plain or not 1 <= int(given) <= self.max_page_size:
            raise ValidationError({"limit": [_("Give a whole number from 1 to 200.")]})
        return int(given)

    def get_ordering(self, request, queryset, view):
        ordering = getattr(view, "ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def get_paginated_response(self, data):
        return Response(
            {"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()}
        )

    def get_paginated_response_schema(self, schema):
        return listed(schema)

    def get_schema_operation_parameters(self, view):
        whole = {
            "type": "integer",
            "minimum": 1,
            "maximum": self.max_page_size,
            "default": self.page_size,
        }
        return [
            {"name": "limit", "in": "query", "required": False, "schema": whole,
             "description": str(_("How many at once."))},
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"},
             "description": str(_("Where the page begins, as `next` and `previous` say it."))},
        ]  # fmt: skip


class WholeList(pagination.BasePagination):
    """How a list that is answered whole is described: as a page without others."""

    def get_paginated_response_schema(self, schema):
        return listed(schema)

    def get_schema_operation_parameters(self, view):
        return []


def listed(schema: dict) -> dict:
    """The schema of a list of things of `schema`."""
    return {
        "type": "object",
        "required": ["results", "next", "previous"],
        "properties": {"results": schema, "next": LINK, "previous": LINK},
    }
