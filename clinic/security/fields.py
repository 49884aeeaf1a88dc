"""Encrypted model fields: django-encrypted-model-fields' classes with the encryption replaced.

A value is sealed when its row is saved (`clinic.security.keyring`), bound to table, column, row and
facility, and opened when the attribute is first read: a list of fifty patients opens only what it
shows. The fields cannot be searched, filtered or updated in SQL: that would compare or store
plaintext, so it is refused.
"""

import json
from datetime import date
from functools import cache

import orjson
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute
from django.utils.functional import cached_property
from encrypted_model_fields import fields as upstream

from clinic.security import keyring, trail


class Sealed:
    """A ciphertext as it stands in the database. Shows nothing, opens only through its row."""

    __slots__ = ("token",)

    def __init__(self, token: str):
        self.token = token

    def __repr__(self):
        return "•••"


class OpenedOnAccess(DeferredAttribute):
    """The attribute of an encrypted field: opens the ciphertext at the first reading."""

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        name = self.field.attname
        if name not in instance.__dict__:
            super().__get__(instance, owner)
        value = instance.__dict__[name]
        if type(value) is Sealed:
            value = instance.__dict__[name] = self.field.open(value, instance)
        return value

    def __set__(self, instance, value):
        instance.__dict__[self.field.attname] = value


class SealedMixin:
    """What the encrypted fields share."""

    descriptor_class = OpenedOnAccess

    def dump(self, value) -> bytes:
        return str(value).encode()

    def load(self, raw: bytes):
        return raw.decode()

    @cached_property
    def _column(self) -> bytes:
        return f"{self.model._meta.db_table}.{self.column}|".encode()

    def place(self, instance, facility_id) -> bytes:
        """Where a value belongs: table, column, row, facility. Authenticated, not stored."""
        owner = facility_id.bytes if facility_id else b""
        return self._column + instance.pk.bytes + owner

    def open(self, sealed: Sealed, instance):
        facility_id = getattr(instance, "facility_id", None)
        place = self.place(instance, facility_id)
        try:
            return self.load(
                keyring.open_sealed(sealed.token, place=place, facility_id=facility_id)
            )
        except keyring.SealBroken as broken:
            trail.defer_seal_broken(instance, self.column, broken.reason)
            raise

    def seal(self, value, instance) -> Sealed:
        facility_id = getattr(instance, "facility_id", None)
        place = self.place(instance, facility_id)
        return Sealed(keyring.seal(self.dump(value), place=place, facility_id=facility_id))

    def to_python(self, value):
        # Past upstream's to_python, which opens any ciphertext that a person pastes into a form.
        return super(upstream.EncryptedMixin, self).to_python(value)

    def from_db_value(self, value, expression, connection):
        return None if value is None else Sealed(value)

    def pre_save(self, model_instance, add):
        value = model_instance.__dict__.get(self.attname)
        if value is None or type(value) is Sealed:
            return value
        return self.seal(self.to_python(value), model_instance)

    def get_db_prep_save(self, value, connection):
        if value is None:
            return None
        if type(value) is Sealed:
            return value.token
        raise FieldError(f"{self.name} is encrypted: it is written by saving its row.")

    def get_lookup(self, lookup_name):
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is encrypted: it cannot be searched with {lookup_name}.")
        return super().get_lookup(lookup_name)


class EncryptedCharField(SealedMixin, upstream.EncryptedCharField):
    """A short text."""


class EncryptedTextField(SealedMixin, upstream.EncryptedTextField):
    """A text of any length."""


class EncryptedEmailField(SealedMixin, upstream.EncryptedEmailField):
    """An e-mail address."""


class EncryptedDateField(SealedMixin, upstream.EncryptedDateField):
    """A date; sealed as ISO 8601."""

    def dump(self, value) -> bytes:
        return value.isoformat().encode()

    def load(self, raw: bytes) -> date:
        return date.fromisoformat(raw.decode())


class EncryptedJSONField(SealedMixin, upstream.EncryptedTextField):
    """Any JSON value."""

    def dump(self, value) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()

    def load(self, raw: bytes):
        return orjson.loads(raw)

    def to_python(self, value):
        return value


@cache
def _sealed_fields(model: type[models.Model]) -> list[tuple]:
    fields = [f for f in model._meta.concrete_fields if isinstance(f, SealedMixin)]
    return [(f.attname, f._column, f.load) for f in fields]


def open_all(instance: models.Model) -> dict:
    """Open every sealed field of a row at once, at half the cost of one after the other, and answer
    the row's attributes. Raises `SealBroken` as reading the first broken one does."""
    values, facility_id = instance.__dict__, getattr(instance, "facility_id", None)
    row, key = instance.pk.bytes + (facility_id.bytes if facility_id else b""), None
    for name, column, load in _sealed_fields(type(instance)):
        sealed = values.get(name)
        if type(sealed) is Sealed:
            token = sealed.token
            try:
                if key is None or not token.startswith(key.prefix):
                    key = keyring.key_of(token, facility_id)
                values[name] = load(key.open(token, column + row))
            except (keyring.SealBroken, *keyring.BROKEN):
                getattr(instance, name)
    return values
