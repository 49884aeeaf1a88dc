"""When a specialist is free: pure arithmetic over hours, exceptions, holidays, leave and visits.

Hours are wall-clock times of the facility's zone: 09:00 stays 09:00 over a clock change. Instants
are aware datetimes in UTC; ranges are half-open.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import attrgetter
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

LONGEST_RANGE = timedelta(days=60)
ONE_DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
ZONES = frozenset(available_timezones())
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekly hours (`day` 1 Monday to 7) or those of one `only_on` date; closed where no times.

    They are held in `room`, serve `kinds` (none named: all), begin a visit every `step` (None: as
    long as the visit takes) and keep `gap` free after each. `folds` tell which of two equal times
    of a clock change opens and closes (PEP 495).
    """

    start: time | None
    end: time | None
    day: int | None = None
    only_on: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    room: UUID | None = None
    step: timedelta | None = None
    gap: timedelta = timedelta(0)
    kinds: frozenset[UUID] = frozenset()
    folds: tuple[int | None, int | None] = (None, None)

    def holds_on(self, day: date) -> bool:
        if self.only_on is not None:
            return self.only_on == day
        return (
            self.day == day.isoweekday()
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_until is None or day <= self.valid_until)
        )

    def serves(self, kind: UUID | None) -> bool:
        return kind is None or not self.kinds or kind in self.kinds


@dataclass(frozen=True, slots=True)
class Closed:
    """When nobody receives: holidays of the clinic, but for hours set for that date, and days on
    which the specialist is away, whatever is set."""

    holidays: frozenset[date] = frozenset()
    away: tuple[tuple[date, date], ...] = ()

    def is_away(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.away)


@dataclass(frozen=True, slots=True)
class Week:
    """All that says when one specialist receives."""

    hours: tuple[Hours, ...] = ()
    closed: Closed = Closed()


@dataclass(frozen=True, slots=True)
class Length:
    """What a visit takes: its own time, and what is kept free before and after it."""

    visit: timedelta
    before: timedelta = timedelta(0)
    after: timedelta = timedelta(0)


