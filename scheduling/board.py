"""The calendar as the clinic looks at it: what fills the days of specialists, or of rooms.

What stands on a lane is read by those who may see the patient; of all else (another clinic, a
calendar kept elsewhere, a patient out of reach) it is told that the time is taken, and no more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils import timezone

from clinic.models import Facility, Specialist
from clinic.security import tenancy
from clinic.security.permissions import Reach
from scheduling import availability, calendar, weeks
from scheduling.models import Appointment, Room, TakenTime
from scheduling.models.taken import LONGEST

ONE_DAY = timedelta(days=1)
VISIT, GROUP, HELD, BUSY = "visit", "group", "held", "busy"


@dataclass(frozen=True, slots=True)
class Entry:
    """A time that is taken on a lane. `what` is the visit, or those of a group (which tell how many
    `places` it has and, where the reader sees all of them, how many are `taken`); of a held or busy
    time it is None, and `until` says when a held one ends by itself."""

    kind: str
    start: datetime
    end: datetime
    what: Any = None
    places: int = 0
    taken: int | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Lane:
    """One day of one specialist or room: the hours as (from, until) on the wall, and why there are
    none (`closed`, a holiday's name; `away`)."""

    who: Specialist | Room
    day: date
    hours: list[tuple[time, time]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    closed: str = ""
    away: bool = False

    @property
    def stamp(self) -> str:
        """The day as scripts read it."""
        return self.day.isoformat()

    @property
    def visits(self) -> list[Appointment]:
        """The visits on it, those in groups included, by time."""
        found = []
        for entry in self.entries:
            found += {VISIT: [entry.what], GROUP: entry.what}.get(entry.kind, [])
        return found


@dataclass(frozen=True, slots=True)
class Board:
    """What was read: who could be shown, and the lanes of whom is."""

    known: Sequence[Specialist | Room]
    lanes: list[Lane]
    visits: list[Appointment]


def of_specialists(
    user, facility: Facility, first: date, days: int = 1, only: UUID | None = None
) -> Board:
    """The days of all specialists, or of one, in two queries."""
    last = first + timedelta(days=days - 1)
    people = weeks.with_weeks(calendar.specialists(), first, last)
    known = list(_with_taken(people, "user_id", first, last, facility.zone))
    visits = _visits(user, facility, first, days)
    known += _once(visit.specialist for visit in visits if visit.specialist not in known)
    shown = sorted(_chosen(known, only), key=lambda one: one.display_name.casefold())
    lanes = []
    for one, day in _pairs(shown, first, days):
        week = weeks.week_of(one) if hasattr(one, "said_hours") else availability.Week()
        lane = Lane(one, day, away=week.closed.is_away(day))
        lane.hours = [(h.start, h.end) for h in availability.hours_on(day, week)]
        if not lane.hours and not lane.away and day in week.closed.holidays:
            lane.closed = weeks.named(one.said_holidays)[day]
        theirs = [visit for visit in visits if visit.specialist_id == one.pk]
        lane.entries = _entries(theirs, _taken(one), day, facility.zone)
        lanes.append(lane)
    known = sorted(known, key=lambda one: one.display_name.casefold())
    return Board(known, lanes, [v for v in visits if v.specialist in shown])


def of_rooms(
    user, facility: Facility, first: date, days: int = 1, only: UUID | None = None
) -> Board:
    """The days of all rooms, or of one, in three queries. A room is open when somebody receives in
    it, or receives and has not said where."""
    last = first + timedelta(days=days - 1)
    rooms = calendar.rooms().annotate(said_holidays=weeks.holidays(first, last))
    known = list(_with_taken(rooms, "pk", first, last, facility.zone))
    visits = [v for v in _visits(user, facility, first, days) if v.room_id]
    known += _once(visit.room for visit in visits if visit.room not in known)
    shown = sorted(_chosen(known, only), key=lambda one: one.name.casefold())
    people = weeks.with_weeks(calendar.specialists(), first, last)
    receiving = [weeks.week_of(one) for one in people]
    lanes = []
    for one, day in _pairs(shown, first, days):
        hours = [h for week in receiving for h in availability.hours_on(day, week)]
        lane = Lane(one, day, hours=[(h.start, h.end) for h in hours if h.room in {None, one.pk}])
        if not lane.hours:
            lane.closed = weeks.named(getattr(one, "said_holidays", ())).get(day, "")
        theirs = [visit for visit in visits if visit.room_id == one.pk]
        lane.entries = _entries(theirs, _taken(one), day, facility.zone)
        lanes.append(lane)
    return Board(known, lanes, [v for v in visits if v.room in shown])


def _visits(user, facility: Facility, first: date, days: int) -> list[Appointment]:
    return list(calendar.day(user, first, days, zone=facility.zone).select_related("session"))


def _once(rows: Iterable) -> list:
    return list({row.pk: row for row in rows}.values())


def _chosen(known: Sequence, only: UUID | None) -> list:
    return [one for one in known if only is None or one.pk == only]


def _pairs(shown: Sequence, first: date, days: int) -> Iterator[tuple[Any, date]]:
    return ((one, first + timedelta(days=n)) for one in shown for n in range(days))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _with_taken(rows: QuerySet, column: str, first: date, last: date, zone: ZoneInfo) -> QuerySet:
    """The specialists or rooms, each with what she, or it, is taken for; `_taken` reads it."""
    start, end = _midnight(first, zone), _midnight(last + ONE_DAY, zone)
    firm = Q(is_firm=True, starts__gt=start - LONGEST, starts__lt=end, ends__gt=start)
    loose = Q(is_firm=False, ends__gt=start, starts__lt=end)
    taken = TakenTime.objects.filter(firm | loose, resource_id=OuterRef(column))
    said = JSONObject(**{name: F(name) for name in ("taker_id", "starts", "ends", "until")})
    return rows.annotate(said_taken=ArraySubquery(taken.values_list(said)))


def _taken(one: Any) -> list[tuple[UUID, datetime, datetime, datetime | None]]:
    """By whom it is taken, from, until, and until when by itself: a hold that has ended takes
    nothing."""
    moment, now = datetime.fromisoformat, timezone.now()
    found = [
        (UUID(said["taker_id"]), moment(said["starts"]), moment(said["ends"]),
         said["until"] and moment(said["until"]))
        for said in getattr(one, "said_taken", ())
    ]  # fmt: skip
    return [said for said in found if said[3] is None or said[3] > now]


def _entries(visits: Iterable[Appointment], taken: list, day: date, zone: ZoneInfo) -> list[Entry]:
    """What stands on a day: visits, groups as one, and what is taken by neither."""
    start, end = _midnight(day, zone), _midnight(day + ONE_DAY, zone)
    seen, groups, entries = set(), {}, []
    for visit in visits:
        if visit.start_datetime >= end or visit.end_datetime <= start:
            continue
        seen |= {visit.pk, visit.session_id}
        if visit.session_id and visit.status != Appointment.Status.CANCELED:
            groups.setdefault(visit.session_id, []).append(visit)
        else:
            entries.append(Entry(VISIT, visit.start_datetime, visit.end_datetime, visit))
    sees_all = tenancy.current().reach == Reach.FACILITY and not tenancy.current().barred
    for places in groups.values():
        one = places[0]
        entries.append(
            Entry(
                GROUP, one.start_datetime, one.end_datetime, places,
                places=one.session.capacity, taken=len(places) if sees_all else None,
            )
        )  # fmt: skip
    for taker, begins, ends, until in taken:
        if taker not in seen and begins < end and start < ends:
            kind = HELD if until else BUSY
            entries.append(Entry(kind, max(begins, start), min(ends, end), until=until))
    return sorted(entries, key=lambda entry: (entry.start, entry.end))
