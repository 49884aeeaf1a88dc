"""Time zones in calendars: defining ours for others, and understanding theirs."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from icalendar import Timezone, vUTCOffset
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from scheduling import recurrence
from scheduling.ics.lines import Malformed

STEP = timedelta(days=7)  # no zone changes its clock and changes it back within a week
BEFORE, AFTER = 1, 12  # years looked at around those that are shown
EARLIEST = 1970  # the year from which the rules of others' zones are followed
MOST_PARTS = 10  # of a zone's name
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the clocks: its instant, and what holds before and after it."""

    at: datetime
    before: timedelta
    after: timedelta
    name: str
    is_dst: bool

    @property
    def wall(self) -> datetime:
        """What the clocks show at that moment, before they are changed."""
        return (self.at + self.before).replace(tzinfo=None)


@lru_cache(maxsize=100)
def definition(zone: ZoneInfo, first: int, last: int) -> tuple[str, ...]:
    """The lines of the VTIMEZONE that holds from the year `first` to the year `last`, both shown
    in full, as the tz database has them.

    Changes that come every year on the same weekday of a month are one yearly rule, which all
    clients read; the others stand one by one. Clients look offsets up in what they have passed: the
    definition therefore begins a year earlier, with what held then.
    """
    begin = datetime(first - BEFORE, 1, 1, tzinfo=UTC)
    found = list(changes(zone, begin, datetime(last + AFTER, 1, 1, tzinfo=UTC)))
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone.key}"]
    lines += _observance(_held_at(zone, begin), begin.replace(tzinfo=None))
    by_kind: dict[tuple, list[Change]] = {}
    for one in found:
        by_kind.setdefault(_kind(one), []).append(one)
    for alike in by_kind.values():
        if rule := _yearly(alike, through=last + AFTER - 1):
            lines += _observance(alike[0], alike[0].wall, rule)
        else:
            for one in alike:
                if one.at.year <= last + 1:
                    lines += _observance(one, one.wall)
    return (*lines, "END:VTIMEZONE")


def changes(zone: tzinfo, start: datetime, end: datetime) -> Iterator[Change]:
    """The changes of a zone's clocks from `start` until before `end`, two instants in UTC."""
    marks = [start + STEP * n for n in range((end - start) // STEP + 1)] + [end]
    for early, late in pairwise(marks):
        before = _held(zone, early)
        if _held(zone, late) == before:
            continue
        while late - early > timedelta(seconds=1):
            middle = early + (late - early) // 2
            middle = middle.replace(microsecond=0)
            early, late = (middle, late) if _held(zone, middle) == before else (early, middle)
        yield Change(late, before[0], *_held(zone, late))


def _held(zone: tzinfo, at: datetime) -> tuple[timedelta, str, bool]:
    """Offset, abbreviation and whether it is summer time."""
    there = at.astimezone(zone)
    return there.utcoffset() or timedelta(), there.tzname() or "", bool(there.dst())


def _held_at(zone: tzinfo, at: datetime) -> Change:
    """What holds at an instant, as a change that changes nothing."""
    offset, name, is_dst = _held(zone, at)
    return Change(at, offset, offset, name, is_dst)


def _kind(one: Change) -> tuple:
    wall = one.wall
    return one.before, one.after, one.name, one.is_dst, wall.month, wall.time(), wall.weekday()


def _yearly(alike: list[Change], through: int) -> str:
    """The rule by which changes of one kind come every year until the end; '' where none does."""
    days = [one.wall.date() for one in alike]
    if [day.year for day in days] != list(range(days[0].year, through + 1)) or len(
        days
    ) < BEFORE + 2:
        return ""
    places = {(day.day - 1) // 7 + 1 for day in days}
    if all((day + STEP).month != day.month for day in days):
        place = -1
    elif len(places) == 1:
        place = places.pop()
    else:
        return ""
    return f"RRULE:FREQ=YEARLY;BYMONTH={days[0].month};BYDAY={place}{DAYS[days[0].weekday()]}"


def _observance(one: Change, wall: datetime, rule: str = "") -> list[str]:
    kind = "DAYLIGHT" if one.is_dst else "STANDARD"
    lines = [
        f"BEGIN:{kind}",
        f"DTSTART:{wall:%Y%m%dT%H%M%S}",
        f"TZOFFSETFROM:{vUTCOffset(one.before).to_ical()}",
        f"TZOFFSETTO:{vUTCOffset(one.after).to_ical()}",
        f"TZNAME:{one.name}",
        rule,
        f"END:{kind}",
    ]
    return [line for line in lines if line]


@lru_cache(maxsize=1)
def _known() -> Mapping[str, str]:
    """The names of the tz database, and what Windows calls zones, without regard to case."""
    names = {name.lower(): name for name in available_timezones()}
    windows = {theirs.lower(): name for theirs, name in WINDOWS_TO_OLSON.items()}
    return windows | names


def zone_of(tzid: str) -> ZoneInfo | None:
    """The zone that a calendar means by a name: that of the tz database, also with another
    program's prefix before it, or one of Windows'. None for any other."""
    parts = tzid.strip("/").split("/")[:MOST_PARTS]
    for cut in range(len(parts) if tzid.startswith("/") else 1):
        if name := _known().get("/".join(parts[cut:]).lower()):
            return ZoneInfo(name)
    return None


class Defined(tzinfo):
    """A zone as a calendar defines it itself. It leads from the clocks to UTC, and not back."""

    def __init__(self, onsets: list[tuple[datetime, timedelta, timedelta]]):
        self.onsets = sorted(onsets)
        self.starts = [start for start, _before, _after in self.onsets]

    def utcoffset(self, dt):
        at = dt.replace(tzinfo=None)
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return self.onsets[0][1]
        start, before, after = self.onsets[place]
        # Of what the clocks skip the offset before counts (RFC 5545, 3.3.5).
        return before if at < start + (after - before) else after

    def dst(self, dt):
        return None

    def tzname(self, dt):
        return None


def defined(lines: list[str], last: datetime) -> Defined | None:
    """The zone that the lines of a VTIMEZONE define, until after `last`; None where they define
    none. Raises `Malformed`, and of a rule what `recurrence` raises."""
    if not lines:
        return None
    try:
        component = Timezone.from_ical("\r\n".join(lines))
        onsets = [
            (start, one["TZOFFSETFROM"].td, one["TZOFFSETTO"].td)
            for one in component.subcomponents
            for start in _onsets(one, last.replace(tzinfo=None) + 2 * STEP)
        ]
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        if isinstance(error, (recurrence.UnsupportedRule, recurrence.MalformedRule)):
            raise
        raise Malformed("VTIMEZONE") from error
    return Defined(onsets) if onsets else None


def _onsets(observance, last: datetime) -> Iterator[datetime]:
    """When an observance begins, each time: by the clocks as they were before."""
    first = observance["DTSTART"].dt.replace(tzinfo=None)
    yield first
    for several in _each(observance, "RDATE"):
        yield from (one.dt.replace(tzinfo=None) for one in several.dts)
    for value in _each(observance, "RRULE"):
        rule = recurrence.parse(value.to_ical().decode())
        if rule.frequency not in {"YEARLY", "MONTHLY"}:
            raise Malformed("VTIMEZONE")
        since = max(first, first.replace(year=EARLIEST, month=1, day=1))
        yield from recurrence.walls(rule, first, since, last)


def _each(observance, name: str) -> list:
    given = observance.get(name, [])
    return given if isinstance(given, list) else [given]
