"""The base of every resource of the API: reads note themselves, writes are verbs.

A resource states `required` (a permission for each action) and gives `visible()`, the queryset of
what the actor may see. Objects carry `version`; `If-Match` is checked by `expected_version`.
"""

from collections.abc import Iterable
from functools import wraps

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import viewsets
from rest_framework.response import Response

from clinic.errors import Stale, invalid
from clinic.security import idempotency, trail


def patient_of(item):
    return getattr(item, "patient_id", None)


class Resource(viewsets.GenericViewSet):
    """List and retrieve over `visible()`; subclasses add verbs.

    `noted` says whether readings are on the trail (patient data always), `how` of lists may be
    overridden by `list_flags`.
    """

    noted = True
    ordering = "-id"
    lookup_value_regex = "[^/]+"

    def visible(self):
        raise NotImplementedError

    def get_queryset(self):
        return self.visible()

    def get_object(self):
        try:
            return super().get_object()
        except (ValueError, TypeError) as error:
            raise Http404 from error

    def note(self, items: Iterable, how: str, **details) -> None:
        if self.noted:
            label = self.get_queryset().model._meta.label_lower
            trail.read(label, [(i.pk, patient_of(i)) for i in items], how=how, details=details)

    def list(self, request, *args, **kwargs):
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        self.note(page, "search" if request.query_params.get("q") else "list")
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request, *args, **kwargs):
        item = self.get_object()
        self.note([item], "detail")
        return Response(self.get_serializer(item).data, headers={"ETag": f'"{_version(item)}"'})

    def validated(self, **kwargs) -> dict:
        """The request's body, checked by the action's serializer."""
        serializer = self.get_serializer(data=self.request.data, **kwargs)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def expected_version(self, item) -> None:
        """Raise `Stale` where `If-Match` names another version than the item's."""
        given = self.request.headers.get("If-Match")
        if given and given.strip('"W/ ') != str(_version(item)):
            raise Stale(_("It was changed since you read it. Read it again."))


def _version(item):
    return getattr(item, "version", "")


def idempotent(action):
    """A POST with `Idempotency-Key` has one effect and one answer, however often it is sent."""

    @wraps(action)
    def once(view, request, *args, **kwargs):
        key = request.headers.get("Idempotency-Key")
        if not key:
            return action(view, request, *args, **kwargs)
        if len(key) > 200:
            raise invalid("Idempotency-Key", _("The key is longer than 200 characters."))
        asked = {
            "key": key,
            "method": request.method,
            "path": request.path,
            "body": request._request.body,
        }
        replay = idempotency.begin(**asked)
        if replay:
            return Response(replay.answer, status=replay.status)
        response = action(view, request, *args, **kwargs)
        idempotency.finish(**asked, status=response.status_code, answer=response.data)
        return response

    return once
