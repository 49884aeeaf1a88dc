"""The base of every resource of the API: reads note themselves, writes are verbs.

A resource states, by action: `required` (a permission), `asked` (its query parameters), `bodies`
(what it takes), `answers` (what it gives; `serializer_class` where nothing is said), `matched` (the
actions that look at `If-Match`). It gives `visible()`, the queryset of what the actor may see. The
schema is made from the same statements.

Objects carry `version`: it is their `ETag`, and `If-Match` is checked by `expected_version`.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from clinic.api.fields import UUID_TEXT
from clinic.api.serializing import Nothing, Question, ready
from clinic.errors import Stale
from clinic.security import trail
from clinic.security.idempotency import About
from clinic.security.permissions import Category, Permission

PAGING = ("limit", "cursor")


def patient_of(item):
    return getattr(item, "patient_id", None)


class Resource(viewsets.GenericViewSet):
    """List and retrieve over `visible()`; subclasses add verbs.

    `noted` says whether readings are on the trail (patient data always are).
    """

    required: ClassVar[dict[str, Permission]] = {}
    asked: ClassVar[dict[str, type[Question]]] = {}
    bodies: ClassVar[dict[str, type[serializers.Serializer]]] = {}
    answers: ClassVar[dict[str, Any]] = {}
    matched: ClassVar[frozenset[str]] = frozenset({"partial_update"})
    noted = True
    category: str = Category.VIEW  # the grant under which its objects are read
    kept_under: str = ""  # the grant that an answer needs to be told again, where it is another
    ordering: str | tuple[str, ...] = "-id"
    lookup_value_regex = "[^/]+"
    question: ClassVar[dict[str, Any]] = {}

    def initialize_request(self, request, *args, **kwargs):
        asked = super().initialize_request(request, *args, **kwargs)
        if self.action == "metadata":
            self.action = None  # OPTIONS is not offered: 405, as any other unknown method
        return asked

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if self.action is not None:
            self.read_question()

    def read_question(self) -> None:
        """Check the query parameters; the checked ones are `self.question`."""
        given = self.request.query_params
        lists = self.action == "list" and self.pagination_class is not None
        kind = self.asked.get(self.action, Question)
        wrong = {name: [_("Give it once.")] for name in given if len(given.getlist(name)) > 1}
        if wrong:
            raise serializers.ValidationError(wrong)
        data = {name: given[name] for name in given if not (lists and name in PAGING)}
        self.question = ready(kind).run_validation(data)

    def visible(self):
        raise NotImplementedError

    def get_queryset(self):
        return self.visible()

    def get_object(self):
        wanted = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        if not UUID_TEXT.fullmatch(wanted):
            raise Http404
        item = self.filter_queryset(self.get_queryset()).filter(pk=wanted).first()
        if item is None:
            raise Http404
        return item

    def shape(self, item) -> dict[str, Any]:
        """The item as it is answered."""
        return ready(self.serializer_class).to_representation(item)

    def shapes(self, items: list) -> list[dict[str, Any]]:
        """A page of items as they are answered."""
        return [self.shape(item) for item in items]

    is_quick = False  # whether the reading notes itself (`clinic.api.quick`)

    def shown(self) -> int:
        """How many objects the answer holds at most."""
        return 1 if self.detail else self.paginator.get_page_size(self.request)

    def note(self, items: Iterable, how: str, **details) -> None:
        items = list(items)
        if self.noted and items and not self.is_quick:
            label = items[0]._meta.label_lower
            trail.read(label, [(i.pk, patient_of(i)) for i in items], how=how, details=details)

    def list(self, request, *args, **kwargs):
        page = self.paginate_queryset(self.get_queryset())
        self.note(page, "search" if self.question.get("q") else "list")
        return self.get_paginated_response(self.shapes(page))

    def retrieve(self, request, *args, **kwargs):
        item = self.get_object()
        self.note([item], "detail")
        return Response(self.shape(item))

    def about(self, answer: dict[str, Any]) -> About:
        """What an answer of this resource tells of: clinical content, where its part of the chart
        is. A resource of the calendar whose answer names a reason says so itself."""
        category = self.kept_under or self.category
        return About(
            resource=self.subject()._meta.label_lower,
            object_id=answer.get("id"),
            patient_id=self.kwargs.get("patient_id") or answer.get("patient"),
            category=category,
            clinical=not category or Category(category).is_clinical,
        )

    @classmethod
    def subject(cls):
        """The model that its answers are of, or None where none is stated."""
        stated = getattr(cls.serializer_class, "Meta", None)
        return getattr(cls, "model", None) or getattr(stated, "model", None)

    def created(self, item) -> Response:
        where = f"{self.request.path}{item.pk}/"
        return Response(self.shape(item), status=201, headers={"Location": where})

    def validated(self) -> dict:
        """The request's body, checked by the action's serializer."""
        kind = self.bodies.get(self.action) or self.serializer_class or Nothing
        partial = self.action == "partial_update"
        return dict(ready(kind, partial=partial).run_validation(self.request.data))

    def expected_version(self, item) -> int | None:
        """The version that `If-Match` asks for, None where it asks for none.

        Raises `Stale` where it names another than the item's; the verb looks again under its lock.
        """
        given = self.request.headers.get("If-Match", "").strip()
        if given in {"", "*"}:
            return None
        if str(item.version) not in {tag.strip().strip('"') for tag in given.split(",")}:
            raise Stale(_("It was changed since you read it. Read it again."))
        return item.version

    def finalize_response(self, request, response, *args, **kwargs):
        data = getattr(response, "data", None)
        if response.status_code < 300 and isinstance(data, dict) and "version" in data:
            response.headers.setdefault("ETag", f'"{data["version"]}"')
        response.headers.setdefault("Cache-Control", "private, no-store")
        return super().finalize_response(request, response, *args, **kwargs)


class Public(Resource):
    """A resource for which no token is needed; the start-up check wants it said aloud."""

    public = True
    authentication_classes = ()
    throttle_classes = ()
    noted = False

    def get_authenticate_header(self, request):
        return 'Bearer realm="chartroom"'
