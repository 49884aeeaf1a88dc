"""Hot readings of the API in one round trip (see `clinic.security.reading`).

A viewset names its hot actions in `quick` and gives `rows()`, the queryset of what its context will
reach. Token, permission, context, reading and trail are settled together when the queryset is
evaluated, by its own SQL. The viewset's other actions run in a transaction, as everywhere.
"""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.query import BaseIterable
from django.utils.decorators import method_decorator
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from clinic.api.authentication import BEGIN_SQL, actor_from, bearer, begin_parameters
from clinic.security import reading, tenancy
from clinic.security.permissions import roles_with
from clinic.staffing import require_second_step


class Moved(Exception):
    """The token acts in another facility than it did: the reading is made again, the long way."""


@dataclass(frozen=True)
class Later:
    """Stands for a value that each request brings, in a statement that is compiled once."""

    place: int


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class QuickReading:
    """A mixin, before `Resource`. `quick` names the hot actions, `model` what they read."""

    quick: frozenset[str] = frozenset()
    model: type[models.Model]
    patient_column = "patient_id"
    beside = ""  # an SQL expression over `page`, read with each row and handed to `take`
    facilities: dict[tuple[str, str], UUID] = {}  # where a token acted last: a hint, no more
    most_hints = 10_000
    # First pages that were compiled, by view, page size and form: as many as there are of those.
    pages: dict[tuple[type, int, Hashable], tuple[str, list]] = {}
    form: Hashable = None  # names the shape of a statement whose `Later`s stand for `values`
    values: Sequence = ()

    def dispatch(self, request, *args, **kwargs):
        self.is_quick = self.action_map.get(request.method.lower()) in self.quick
        if self.is_quick:
            try:
                return super().dispatch(request, *args, **kwargs)
            except Moved:
                self.is_quick = False
        with transaction.atomic():
            return super().dispatch(request, *args, **kwargs)

    def handle_exception(self, error):
        if isinstance(error, Moved):
            raise error
        return super().handle_exception(error)

    def perform_authentication(self, request):
        """Where the action is quick the reading itself does it."""
        if not self.is_quick:
            super().perform_authentication(request)
            self.remember(request, request.auth)

    def check_permissions(self, request):
        """Where the action is quick the reading itself does it."""
        if not self.is_quick:
            super().check_permissions(request)
        elif bearer(request) is None:
            raise NotAuthenticated()

    def facility_hint(self) -> UUID:
        """Where the token acted last; raises `Moved` where that is not known yet."""
        hint = self.facilities.get(self._hint_key(self.request))
        if hint is None:
            raise Moved
        self.hinted = hint
        return hint

    def remember(self, request, actor) -> None:
        if actor is not None and actor.facility_id:
            if len(self.facilities) >= self.most_hints:
                self.facilities.clear()
            self.facilities[self._hint_key(request)] = actor.facility_id

    @staticmethod
    def _hint_key(request) -> tuple[str, str]:
        return bearer(request) or "", request.META.get("HTTP_X_FACILITY", "")

    def noting(self, queryset: models.QuerySet, *, how: str, shown: int = 1) -> models.QuerySet:
        """The queryset, read through this door when it is evaluated; `shown` rows are noted."""
        view = self

        class Noted(BaseIterable):
            def __iter__(self):
                return iter(view.read(*view.compiled(self.queryset.query), how=how, shown=shown))

        queryset = queryset.all()
        queryset._iterable_class = Noted
        return queryset

    def compiled(self, query) -> tuple[str, list]:
        """The query's SQL and parameters. A first page is the same statement for all who ask for
        that page size in that form, so it is compiled once."""
        known = {"limit"} if self.form is None else {"limit", "q"}
        first_page = not self.detail and not self.request.query_params.keys() - known
        key = (type(self), query.high_mark, self.form)
        sql, parameters = self.pages.get(key, ("", ())) if first_page else ("", ())
        if not sql:
            sql, parameters = query.sql_with_params()
            if first_page:
                self.pages[key] = sql, parameters
        return sql, [self.values[p.place] if isinstance(p, Later) else p for p in parameters]

    def read(self, select: str, parameters: list, *, how: str, shown: int) -> list:
        """The model's rows of `select`; each that is shown is on the trail."""
        request, permission = self.request, self.required[self.action]
        details = [json.dumps({"how": how}), self.content_type_id, self.model._meta.label_lower]
        noted = reading.noted_sql(select, patient=self.patient_column, beside=self.beside)
        began, rows = reading.fetch(
            (BEGIN_SQL, begin_parameters(request, bearer(request), roles_with(permission))),
            (noted, [*parameters, shown, *details]),
        )
        if began is None:
            raise AuthenticationFailed()
        actor = actor_from(began, request.origin)
        tenancy.adopt(actor)
        request._request.actor = actor
        require_second_step(actor)
        actor.require(permission)
        if getattr(self, "hinted", actor.facility_id) != actor.facility_id:
            raise Moved
        self.remember(request, actor)
        items = reading.instances(self.model, rows)
        if self.beside:
            self.take(items, [row[-1] for row in rows])
        return items

    def take(self, items: list, beside: list) -> None:
        """What `beside` found for each item."""

    @cached_property
    def content_type_id(self) -> int:
        return ContentType.objects.get_for_model(self.model).pk
