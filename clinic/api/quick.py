"""Hot readings of the API in one round trip (see `clinic.security.reading`).

A viewset names its hot actions in `quick`. For those, token, permission, reading and trail are
settled together; its other actions run in a transaction as everywhere.
"""

import json
from functools import cached_property

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.utils.decorators import method_decorator
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from clinic.api.authentication import BEGIN_SQL, actor_from, bearer, begin_parameters
from clinic.security import reading, tenancy
from clinic.security.permissions import roles_with


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class QuickReading:
    """A mixin, before `Resource`. `quick` names the hot actions, `model` what they read."""

    quick: frozenset[str] = frozenset()
    model: type[models.Model]
    patient_column = "patient_id"

    def dispatch(self, request, *args, **kwargs):
        if self.action_map.get(request.method.lower()) in self.quick:
            return super().dispatch(request, *args, **kwargs)
        with transaction.atomic():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request, *args, **kwargs):
        if self.action not in self.quick:
            return super().initial(request, *args, **kwargs)
        self.format_kwarg = self.get_format_suffix(**kwargs)
        negotiated = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = negotiated
        self.check_throttles(request)

    def read(self, select: str, parameters: list, *, how: str, risk: int = 0) -> list:
        """The model's rows of `select`, which names all its columns; each is on the trail."""
        request, permission = self.request, self.required[self.action]
        token = bearer(request)
        if token is None:
            raise NotAuthenticated()
        label = self.model._meta.label_lower
        began, rows = reading.fetch(
            (BEGIN_SQL, begin_parameters(request, token, roles_with(permission))),
            reading.noted_sql(select, patient=self.patient_column),
            [*parameters, json.dumps({"how": how}), self.content_type_id, label, risk],
        )
        if began is None:
            raise AuthenticationFailed()
        actor = actor_from(began, request.origin)
        tenancy.adopt(actor)
        request._request.actor = actor
        actor.require(permission)
        return reading.instances(self.model, rows)

    @cached_property
    def content_type_id(self) -> int:
        return ContentType.objects.get_for_model(self.model).pk


def columns_of(model: type[models.Model]) -> str:
    """All columns of the model, as `reading.instances` wants them, from a table named `t`."""
    return ", ".join(f't."{field.column}"' for field in model._meta.concrete_fields)
