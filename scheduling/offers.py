"""A free time as a page offers it, and the text that names it in addresses and forms."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from clinic.models import Specialist

FURTHEST = timedelta(days=365)
STAMP = "%Y%m%dT%H%MZ"


@dataclass(frozen=True)
class Slot:
    """A free time with a specialist; `left` are the places of a group. `value` names it in
    addresses and forms."""

    specialist: Specialist
    start: datetime
    end: datetime
    left: int = 1

    @property
    def value(self) -> str:
        return f"{self.specialist.pk}@{self.start.astimezone(UTC):{STAMP}}"


@dataclass(frozen=True)
class Group:
    """The free times of one specialist on the day chosen."""

    specialist: Specialist
    slots: list[Slot]


class BadSlot(ValueError):
    """The text names no slot."""


def parse(value: str, specialists: Iterable[Specialist]) -> tuple[Specialist, datetime]:
    """The specialist and the start that a slot's `value` names. Raises `BadSlot`."""
    name, _at, stamp = value.partition("@")
    try:
        pk, start = UUID(name), datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadSlot(value) from error
    if abs(start - timezone.now()) > 2 * FURTHEST:
        raise BadSlot(value)
    for specialist in specialists:
        if specialist.pk == pk:
            return specialist, start
    raise BadSlot(value)
