"""How many patients miss their visits, and how much of what is offered is used.

What counts, for a range of days of the clinic that is over:
- a visit *took place* when it is called done, and was *missed* when it is called missed; both are
  *due*. One that nobody closed, or that was canceled in time, is neither.
- *Missed* is the share of missed visits among those that are due.
- *Canceled late* is told apart: visits that were canceled later than their kind says. They are
  neither due nor missed.
- *Offered* are the minutes of the hours that held on those days, holidays and leave left out;
  *booked* are the minutes of visits that are due, a group session counted once. *Use* is the share
  of booked among offered minutes; overbooked visits and those outside the hours can make it more
  than all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission, Reach
from scheduling import availability, calendar, weeks
from scheduling.availability import Week
from scheduling.models import Appointment

Status = Appointment.Status
ONE_DAY = timedelta(days=1)
RANGES = (4, 12, 52)  # weeks


@dataclass(slots=True)
class Figure:
    """Counts and minutes of one specialist, kind, or hour of a weekday."""

    done: int = 0
    missed: int = 0
    canceled_late: int = 0
    booked_minutes: int = 0
    offered_minutes: int = 0

    @property
    def due(self) -> int:
        return self.done + self.missed

    @property
    def missed_share(self) -> float | None:
        """From 0 to 1; None where nothing was due."""
        return self.missed / self.due if self.due else None

    @property
    def use(self) -> float | None:
        """Booked by offered minutes; None where nothing was offered."""
        return self.booked_minutes / self.offered_minutes if self.offered_minutes else None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is counted of a visit; `start` and `end` on the wall of the clinic."""

    specialist: UUID
    kind: UUID
    start: datetime
    end: datetime
    status: str
    canceled_late: bool = False
    session: UUID | None = None

    @property
    def minutes(self) -> int:
        return int(self.end.timestamp() - self.start.timestamp()) // 60


@dataclass(slots=True)
class Figures:
    """All figures of a range: over all, and by each of three measures; an hour is (day of the week
    from 1, hour)."""

    first: date
    last: date
    all: Figure = field(default_factory=Figure)
    by_specialist: dict[UUID, Figure] = field(default_factory=dict)
    by_kind: dict[UUID, Figure] = field(default_factory=dict)
    by_hour: dict[tuple[int, int], Figure] = field(default_factory=dict)


def count(visits: Iterable[Seen], offered: Mapping[UUID, Week], first: date, last: date) -> Figures:
    """The figures of visits that began from the first day to the last, with what was offered on
    those days. Hours are not offered to kinds, so that kinds have no use."""
    found, sessions = Figures(first, last), set()
    for visit in visits:
        minutes = 0 if visit.session in sessions else visit.minutes
        for figure in _of(visit, found):
            if visit.status == Status.COMPLETED:
                figure.done += 1
            elif visit.status == Status.NO_SHOW:
                figure.missed += 1
            elif visit.status == Status.CANCELED and visit.canceled_late:
                figure.canceled_late += 1
            if visit.status in {Status.COMPLETED, Status.NO_SHOW}:
                figure.booked_minutes += minutes
        if visit.session and visit.status in {Status.COMPLETED, Status.NO_SHOW}:
            sessions.add(visit.session)
    for pk, week in offered.items():
        _offer(pk, week, found)
    return found


def _of(visit: Seen, found: Figures) -> list[Figure]:
    at = (visit.start.isoweekday(), visit.start.hour)
    return [
        found.all,
        found.by_specialist.setdefault(visit.specialist, Figure()),
        found.by_kind.setdefault(visit.kind, Figure()),
        found.by_hour.setdefault(at, Figure()),
    ]


def _offer(pk: UUID, week: Week, found: Figures) -> None:
    """Add the minutes that a specialist offered; an hour of the day gets those that lie in it."""
    day = found.first
    while day <= found.last:
        for h in availability.hours_on(day, week):
            start, end = _minute(h.start), _minute(h.end)
            minutes = end - start
            found.all.offered_minutes += minutes
            found.by_specialist.setdefault(pk, Figure()).offered_minutes += minutes
            for hour in range(start // 60, -(-end // 60)):
                within = min(end, 60 * hour + 60) - max(start, 60 * hour)
                figure = found.by_hour.setdefault((day.isoweekday(), hour), Figure())
                figure.offered_minutes += within
        day += ONE_DAY


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def of_weeks(user, weeks_back: int, *, zone: ZoneInfo, now: datetime | None = None) -> Figures:
    """The figures of so many weeks up to yesterday. Who sees her own patients only gets those of
    her own hours. Raises `Denied` for patients and relatives."""
    actor = tenancy.current()
    actor.require(Permission.CALENDAR_VIEW)
    if actor.is_portal:
        raise Denied(Permission.CALENDAR_VIEW)
    today = (now or timezone.now()).astimezone(zone).date()
    first, last = today - timedelta(weeks=weeks_back), today - ONE_DAY
    start, end = (datetime.combine(day, time(), zone) for day in (first, today))
    rows = calendar.visits(user).select_related(None).order_by()
    rows = rows.filter(start_datetime__gte=start, start_datetime__lt=end)
    people = calendar.specialists()
    if actor.reach != Reach.FACILITY:
        people = people.filter(user=user)
        rows = rows.filter(specialist__user=user)
    columns = (
        "specialist_id", "appointment_type_id", "start_datetime", "end_datetime", "status",
        "canceled_late", "session_id",
    )  # fmt: skip
    seen = (
        Seen(specialist, kind, begins.astimezone(zone), ends.astimezone(zone), *rest)
        for specialist, kind, begins, ends, *rest in rows.values_list(*columns).iterator()
    )
    return count(seen, weeks.of(people, first, last), first, last)
