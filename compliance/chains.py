"""All chains of the installation: each facility's, and the one of entries that no facility owns."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.management.base import CommandError
from django.db import transaction

from clinic.models import Facility
from clinic.security import tenancy
from compliance import anchors, audit

logger = logging.getLogger("chartroom.trail")


class NotSealed(Exception):
    """Chains that could not be sealed or anchored, by name and reason."""


def named(slug: str | None) -> list[tuple[str, UUID]]:
    """(name, id) of the chain of one facility, or of all; raises `CommandError` for no such."""
    with tenancy.platform(), transaction.atomic():
        rows = Facility.objects.all() if slug is None else Facility.objects.filter(slug=slug)
        found = [(row.slug, row.pk) for row in rows]
    if slug is not None and not found:
        raise CommandError(f"There is no facility named {slug}.")
    return found if slug else [*found, ("(platform)", tenancy.PLATFORM)]


def sealed(slug: str | None) -> Iterator[tuple[str, anchors.Anchor | None]]:
    """Seal and anchor the chains, each on its own; (name, the new anchor) of those that were.

    Where one cannot be, it is logged and the others are done. Raises `NotSealed` at the end.
    """
    failed = []
    for name, facility_id in named(slug):
        try:
            with inside(facility_id):
                anchor = audit.anchor(facility_id)
        except Exception as error:
            logger.exception("the trail was not sealed: %s", name)
            failed.append(f"{name}: NOT SEALED, {error}")
        else:
            yield name, anchor
    if failed:
        raise NotSealed("; ".join(failed))


@contextmanager
def inside(facility_id: UUID) -> Iterator[None]:
    """Act where the chain belongs."""
    context = tenancy.platform() if facility_id == tenancy.PLATFORM else tenancy.system(facility_id)
    with context:
        yield