@dataclass(slots=True, order=True, unsafe_hash=True)
class Span:
    """A half-open range of instants. Not to be changed; not frozen, since that makes it four times
    as dear, and a search makes thousands."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(slots=True, order=True, unsafe_hash=True)
class Slot(Span):
    """A free time, the room in which it would be, and of a group how many places are left."""

    room: UUID | None = field(default=None, compare=False)
    left: int = field(default=1, compare=False)


class NoSuchTime(ValueError):
    """The wall-clock time is skipped by a clock change."""


class AmbiguousTime(ValueError):
    """The wall-clock time comes twice at a clock change."""


def instant(day: date, clock: time, zone: ZoneInfo, fold: int | None = None) -> datetime:
    """The instant of a wall-clock time; raises `NoSuchTime`, and `AmbiguousTime` unless `fold` says
    which of two it is (PEP 495)."""
    first = datetime.combine(day, clock, zone)
    second = first.replace(fold=1)
    if first.utcoffset() != second.utcoffset():
        if first.astimezone(UTC).astimezone(zone).time() != clock:
            raise NoSuchTime(f"{day} {clock} does not exist in {zone}.")
        if fold is None:
            raise AmbiguousTime(f"{day} {clock} comes twice in {zone}.")
        return (second if fold else first).astimezone(UTC)
    return first.astimezone(UTC)


def hours_on(day: date, week: Week, kind: UUID | None = None) -> list[Hours]:
    """The hours that hold on a date: those of the date itself replace the weekly ones."""
    if week.closed.is_away(day):
        return []
    holding = [h for h in week.hours if h.holds_on(day)]
    exceptions = [h for h in holding if h.only_on is not None]
    if not exceptions and day in week.closed.holidays:
        return []
    open_ones = (h for h in exceptions or holding if h.start is not None and h.end is not None)
    return [h for h in open_ones if h.serves(kind)]


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """A stretch in which a specialist receives, and the hours that say so."""

    span: Span
    hours: Hours = field(compare=False)


def openings(
    start: datetime, end: datetime, week: Week, zone: ZoneInfo, kind: UUID | None = None
) -> list[Opening]:
    """When the specialist receives visits of a kind within the range."""
    found, day, asked = [], start.astimezone(zone).date() - ONE_DAY, Span(start, end)
    last = end.astimezone(zone).date()
    while day <= last:
        for h in hours_on(day, week, kind):
            span = _span_on(day, h.start, h.end, h.folds, zone)
            if span.start < span.end and span.overlaps(asked):
                found.append(Opening(span, h))
        day += ONE_DAY
    return sorted(found)


@lru_cache(maxsize=4096)
def _span_on(
    day: date, start: time, end: time, folds: tuple[int | None, int | None], zone: ZoneInfo
) -> Span:
    """From when the wall clock first shows the opening time or a later one until it last shows an
    earlier one than the closing time; or as the folds say where a time comes twice. Most hours of a
    clinic begin and end together, so each is reckoned once."""
    opens_fold, closes_fold = folds
    opens = border(datetime.combine(day, start), zone, opens_fold or 0)
    closing = datetime.combine(day, end)
    if closes_fold is None:
        return Span(opens, border(closing - INSTANT, zone, 1) + INSTANT)
    return Span(opens, border(closing, zone, closes_fold))


def border(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    """The instant at which the wall clock shows that time; where it is skipped, at which the clock
    jumps over it."""
    wall = wall.replace(tzinfo=zone)
    before, after = wall.utcoffset(), wall.replace(fold=1).utcoffset()
    if before == after:
        return wall.astimezone(UTC)
    if after < before:  # comes twice
        return wall.replace(fold=fold).astimezone(UTC)
    early, late = (wall.replace(fold=n).astimezone(UTC) for n in (1, 0))
    while late - early > SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0) - (INSTANT if wall.microsecond else timedelta(0))


def slots(
    start: datetime,
    end: datetime,
    *,
    week: Week,
    taken: Iterable[Span],
    length: Length,
    zone: ZoneInfo,
    kind: UUID | None = None,
    rooms: Mapping[UUID, Sequence[Span]] | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> Iterator[Slot]:
    """Free slots that begin in [start, end), on the grid of the opening times.

    A visit lies within the hours; what is kept free around it may lie outside, and never on what is
    taken, of the specialist and of the room. After one that ends off the grid the next begins on
    the grid again.
    """
    earliest, latest = max(start, not_before or start), min(end, not_after or end)
    own, stretches, visit, before = list(taken), {}, length.visit, length.before
    for opening in openings(start, end, week, zone, kind):
        h, opens = opening.hours, opening.span.start
        if h.room not in stretches:
            stretches[h.room] = _joined([*own, *(rooms or {}).get(h.room, ())])
        step, whole = h.step or visit, visit + max(length.after, h.gap)
        first = max(opens, earliest)
        closing = min(opening.span.end - visit, latest - INSTANT)
        for begins, ends in _between(stretches[h.room], opens - before, closing + whole):
            at, last = begins + before, min(closing, ends - whole)
            if at < first:
                at = first
            if off := (at - opens) % step:
                at += step - off
            while at <= last:
                yield Slot(at, at + visit, h.room)
                at += step


def earliest(
    found: Mapping[UUID, Iterable[Slot]],
) -> tuple[UUID, Slot] | None:
    """The slot that begins first among those of several specialists, with whose it is."""
    firsts = ((pk, next(iter(slots_of), None)) for pk, slots_of in found.items())
    standing = [(pk, slot) for pk, slot in firsts if slot is not None]
    return min(standing, key=lambda one: (one[1].start, str(one[0])), default=None)


def _joined(taken: Iterable[Span]) -> tuple[list[datetime], list[datetime]]:
    """When the stretches begin and end that the taken times fill together, in their order."""
    starts: list[datetime] = []
    ends: list[datetime] = []
    for span in sorted(taken, key=attrgetter("start")):
        if ends and span.start <= ends[-1]:
            ends[-1] = max(ends[-1], span.end)
        else:
            starts.append(span.start)
            ends.append(span.end)
    return starts, ends


def _between(
    taken: tuple[list[datetime], list[datetime]], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """What is left free of a range between the stretches that are taken, from and until when."""
    starts, ends = taken
    index, at = bisect_right(ends, start), start
    for begins in starts[index : bisect_left(starts, end, index)]:
        if at < begins:
            yield at, begins
        at, index = ends[index], index + 1
    if at < end:
        yield at, end
