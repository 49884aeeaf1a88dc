"""When a calendar of others says that somebody is busy."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice

from scheduling import recurrence
from scheduling.ics import zones
from scheduling.ics.lines import (
    Line,
    Malformed,
    Unsupported,
    duration,
    line_of,
    moment,
    named_lines,
)

MOST_BYTES = 5 * 1024 * 1024
MOST_EVENTS = 20_000
MOST_TIMES = 100_000  # that all events come to, before they are joined
MOST_ZONES, MOST_LINES_OF_A_ZONE = 200, 5_000
DEEPEST = 4  # components within components
LONGEST_WORK = 20.0  # seconds
EARLIEST = 1900  # the year
DAY = timedelta(days=1)
READ = frozenset({
    "BEGIN", "END", "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE",
    "RECURRENCE-ID", "STATUS", "TRANSP", "FREEBUSY",
})  # fmt: skip

Busy = tuple[datetime, datetime]
Start = datetime | date  # as it is written: a date is the start of a whole day


class TooMuch(Exception):
    """More events than are read, or more work than is done for one calendar."""


@dataclass(slots=True)
class Component:
    """An event, or another part of a calendar: its lines, by their names."""

    kind: str
    lines: dict[str, list[Line]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)  # all of it, where it defines a zone

    def get(self, name: str) -> Line | None:
        return next(iter(self.lines.get(name, ())), None)

    def said(self, name: str) -> str:
        line = self.get(name)
        return line.value if line else ""

    @property
    def is_free(self) -> bool:
        """Whether it takes no time: canceled, or marked so."""
        return (
            self.said("STATUS").upper() == "CANCELLED"
            or self.said("TRANSP").upper() == "TRANSPARENT"
        )


def components(data: bytes) -> Iterator[Component]:
    """The components that a calendar holds, in their order; what lies within them, like alarms, is
    passed over. Raises `Malformed` and `TooMuch`."""
    nested: list[str] = []
    number, one = 0, Component("")
    for name, text in named_lines(data):
        if one.kind == "VTIMEZONE":
            one.written.append(text)
        if name not in READ:
            if not nested:
                raise Malformed("VCALENDAR")
            continue
        line = line_of(text)
        kind = line.value.upper()
        if name == "BEGIN":
            if (kind == "VCALENDAR") == bool(nested):
                raise Malformed("BEGIN")
            nested.append(kind)
            if len(nested) == 2:
                one, number = Component(kind, written=[text]), number + 1
            if number > MOST_EVENTS or len(nested) > DEEPEST:
                raise TooMuch
        elif name == "END":
            if not nested or nested.pop() != kind:
                raise Malformed("END")
            if len(nested) == 1:
                yield one
                one = Component("")
        elif len(nested) == 2:
            one.lines.setdefault(name, []).append(line)
        elif not nested:
            raise Malformed("VCALENDAR")
    if nested or (not number and b"BEGIN:VCALENDAR" not in data[:1000].upper()):
        raise Malformed("VCALENDAR")


def busy_times(data: bytes, *, zone: tzinfo, first: datetime, last: datetime) -> list[Busy]:
    """The times between two instants at which the calendar's owner is busy, in order and without
    overlaps. What is canceled or marked as free is left out. Times without a zone, and whole days,
    are of `zone`.

    A time that a change of the clocks skips is as much later; of one that comes twice the first is
    meant (RFC 5545, 3.3.5). Raises `Malformed`, `Unsupported` (naming the part of a rule) and
    `TooMuch`; nothing is left out in silence.
    """
    if len(data) > MOST_BYTES:
        raise TooMuch
    try:
        return _joined(sorted(_Reading(list(components(data)), zone, first, last).busy()))
    except OverflowError as error:  # the end of all calendars
        raise Malformed("DTSTART") from error
    except recurrence.UnsupportedRule as error:
        raise Unsupported(error.part) from error
    except recurrence.MalformedRule as error:
        raise Malformed(error.part) from error


class _Reading:
    """A calendar that is being read between two instants."""

    def __init__(self, found: list[Component], zone: tzinfo, first: datetime, last: datetime):
        self.zone, self.first, self.last = zone, first, last
        self.until = time.monotonic() + LONGEST_WORK
        self.events = [one for one in found if one.kind == "VEVENT"]
        self.published = [one for one in found if one.kind == "VFREEBUSY"]
        self.number = 0
        self.known: dict[str, tzinfo] = {}
        self.defined: dict[str, list[str]] = {}
        for one in found:
            if one.kind == "VTIMEZONE":
                self.define(one.written)

    def busy(self) -> Iterator[Busy]:
        for component in self.published:
            yield from self.told(component)
        replaced: dict[str, set[Start]] = {}
        for event in self.events:
            if at := event.get("RECURRENCE-ID"):
                if at.parameters.get("RANGE"):
                    raise Unsupported("RANGE")
                replaced.setdefault(event.said("UID"), set()).add(self.key(self.start_in(at)))
        for event in self.events:
            if time.monotonic() > self.until:
                raise TooMuch
            if event.get("RECURRENCE-ID"):
                yield from self.once(event)
            else:
                yield from self.every(event, replaced.get(event.said("UID"), set()))

    def told(self, component: Component) -> Iterator[Busy]:
        """The periods of a calendar that tells nothing but when its owner is busy."""
        for line in component.lines.get("FREEBUSY", ()):
            if line.parameters.get("FBTYPE", "BUSY").upper() != "FREE":
                for text in line.value.split(","):
                    yield from self.in_range(*self.period(text, line))

    def once(self, event: Component) -> Iterator[Busy]:
        start, length = self.extent(event)
        if not event.is_free:
            yield from self.in_range(*self.span(start, length))

    def every(self, event: Component, left_out: set) -> Iterator[Busy]:
        """An event, as often as it comes, but for what is left out or replaced."""
        if event.get("EXRULE"):
            raise Unsupported("EXRULE")
        start, length = self.extent(event)
        rules = [recurrence.parse(line.value) for line in event.lines.get("RRULE", ())]
        if event.is_free:
            return
        gone = set(left_out)
        for line in event.lines.get("EXDATE", ()):
            gone |= {self.key(self.start_in(line, text)) for text in line.value.split(",")}
        starts = {self.key(start): start}
        for rule in rules:
            starts |= {self.key(at): at for at in self.following(rule, start, length)}
        spans = {
            # A bare date leaves out what starts on that day.
            key: self.span(at, length)
            for key, at in starts.items()
            if _day(at) not in gone
        }
        for line in event.lines.get("RDATE", ()):
            for text in line.value.split(","):
                spans |= self.added(text, line, length)
        for key, span in spans.items():
            if key not in gone:
                yield from self.in_range(*span)

    def following(self, rule: recurrence.Rule, start: Start, length: timedelta) -> Iterator[Start]:
        """The starts that a rule makes of the first one, each written as the first is."""
        is_timed = isinstance(start, datetime)
        begin = start if is_timed else datetime.combine(start, datetime.min.time())
        # Two days more on both sides: the walls of zones are that far apart.
        since = self.first.replace(tzinfo=None) - length - 2 * DAY
        until = self.last.replace(tzinfo=None) + 2 * DAY
        end = rule.until if rule.until and rule.until.tzinfo and is_timed else None
        if end:
            rule = replace(rule, until=None)
        walls = recurrence.walls(rule, begin.replace(tzinfo=None), since, until)
        for wall in islice(walls, MOST_TIMES):
            at = wall.replace(tzinfo=start.tzinfo) if is_timed else wall.date()
            if end and self.instant(at) > end:
                return
            yield at

    def added(self, text: str, line: Line, length: timedelta) -> dict[Start, Busy]:
        """A further start, or a further period."""
        if "/" in text:
            start, end = self.period(text, line)
            return {start: (start, end)}
        at = self.start_in(line, text)
        return {self.key(at): self.span(at, length)}

    def extent(self, event: Component) -> tuple[Start, timedelta]:
        """When an event starts, as it is written, and how long it is: whole days are counted by the
        calendar, the rest by elapsed time."""
        first = event.get("DTSTART")
        if first is None:
            raise Malformed("DTSTART")
        start = self.start_in(first)
        is_timed = isinstance(start, datetime)
        length = timedelta(0) if is_timed else DAY
        if line := event.get("DTEND"):
            end = self.start_in(line)
            if isinstance(end, datetime) != is_timed:
                raise Malformed("DTEND")
            length = self.instant(end) - self.instant(start) if is_timed else end - start
        elif line := event.get("DURATION"):
            length = duration(line.value)
        if length < timedelta(0) or start.year < EARLIEST:
            raise Malformed("DTEND" if length < timedelta(0) else "DTSTART")
        return start, length

    def span(self, start: Start, length: timedelta) -> Busy:
        begin = self.instant(start)
        is_timed = isinstance(start, datetime)
        return begin, begin + length if is_timed else self.instant(start + length)

    def period(self, text: str, line: Line) -> Busy:
        """A start and an end, or a start and a duration."""
        start, _, end = text.strip().upper().partition("/")
        begin = self.instant(self.start_in(line, start))
        if end[:1] in {"P", "+"}:
            return begin, begin + duration(end)
        return begin, self.instant(self.start_in(line, end))

    def in_range(self, start: datetime, end: datetime) -> Iterator[Busy]:
        if start < end and end > self.first and start < self.last:
            self.number += 1
            if self.number > MOST_TIMES:
                raise TooMuch
            yield max(start, self.first), min(end, self.last)

    def start_in(self, line: Line, text: str | None = None) -> Start:
        """The time that a line states: in UTC, in the zone that it names, floating, or a date."""
        found = moment(line.value if text is None else text)
        tzid = line.parameters.get("TZID")
        if tzid and isinstance(found, datetime) and found.tzinfo is None:
            return found.replace(tzinfo=self.named(tzid))
        return found

    def define(self, lines: list[str]) -> None:
        """Keep what the calendar says of a zone, in case that it is needed."""
        if len(lines) > MOST_LINES_OF_A_ZONE or len(self.defined) >= MOST_ZONES:
            raise TooMuch
        for text in lines:
            if text.upper().startswith("TZID"):
                self.defined.setdefault(line_of(text).value, lines)

    def named(self, tzid: str) -> tzinfo:
        """The zone of that name, or as the calendar defines it. Raises `Malformed` for neither."""
        if tzid not in self.known:
            found = zones.zone_of(tzid)
            if found is None:
                found = zones.defined(self.defined.get(tzid, []), self.last)
            if found is None:
                raise Malformed("TZID")
            self.known[tzid] = found
        return self.known[tzid]

    def instant(self, at: Start) -> datetime:
        """In UTC; floating times and whole days are of the reader's zone."""
        if not isinstance(at, datetime):
            at = datetime.combine(at, datetime.min.time())
        there = at if at.tzinfo is not None else at.replace(tzinfo=self.zone)
        return there.astimezone(UTC)

    def key(self, at: Start) -> Start:
        """What two ways of writing the same start have in common."""
        return self.instant(at) if isinstance(at, datetime) else at


def _day(at: Start) -> date:
    return at.date() if isinstance(at, datetime) else at


def _joined(times: list[Busy]) -> list[Busy]:
    """The same times, those that touch put together."""
    joined: list[Busy] = []
    for start, end in times:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
