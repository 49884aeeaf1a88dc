"""What calendars of others say, and how they say it."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.ics import reading
from scheduling.ics.lines import Malformed, Unsupported
from scheduling.ics.reading import TooMuch

HERE = ZoneInfo("America/New_York")
FIRST, LAST = datetime(2026, 11, 20, tzinfo=UTC), datetime(2028, 11, 20, tzinfo=UTC)
OFFICE = """BEGIN:VTIMEZONE
TZID:Office
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""


def calendar(*parts: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Somebody//EN"]
    for part in parts:
        lines += part.strip().split("\n")
    return ("\r\n".join([*lines, "END:VCALENDAR"]) + "\r\n").encode()


def event(lines: str) -> str:
    return f"BEGIN:VEVENT\nUID:one\nSUMMARY:Secret\n{lines.strip()}\nEND:VEVENT"


def busy(*parts: str, zone=HERE) -> list[str]:
    """The times as “11-24 10:00 60”: start in UTC, and minutes."""
    found = reading.busy_times(calendar(*parts), zone=zone, first=FIRST, last=LAST)
    return [f"{a:%m-%d %H:%M} {(b - a) // timedelta(minutes=1)}" for a, b in found]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("DTSTART:20261124T150000Z\nDTEND:20261124T160000Z", ["11-24 15:00 60"]),
        ("DTSTART:20261124T150000Z\nDURATION:PT1H30M", ["11-24 15:00 90"]),
        # floating, by the clinic's clock, and a zone by its name
        ("DTSTART:20261124T100000\nDTEND:20261124T110000", ["11-24 15:00 60"]),
        ("DTSTART;TZID=Europe/Lisbon:20261124T100000\nDURATION:PT1H", ["11-24 10:00 60"]),
        ('DTSTART;TZID="Europe/Lisbon":20261124T100000\nDURATION:PT1H', ["11-24 10:00 60"]),
        ("DTSTART;TZID=E. South America Standard Time:20261124T100000\nDURATION:PT1H",
         ["11-24 13:00 60"]),
        ("DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Lisbon:20261124T100000\n"
         "DURATION:PT1H", ["11-24 10:00 60"]),
        ("DTSTART;TZID=Office:20261124T100000\nDURATION:PT1H", ["11-24 09:00 60"]),
        ("DTSTART;TZID=Office:20270624T100000\nDURATION:PT1H", ["06-24 08:00 60"]),
        # whole days, of the clinic's zone; over a change of the clocks a day has 23 hours
        ("DTSTART;VALUE=DATE:20261124", ["11-24 05:00 1440"]),
        ("DTSTART;VALUE=DATE:20270313\nDTEND;VALUE=DATE:20270315", ["03-13 05:00 2820"]),
        # the clock skips 02:30, and shows 01:30 twice
        ("DTSTART;TZID=America/New_York:20270314T023000\nDURATION:PT15M", ["03-14 07:30 15"]),
        ("DTSTART;TZID=America/New_York:20271107T013000\nDURATION:PT15M", ["11-07 05:30 15"]),
        # without a length, free, canceled, over
        ("DTSTART:20261124T150000Z", []),
        ("DTSTART:20261124T150000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT", []),
        ("DTSTART:20261124T150000Z\nDURATION:PT1H\nSTATUS:CANCELLED", []),
        ("DTSTART:20261124T150000Z\nDURATION:PT1H\nSTATUS:TENTATIVE", ["11-24 15:00 60"]),
        ("DTSTART:20251124T150000Z\nDURATION:PT1H", []),
        ("DTSTART:20301124T150000Z\nDURATION:PT1H", []),
        ("DTSTART:20261119T230000Z\nDURATION:PT2H", ["11-20 00:00 60"]),
        # an alarm has times of its own
        ("DTSTART:20261124T150000Z\nDURATION:PT1H\nBEGIN:VALARM\nDURATION:PT9H\nTRIGGER:-PT15M\n"
         "END:VALARM", ["11-24 15:00 60"]),
    ],
)  # fmt: skip
def test_one_event(lines, expected):
    assert busy(OFFICE, event(lines)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("RRULE:FREQ=WEEKLY;COUNT=3", ["11-24 15:00 60", "12-01 15:00 60", "12-08 15:00 60"]),
        ("RRULE:FREQ=WEEKLY;UNTIL=20261201T150000Z", ["11-24 15:00 60", "12-01 15:00 60"]),
        ("RRULE:FREQ=WEEKLY;UNTIL=20261201T145959Z", ["11-24 15:00 60"]),
        ("RRULE:FREQ=WEEKLY;UNTIL=20261201", ["11-24 15:00 60", "12-01 15:00 60"]),
        ("RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=America/New_York:20261201T100000",
         ["11-24 15:00 60", "12-08 15:00 60"]),
        ("RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE:20261201T150000Z,20261208T150000Z",
         ["11-24 15:00 60"]),
        ("RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20261201",
         ["11-24 15:00 60", "12-08 15:00 60"]),
        ("RDATE:20261126T150000Z", ["11-24 15:00 60", "11-26 15:00 60"]),
        ("RDATE;VALUE=PERIOD:20261126T150000Z/PT2H,20261127T150000Z/20261127T153000Z",
         ["11-24 15:00 60", "11-26 15:00 120", "11-27 15:00 30"]),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1TU;COUNT=2", ["11-24 15:00 60", "12-29 15:00 60"]),
        # what it begins with counts, also where the rule does not say so
        ("RRULE:FREQ=WEEKLY;BYDAY=WE;UNTIL=20261203", ["11-24 15:00 60", "11-25 15:00 60",
                                                      "12-02 15:00 60"]),
        # 10:00 stays 10:00 when the clocks change
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=24;COUNT=6",
         ["11-24 15:00 60", "12-24 15:00 60", "01-24 15:00 60", "02-24 15:00 60", "03-24 14:00 60",
          "04-24 14:00 60"]),
    ],
)  # fmt: skip
def test_an_event_that_repeats(lines, expected):
    start = "DTSTART;TZID=America/New_York:20261124T100000\nDURATION:PT1H\n"
    assert busy(event(start + lines)) == expected


