"""The free times that a person is offered, day by day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.utils import timezone

from clinic.models import Facility, Specialist
from scheduling import availability, calendar, weeks
from scheduling.availability import Span
from scheduling.models import AppointmentType

DAYS = 14  # shown at once
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


@dataclass(frozen=True)
class Day:
    """A day on which somebody receives patients, and how many times are free."""

    date: date
    count: int


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


class Offers:
    """What is free with the specialists from `first` on, for `DAYS` days of the facility."""

    def __init__(
        self,
        *,
        facility: Facility,
        specialists: list[Specialist],
        kind: AppointmentType,
        first: date,
    ):
        self.first = min(max(first, timezone.localdate()), timezone.localdate() + FURTHEST)
        self.specialists = specialists
        self.zone = facility.zone
        start, end = (self._midnight(self.first + timedelta(days=n)) for n in (0, DAYS))
        self.free = calendar.free_by_specialist(
            specialists=specialists, appointment_type=kind, start=start, end=end
        )
        self.weeks = weeks.of(specialists, self.first, self.first + timedelta(days=DAYS))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def _day_of(self, span: Span) -> date:
        return span.start.astimezone(self.zone).date()

    def days(self) -> list[Day]:
        """The days on which one of the specialists works, with what is free."""
        counts: dict[date, int] = {}
        for n in range(DAYS):
            day = self.first + timedelta(days=n)
            if any(availability.hours_on(day, week) for week in self.weeks.values()):
                counts[day] = 0
        for spans in self.free.values():
            for span in spans:
                day = self._day_of(span)
                counts[day] = counts.get(day, 0) + 1
        return [Day(day, count) for day, count in sorted(counts.items())]

    def groups(self, day: date) -> list[Group]:
        """The free times of a day, by specialist, the one who is free first leading."""
        groups = []
        for specialist in self.specialists:
            spans = [s for s in self.free[specialist.pk] if self._day_of(s) == day]
            if spans:
                slots = [Slot(specialist, span.start, span.end) for span in spans]
                groups.append(Group(specialist, slots))
        return sorted(groups, key=lambda group: group.slots[0].start)

    def slot(self, specialist: Specialist, start: datetime) -> Slot | None:
        """The free time that begins then, or None where it is not free."""
        for span in self.free.get(specialist.pk, []):
            if span.start == start:
                return Slot(specialist, span.start, span.end)
        return None
