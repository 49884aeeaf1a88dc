"""The lines of a calendar: properties, their values, and the errors in them (RFC 5545, 3.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from icalendar import vDuration
from icalendar.parser import Contentline

FOLDED = re.compile(r"\r?\n[ \t]")
NAME = re.compile(r"([\w-]+)[;:]", re.ASCII)
MOMENT = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)


class Malformed(Exception):
    """This is no calendar, or one with errors: in the part that is named."""


class Unsupported(Exception):
    """A repeating event has a part that is not understood: its name, like RSCALE."""


@dataclass(frozen=True, slots=True)
class Line:
    """A property: its value as it stands there, and what qualifies it."""

    value: str
    parameters: dict[str, str]


def named_lines(data: bytes) -> Iterator[tuple[str, str]]:
    """Each line with the name of its property, unfolded. Raises `Malformed`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("UTF-8") from error
    for line in re.split(r"\r?\n", FOLDED.sub("", text)):
        if match := NAME.match(line):
            yield match[1].upper(), line
        elif line.strip():
            raise Malformed("VCALENDAR")


def line_of(text: str) -> Line:
    """A property, read. Raises `Malformed`."""
    if '"' not in text:  # most lines: the library reads the others, and takes ten times as long
        head, _, value = text.partition(":")
        pairs = (one.partition("=") for one in head.split(";")[1:])
        return Line(value.strip(), {name.upper(): given for name, _, given in pairs})
    try:
        _name, parameters, value = Contentline(text).parts()
    except ValueError as error:
        raise Malformed(text.partition(":")[0][:20]) from error
    return Line(value.strip(), {name: str(given) for name, given in parameters.items()})


def moment(text: str) -> datetime | date:
    """A DATE, or a DATE-TIME: naive, or in UTC where it ends with Z. Raises `Malformed`."""
    found = MOMENT.fullmatch(text.strip().upper())
    if found is None:
        raise Malformed("DTSTART")
    day, clock, utc = found.groups()
    try:
        if clock is None:
            return date.fromisoformat(day)
        # A leap second is the second before it: no clock here shows it.
        at = datetime.fromisoformat(f"{day}T{clock[:4]}{min(clock[4:], '59')}")
    except ValueError as error:
        raise Malformed("DTSTART") from error
    return at.replace(tzinfo=UTC) if utc else at


def duration(text: str) -> timedelta:
    """A DURATION. Raises `Malformed`."""
    try:
        return vDuration.from_ical(text.strip().upper())
    except (ValueError, OverflowError) as error:
        raise Malformed("DURATION") from error