def test_one_of_many_that_was_moved_and_one_that_was_canceled():
    weekly = event("DTSTART:20261124T150000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3")
    moved = event("RECURRENCE-ID:20261201T150000Z\nDTSTART:20261202T090000Z\nDURATION:PT2H")
    gone = event(
        "RECURRENCE-ID:20261208T150000Z\nDTSTART:20261208T150000Z\nDURATION:PT1H\nSTATUS:CANCELLED"
    )
    assert busy(moved, weekly, gone) == ["11-24 15:00 60", "12-02 09:00 120"]


def test_what_began_long_ago_and_goes_on():
    found = busy(event("DTSTART:19990105T150000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY"))
    assert len(found) == 104 and found[0] == "11-24 15:00 60"


def test_times_that_touch_are_one():
    times = ("150000Z/PT1H", "160000Z/PT1H", "163000Z/PT15M", "173000Z/PT5M")
    pieces = [event(f"DTSTART:20261124T{t[:7]}\nDURATION:{t[8:]}").replace("one", t) for t in times]
    assert busy(*pieces) == ["11-24 15:00 120", "11-24 17:30 5"]


def test_a_calendar_that_tells_nothing_but_busy_times():
    told = """BEGIN:VFREEBUSY
DTSTART:20261101T000000Z
FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261124T150000Z/20261124T160000Z,20261125T150000Z/PT30M
FREEBUSY;FBTYPE=FREE:20261126T150000Z/PT1H
END:VFREEBUSY"""
    assert busy(told) == ["11-24 15:00 60", "11-25 15:00 30"]


def test_lines_that_are_folded_and_end_as_they_like():
    text = calendar(event("DTSTART:20261124T150000Z\nDURATION:PT1H"))
    for sent in (
        b"\xef\xbb\xbf" + text,
        text.replace(b"\r\n", b"\n"),
        text.replace(b"T150000Z", b"T15\r\n 0000Z"),
        text + b"\r\n\r\n",
    ):
        assert len(reading.busy_times(sent, zone=HERE, first=FIRST, last=LAST)) == 1


