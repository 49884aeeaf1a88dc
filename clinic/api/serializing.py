"""Serializers that refuse what a caller may not set, instead of ignoring it."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class StrictMixin:
    """Unknown and read-only fields in the input are errors of those fields."""

    def to_internal_value(self, data):
        if hasattr(data, "keys"):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            refused = {
                str(name): [_("This field cannot be set.")] for name in data if name not in writable
            }
            if refused:
                raise serializers.ValidationError(refused)
        return super().to_internal_value(data)


class StrictSerializer(StrictMixin, serializers.Serializer):
    pass


class StrictModelSerializer(StrictMixin, serializers.ModelSerializer):
    """A model's fields; encrypted ones are plain texts here."""


class ChoiceText(serializers.ChoiceField):
    """A choice, shown by its value."""
