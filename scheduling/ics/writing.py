"""Writing a calendar: one zone, and the visits in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import vText
from icalendar.parser import Contentline

from scheduling.ics import zones

PRODUCT = "-//Chartroom//Visits//EN"
READ_AGAIN = "PT1H"  # how often a program is asked to read a calendar again
LOCAL, WORLD = "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Entry:
    """A visit as a calendar shows it. `sequence` grows with each change, `status` is one of
    CONFIRMED, TENTATIVE and CANCELLED; an `organizer` is a name and an e-mail address."""

    uid: str
    start: datetime
    end: datetime
    sequence: int
    changed: datetime
    status: str
    summary: str
    location: str = ""
    url: str = ""
    organizer: tuple[str, str] | None = None


def calendar_of(entries: Iterable[Entry], *, name: str, zone: ZoneInfo, method: str = "") -> bytes:
    """The calendar (RFC 5545, UTF-8): its zone is defined once, whatever the entries. `method` says
    what a message wants (RFC 5546); a calendar that is read from an address has none."""
    events = list(entries)
    years = {one.start.astimezone(zone).year for one in events} or {datetime.now(zone).year}
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        f"METHOD:{method}" if method else "",
        _text("X-WR-CALNAME", name) if name else "",
        f"X-WR-TIMEZONE:{zone.key}",
        "" if method else f"REFRESH-INTERVAL;VALUE=DURATION:{READ_AGAIN}",
        "" if method else f"X-PUBLISHED-TTL:{READ_AGAIN}",
        *zones.definition(zone, min(years), max(years) + 1),
    ]
    for one in events:
        lines += _event(one, zone)
    lines.append("END:VCALENDAR")
    return ("\r\n".join(line for line in lines if line) + "\r\n").encode()


def _event(one: Entry, zone: ZoneInfo) -> list[str]:
    changed = one.changed.astimezone(ZoneInfo("UTC")).strftime(WORLD)
    return [
        "BEGIN:VEVENT",
        f"UID:{one.uid}",
        f"DTSTAMP:{changed}",
        f"LAST-MODIFIED:{changed}",
        f"SEQUENCE:{one.sequence}",
        _moment("DTSTART", one.start, zone),
        _moment("DTEND", one.end, zone),
        _text("SUMMARY", one.summary),
        _text("LOCATION", one.location) if one.location else "",
        _folded(f"URL:{one.url}") if one.url else "",
        _organizer(one.organizer) if one.organizer else "",
        f"STATUS:{one.status}",
        "TRANSP:TRANSPARENT" if one.status == "CANCELLED" else "TRANSP:OPAQUE",
        "CLASS:PRIVATE",
        "END:VEVENT",
    ]


def _moment(name: str, at: datetime, zone: ZoneInfo) -> str:
    """A time by the zone's clocks. One that they show twice is told in UTC: readers take the first
    of the two, or disagree."""
    there = at.astimezone(zone)
    if there.utcoffset() != there.replace(fold=not there.fold).utcoffset():
        return f"{name}:{at.astimezone(ZoneInfo('UTC')).strftime(WORLD)}"
    return f"{name};TZID={zone.key}:{there.strftime(LOCAL)}"


@lru_cache(maxsize=1000)
def _text(name: str, value: str) -> str:
    """A line that holds a text: escaped, and folded after 75 bytes."""
    return _folded(f"{name}:{vText(value).to_ical().decode()}")


def _organizer(organizer: tuple[str, str]) -> str:
    name, address = organizer
    quoted = name.replace('"', "'").replace("\n", " ").replace("\r", " ")
    return _folded(f'ORGANIZER;CN="{quoted}":mailto:{address}')


def _folded(line: str) -> str:
    return Contentline(line).to_ical().decode()
