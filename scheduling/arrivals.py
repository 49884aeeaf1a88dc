"""Who comes today: expected, there since when, seen, or late."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from scheduling import calendar
from scheduling.models import Appointment

Status = Appointment.Status


@dataclass(frozen=True, slots=True)
class Arrival:
    """A visit of the day as the desk sees it: how long a patient who is there has been `waiting`,
    or how `late` one is who is not."""

    visit: Appointment
    waiting: timedelta | None = None
    late: timedelta | None = None

    @property
    def is_awaited(self) -> bool:
        return self.visit.status in {Status.PENDING, Status.CONFIRMED}

    @property
    def waiting_minutes(self) -> int | None:
        return None if self.waiting is None else int(self.waiting.total_seconds() // 60)

    @property
    def late_minutes(self) -> int | None:
        return None if self.late is None else int(self.late.total_seconds() // 60)


def of_day(user, on: date, *, group: UUID | None = None) -> list[Arrival]:
    """The visits of a day that stand, by time; those of one group session where it is named."""
    rows = calendar.day(user, on).standing()
    rows = rows.filter(session=group) if group else rows
    now = timezone.now()
    return [arrival(visit, now) for visit in rows]


def arrival(visit: Appointment, now: datetime) -> Arrival:
    if visit.status not in {Status.PENDING, Status.CONFIRMED}:
        return Arrival(visit)
    if visit.arrived_at:
        return Arrival(visit, waiting=max(now - visit.arrived_at, timedelta()))
    late = now - visit.start_datetime
    return Arrival(visit, late=late if late > timedelta() else None)
