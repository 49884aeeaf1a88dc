"""What we write is read with the same instants, in every zone of the tz database and around each
change of its clocks: by `icalendar`, by ical.js, and by ourselves."""

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from scheduling.ics import reading, writing, zones
from scheduling.ics.writing import Entry
from scheduling.tests.programs import icaljs

ZONES = sorted(available_timezones() - {"Factory", "localtime"})
# Past years have what the rules of today do not: zones that changed them, or change no more.
YEARS = (1997, 2011, 2026)
MINUTES = (-90, -61, -60, -45, -31, -30, -15, -1, 0, 1, 15, 29, 30, 45, 59, 60, 61, 90, 125)


def instants(zone: ZoneInfo, year: int) -> list[datetime]:
    """The middle of each month, and what lies close to each change of the clocks."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 2, 1, 1, tzinfo=UTC)
    found = {datetime(y, m, 15, 12, tzinfo=UTC) for y in (year, year + 1) for m in range(1, 13)}
    for change in plain_changes(zone.key, start, end):
        found |= {change + timedelta(minutes=minutes) for minutes in MINUTES}
    return sorted(found)


@cache
def plain_changes(key: str, start: datetime, end: datetime) -> list[datetime]:
    """The changes of the clocks, looked for by small steps and then by minutes."""
    zone, found, at = ZoneInfo(key), [], start
    while at < end:
        later = at + timedelta(hours=12)
        if at.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            minute = at
            while minute.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                minute += timedelta(minutes=1)
            found.append(minute)
        at = later
    return found


def calendar(key: str, starts: list[datetime], minutes: int = 30) -> bytes:
    entries = [
        Entry(str(n), at, at + timedelta(minutes=minutes), 1, at, "CONFIRMED", "Visit")
        for n, at in enumerate(starts)
    ]
    return writing.calendar_of(entries, name="", zone=ZoneInfo(key))


@pytest.fixture(scope="module")
def written() -> dict[str, tuple[list[datetime], bytes]]:
    """A calendar for each zone and time, with the instants that it must be read with."""
    made = {}
    for key in ZONES:
        for year in YEARS:
            starts = instants(ZoneInfo(key), year)
            made[f"{key} {year}"] = starts, calendar(key, starts)
    return made


def test_icaljs_reads_them_all(written):
    found = icaljs({name: content for name, (_starts, content) in written.items()})
    assert found.keys() == written.keys()
    wrong = {}
    for name, (starts, _content) in written.items():
        assert found[name]["zones"] == 1
        told = [(event["start"], event["end"]) for event in found[name]["events"]]
        if told != [(at.timestamp(), at.timestamp() + 1800) for at in starts]:
            wrong[name] = [
                (at.isoformat(), one) for at, one in zip(starts, told, strict=True)
                if at.timestamp() != one[0]
            ]  # fmt: skip
    assert wrong == {}


def test_icalendar_reads_them_all(written):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, (starts, content) in written.items():
            if not name.endswith("2026"):  # it takes its time
                continue
            parsed = Calendar.from_ical(content)
            assert [one.start.astimezone(UTC) for one in parsed.walk("VEVENT")] == starts, name
            assert not any(one.errors for one in parsed.walk()), name


def test_our_own_reading_of_the_zone_that_we_define_agrees(written):
    """Under a name that says nothing, so that the definition alone counts."""
    for name, (starts, content) in written.items():
        key = name.partition(" ")[0]
        text = content.replace(f"TZID:{key}".encode(), b"TZID:Ours")
        text = text.replace(f"TZID={key}".encode(), b"TZID=Ours")
        expected = joined((at, at + timedelta(minutes=30)) for at in starts)
        found = reading.busy_times(
            text, zone=UTC, first=starts[0] - timedelta(days=1), last=starts[-1] + timedelta(days=1)
        )
        assert found == expected, name


def joined(times) -> list[tuple[datetime, datetime]]:
    """Times as they stand on a calendar's page, those that touch as one."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(times):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


@pytest.mark.parametrize("key", ["America/New_York", "Europe/Lisbon", "Australia/Lord_Howe"])
def test_a_zone_that_keeps_its_rules_is_told_in_two_yearly_ones(key):
    lines = zones.definition(ZoneInfo(key), 2026, 2028)
    assert sum(line.startswith("RRULE:FREQ=YEARLY;BYMONTH=") for line in lines) == 2
    assert len(lines) < 30


def plain_offset(zone: tzinfo, wall: datetime) -> timedelta:
    return wall.replace(tzinfo=zone).utcoffset()


@settings(max_examples=300, deadline=None)
@given(
    key=st.sampled_from(ZONES),
    wall=st.datetimes(
        *(datetime.combine(day, time()) for day in (date(2026, 1, 1), date(2027, 12, 31)))
    ),
    days=st.integers(1, 10),
)
def test_a_repeating_event_of_others_stays_at_its_time_of_day(key, wall, days):
    """Against plain arithmetic: the same time on the wall each few days, in whatever zone."""
    zone, wall = ZoneInfo(key), wall.replace(microsecond=0)
    text = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"DTSTART;TZID={key}:{wall:%Y%m%dT%H%M%S}\r\nDURATION:PT10M\r\n"
        f"RRULE:FREQ=DAILY;INTERVAL={days};COUNT=40\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    first, last = datetime(2026, 2, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    expected = [
        (start, start + timedelta(minutes=10))
        for start in plainly(zone, wall, days)
        if start + timedelta(minutes=10) > first and start < last
    ]
    expected = joined((max(start, first), end) for start, end in expected)
    found = reading.busy_times(text.encode(), zone=UTC, first=first, last=last)
    assert found == expected


def plainly(zone: tzinfo, wall: datetime, days: int) -> Iterator[datetime]:
    for n in range(40):
        at = wall + timedelta(days=days * n)
        yield (at - plain_offset(zone, at)).replace(tzinfo=UTC)
