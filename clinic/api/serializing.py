"""Serializers that refuse what a caller may not set, instead of ignoring it."""

from functools import cache
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from clinic.api import fields


class StrictMixin:
    """Unknown and read-only fields in the input are errors of those fields."""

    unknown = _("This field cannot be set.")
    # Fields of an answer that some readers get and others do not.
    sometimes: ClassVar[frozenset[str]] = frozenset()
    # A body as one would send it, for the schema and its page.
    example: ClassVar[dict] = {}

    def to_internal_value(self, data):
        if hasattr(data, "keys"):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            refused = {str(name)[:100]: [self.unknown] for name in data if name not in writable}
            if refused:
                raise serializers.ValidationError(refused)
        return super().to_internal_value(data)


class StrictSerializer(StrictMixin, serializers.Serializer):
    """A plain serializer whose fields are all that there is."""


# An id as it could stand in an example.
SOME_ID = "0190a5b4-6f3c-7d21-9c0e-5a4b3c2d1e0f"


class Nothing(StrictSerializer):
    """An empty object."""


class StrictModelSerializer(StrictMixin, serializers.ModelSerializer):
    """A model's fields; encrypted ones are plain texts here. References and JSON are declared."""

    serializer_field_mapping: ClassVar[dict] = {
        models.CharField: fields.Text,
        models.TextField: fields.Text,
        models.EmailField: fields.Email,
        models.UUIDField: fields.Id,
        models.DateField: fields.Day,
        models.DateTimeField: fields.Moment,
        models.TimeField: fields.Clock,
        models.BooleanField: fields.Flag,
        models.IntegerField: fields.Whole,
        models.BigIntegerField: fields.Whole,
        models.FloatField: serializers.FloatField,
        models.DecimalField: fields.Number,
        models.JSONField: fields.Details,
    }
    serializer_choice_field = fields.Choice

    def build_standard_field(self, field_name, model_field):
        """Limits come from the model; rules that need the database are the verbs'."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if issubclass(field_class, (fields.Text, fields.Choice)):
            kwargs.pop("style", None)
            kwargs.pop("allow_unicode", None)
        kwargs.pop("validators", None)
        return field_class, kwargs

    def get_validators(self):
        return []


class Question(StrictSerializer):
    """The query parameters of an operation."""

    unknown = _("There is no such filter.")


@cache
def ready(kind: type[serializers.Serializer], *, partial: bool = False) -> serializers.Serializer:
    """One serializer of its kind for the whole process: making its fields anew for each request
    costs more than the request. It holds no data; use `run_validation` and `to_representation`."""
    made = kind(partial=partial)
    _ = made.fields
    return made


def question(name: str, **parameters) -> type[Question]:
    """A `Question` with these parameters; names like `from` need no attribute."""
    return type(name, (Question,), {"__doc__": None, **parameters})


def answer(name: str, **shape) -> type[StrictSerializer]:
    """The shape of an answer that no serializer of a model describes."""
    return type(name, (StrictSerializer,), {"__doc__": None, **shape})
