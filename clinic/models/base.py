"""What every table of a facility shares: key, facility, times and version."""

import os
import time
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562, version 7): known before the row is written, as the
    encryption needs it, and kind to indexes."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    return UUID(int=number & ~(0x3 << 62) | 2 << 62)


class Row(models.Model):
    """A row with a time-ordered key and its times."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        abstract = True


class FacilityForeignKey(models.ForeignKey):
    """A reference between two rows of one facility.

    The database holds it by a composite key (`rls.SameFacility`), which the migration states.
    """

    def __init__(self, to, on_delete, **kwargs):
        kwargs.setdefault("db_constraint", False)
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self):
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class FacilityRow(Row):
    """A row that belongs to a facility; `version` grows with each save (for `If-Match`)."""

    # Without an index of its own: the tables that need one have it together with what they sort by.
    facility = models.ForeignKey(
        "clinic.Facility",
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        verbose_name=_("facility"),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        if not self._state.adding:
            self.version += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version", "updated_at"}
        super().save(*args, **kwargs)
