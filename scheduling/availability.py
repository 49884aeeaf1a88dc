"""When a specialist is free: pure arithmetic over weekly hours, exceptions and visits.

Hours are wall-clock times of the facility's zone: 09:00 stays 09:00 over a clock change. Instants
are aware datetimes in UTC; ranges are half-open.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONGEST_RANGE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekly hours (`day` 1 Monday to 7) or those of one `only_on` date; closed where no times."""

    start: time | None
    end: time | None
    day: int | None = None
    only_on: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    def holds_on(self, day: date) -> bool:
        if self.only_on is not None:
            return self.only_on == day
        return (
            self.day == day.isoweekday()
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_until is None or day <= self.valid_until)
        )


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of instants."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


class NoSuchTime(ValueError):
    """The wall-clock time is skipped by a clock change."""


class AmbiguousTime(ValueError):
    """The wall-clock time comes twice at a clock change."""


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant of a wall-clock time; raises `NoSuchTime` or `AmbiguousTime` (PEP 495)."""
    first = datetime.combine(day, clock, zone)
    second = first.replace(fold=1)
    if first.utcoffset() != second.utcoffset():
        if first.astimezone(UTC).astimezone(zone).time() != clock:
            raise NoSuchTime(f"{day} {clock} does not exist in {zone}.")
        raise AmbiguousTime(f"{day} {clock} comes twice in {zone}.")
    return first.astimezone(UTC)


def hours_on(day: date, hours: Iterable[Hours]) -> list[Hours]:
    """The hours that hold on a date: those of the date itself replace the weekly ones."""
    holding = [h for h in hours if h.holds_on(day)]
    exceptions = [h for h in holding if h.only_on is not None]
    return [h for h in (exceptions or holding) if h.start is not None and h.end is not None]


def open_spans(start: datetime, end: datetime, hours: list[Hours], zone: ZoneInfo) -> list[Span]:
    """When the specialist works within the range. A border that a clock change skips moves to the
    change itself; of one that comes twice, an opening is the first and a closing the second."""
    spans, day = [], start.astimezone(zone).date() - timedelta(days=1)
    while day <= end.astimezone(zone).date():
        for h in hours_on(day, hours):
            opens = datetime.combine(day, h.start, zone).astimezone(UTC)
            closes = datetime.combine(day, h.end, zone).replace(fold=1).astimezone(UTC)
            if opens < closes:
                spans.append(Span(opens, closes))
        day += timedelta(days=1)
    return sorted(s for s in spans if s.overlaps(Span(start, end)))


def slots(
    start: datetime,
    end: datetime,
    *,
    hours: list[Hours],
    taken: Iterable[Span],
    length: timedelta,
    zone: ZoneInfo,
    not_before: datetime | None = None,
) -> Iterator[Span]:
    """Free slots of `length` that begin in [start, end), on the grid of the opening times.

    After a visit that ends off the grid the next slot begins on the grid again.
    """
    earliest = max(start, not_before or start)
    busy = sorted(taken)
    for span in open_spans(start, end, hours, zone):
        at, index = span.start, 0
        while at + length <= span.end and at < end:
            slot = Span(at, at + length)
            while index < len(busy) and busy[index].end <= slot.start:
                index += 1
            clash = next((b for b in busy[index:] if b.start < slot.end), None)
            if at >= earliest and (clash is None or not clash.overlaps(slot)):
                yield slot
            at += length