def test_a_zone_of_one_calendar_is_not_taken_for_that_of_another():
    lines = "DTSTART;TZID=Office:20261124T100000\nDURATION:PT1H"
    assert busy(OFFICE, event(lines)) == ["11-24 09:00 60"]
    elsewhere = OFFICE.replace("+0200", "-0400").replace("+0100", "-0500")
    assert busy(elsewhere, event(lines)) == ["11-24 15:00 60"]
    with pytest.raises(Malformed):
        busy(event(lines))


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ("RRULE:RSCALE=HEBREW;FREQ=YEARLY", "RSCALE"),
        ("RRULE:FREQ=YEARLY;SKIP=FORWARD", "SKIP"),
        ("RRULE:FREQ=YEARLY;BYEASTER=0", "BYEASTER"),
        ("RRULE:FREQ=SECONDLY", "FREQ=SECONDLY"),
        ("EXRULE:FREQ=DAILY", "EXRULE"),
        ("RECURRENCE-ID;RANGE=THISANDFUTURE:20261201T150000Z", "RANGE"),
    ],
)
def test_what_is_not_supported_is_named(lines, part):
    with pytest.raises(Unsupported, match=part):
        busy(event(f"DTSTART:20261124T150000Z\nDURATION:PT1H\n{lines}"))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n", b"<html><body>Sign in</body></html>", b"BEGIN:VCALENDAR", b"\xff\xfe\x00",
        b"BEGIN:VEVENT\nDTSTART:20261124T150000Z\nEND:VEVENT", b"END:VCALENDAR",
        b"BEGIN:VCALENDAR\nEND:VEVENT", b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR",
        b"BEGIN:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR", b"DTSTART:20261124",
        b"BEGIN:VCALENDAR\nno property\nEND:VCALENDAR",
        calendar(event("SUMMARY:No start")),
        calendar(event("DTSTART:tomorrow")),
        calendar(event("DTSTART:20261324T150000Z")),
        calendar(event("DTSTART:20261124T250000Z")),
        calendar(event("DTSTART:18261124T150000Z")),
        calendar(event("DTSTART:20261124T150000Z\nDTEND:20261124T140000Z")),
        calendar(event("DTSTART:20261124T150000Z\nDTEND;VALUE=DATE:20261125")),
        calendar(event("DTSTART:20261124T150000Z\nDURATION:long")),
        calendar(event("DTSTART:20261124T150000Z\nDURATION:P99999999999D")),
        calendar(event("DTSTART:20261124T150000Z\nDURATION:PT1H\nRRULE:every day")),
        calendar(event("DTSTART:20261124T150000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=0")),
        calendar(event("DTSTART;TZID=Nowhere/Land:20261124T150000\nDURATION:PT1H")),
        calendar(event("DTSTART;TZID=../../etc/passwd:20261124T150000\nDURATION:PT1H")),
        calendar("BEGIN:VTIMEZONE\nTZID:Empty\nEND:VTIMEZONE",
                 event("DTSTART;TZID=Empty:20261124T150000\nDURATION:PT1H")),
        calendar(OFFICE.replace("+0200", "soon"),
                 event("DTSTART;TZID=Office:20261124T150000\nDURATION:PT1H")),
        calendar(OFFICE.replace("YEARLY;BYDAY=-1SU", "DAILY"),
                 event("DTSTART;TZID=Office:20261124T150000\nDURATION:PT1H")),
        calendar(event("DTSTART:99991231T230000Z\nDURATION:PT9H\nRRULE:FREQ=YEARLY")),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(data):
    with pytest.raises(Malformed):
        reading.busy_times(data, zone=HERE, first=FIRST, last=LAST)


class TestWhatIsTooMuch:
    def refused(self, data: bytes) -> float:
        began = time.process_time()
        with pytest.raises(TooMuch):
            reading.busy_times(data, zone=HERE, first=FIRST, last=LAST)
        return time.process_time() - began

    def test_bytes_events_and_zones(self):
        self.refused(b"x" * (reading.MOST_BYTES + 1))
        self.refused(calendar(*[event("DTSTART:20200101")] * 20_001))
        self.refused(calendar(*[OFFICE.replace("Office", str(n)) for n in range(300)]))
        self.refused(calendar("BEGIN:A\n" * 9))

    def test_times(self):
        hourly = event("DTSTART:20261124T150000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY")
        assert self.refused(calendar(*[hourly] * 100)) < 10

    def test_rules_that_never_come_cost_little(self):
        """A general engine looks for a 30th of February until the end of all calendars."""
        never = event("DTSTART:20261124T150000Z\nDURATION:PT1H\nRRULE:{}")
        began = time.process_time()
        for rule in (
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
            "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        ):  # fmt: skip
            assert busy(never.format(rule)) == ["11-24 15:00 60"]
        assert time.process_time() - began < 5

    def test_many_of_them_are_given_up(self, monkeypatch):
        monkeypatch.setattr(reading, "LONGEST_WORK", 0.5)
        daily = event("DTSTART:19010101T150000Z\nDURATION:PT1M\nRRULE:FREQ=DAILY;COUNT=10000")
        assert self.refused(calendar(*[daily] * 2_000)) < 10


def test_ten_thousand_events_are_read_within_seconds():
    weekly = "\nRRULE:FREQ=WEEKLY;BYDAY=MO,TH"
    starts = (FIRST + timedelta(hours=2 * n) for n in range(10_000))
    pieces = [
        event(
            f"DTSTART;TZID=Europe/Lisbon:{start:%Y%m%dT%H%M%S}"
            f"\nDURATION:PT1H{weekly if n % 20 == 0 else ''}"
        )
        for n, start in enumerate(starts)
    ]
    data, began = calendar(*pieces), time.process_time()
    assert len(reading.busy_times(data, zone=HERE, first=FIRST, last=LAST)) > 5_000
    assert time.process_time() - began < 8


texts = st.text('ABEGIN:;=,VCLENDRTSZ0123456789T\r\n "/', max_size=300)


@settings(max_examples=400, deadline=None)
@given(texts, texts, st.booleans())
def test_whatever_stands_there_is_read_or_refused(inside, lines, framed):
    data = calendar(event(lines), inside) if framed else (inside + lines).encode()
    try:
        found = reading.busy_times(data, zone=HERE, first=FIRST, last=LAST)
    except (Malformed, Unsupported, TooMuch):
        return
    assert all(FIRST <= start < end <= LAST for start, end in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))
