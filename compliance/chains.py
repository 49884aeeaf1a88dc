"""All chains of the installation: each facility's, and the one of entries that no facility owns."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.management.base import CommandError
from django.db import transaction

from clinic.models import Facility
from clinic.security import tenancy


def named(slug: str | None) -> list[tuple[str, UUID]]:
    """(name, id) of the chain of one facility, or of all; raises `CommandError` for no such."""
    with tenancy.platform(), transaction.atomic():
        rows = Facility.objects.all() if slug is None else Facility.objects.filter(slug=slug)
        found = [(row.slug, row.pk) for row in rows]
    if slug is not None and not found:
        raise CommandError(f"There is no facility named {slug}.")
    return found if slug else [*found, ("(platform)", tenancy.PLATFORM)]


@contextmanager
def inside(facility_id: UUID) -> Iterator[None]:
    """Act where the chain belongs."""
    context = tenancy.platform() if facility_id == tenancy.PLATFORM else tenancy.system(facility_id)
    with context:
        yield
