"""Rules of calendars: as libical reads them, refused by name where they are not supported."""

import re
from datetime import datetime
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from scheduling import recurrence
from scheduling.recurrence import MalformedRule, TooMany, UnsupportedRule

LIBICAL = Path(__file__).parent / "data/libical"
END = datetime.fromisoformat("2110-01-01")
NEW_YORK = ZoneInfo("America/New_York")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z"))


def cases(name: str) -> list[tuple[str, ...]]:
    """Rule, start, where one begins to look, and the times of libical."""
    found = []
    for block in (LIBICAL / name).read_text().strip().split("\n\n"):
        said = dict(line.split(":", 1) for line in block.splitlines())
        found.append(
            (said["RRULE"], said["DTSTART"], said.get("START-AT", ""), said["INSTANCES"].strip())
        )
    return found


def counts() -> list[tuple[str, str, int]]:
    """Rules of recur.txt with the number of their times; folded lines joined."""
    text = re.sub(r"^;.*$", "", (LIBICAL / "recur.txt").read_text(), flags=re.MULTILINE)
    found = []
    for block in re.sub(r"\n[ ]", "", text).split("BEGIN:VEVENT")[1:]:
        if "EXDATE" in block or "EXRULE" in block:
            continue  # what a calendar takes away again is not the rule's
        rule = re.search(r"^RRULE:(.*)$", block, re.MULTILINE)[1]
        start = re.search(r"^DTSTART.*:(\d{8}T\d{6})Z?$", block, re.MULTILINE)[1]
        found.append((rule, start, int(re.search(r"X-EXPECT-NUMEVENTS: (\d+)", block)[1])))
    return found


SUPPORTED = [one for one in cases("icalrecur_test.out") if "MINUTELY" not in one[0]]
REFUSED = [one for one in cases("icalrecur_test.out") if "MINUTELY" in one[0]]


def test_the_files_are_whole():
    assert (len(SUPPORTED), len(REFUSED)) == (68, 2)
    assert len(counts()) == 55 and len(cases("icalrecur_withicu_test.out")) == 33


@pytest.mark.parametrize("rule, start, since, times", SUPPORTED)
def test_as_libical(rule, start, since, times):
    first = moment(start)
    found = recurrence.walls(recurrence.parse(rule), first, moment(since) if since else first, END)
    assert list(found) == [moment(one) for one in times.split(",")]


@pytest.mark.parametrize("rule, start, number", counts())
def test_as_often_as_libical(rule, start, number):
    if "FREQ=MINUTELY" in rule:
        with pytest.raises(UnsupportedRule, match="FREQ=MINUTELY"):
            recurrence.parse(rule)
        return
    # libical's test looks until the end of 2037, which it can count.
    found = recurrence.walls(
        recurrence.parse(rule), moment(start), moment(start), datetime.fromisoformat("2038-01-01")
    )
    assert len(list(found)) == number


@pytest.mark.parametrize("rule", [one[0] for one in REFUSED + cases("icalrecur_withicu_test.out")])
def test_what_is_not_supported_is_refused_by_name(rule):
    with pytest.raises(UnsupportedRule) as caught:
        recurrence.parse(rule)
    assert caught.value.part in {"RSCALE", "FREQ=MINUTELY"}


@pytest.mark.parametrize(
    "rule, part",
    [
        ("FREQ=SECONDLY", "FREQ=SECONDLY"),
        ("FREQ=DAILY;SKIP=FORWARD", "SKIP"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER"),
        ("FREQ=DAILY;X-WKSTART=MO", "X-WKSTART"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20300101", "COUNT and UNTIL together"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO with FREQ=MONTHLY"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY with FREQ=DAILY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY with a number and FREQ=WEEKLY"),
        ("FREQ=YEARLY;BYWEEKNO=2;BYDAY=1MO", "BYDAY with a number and FREQ=YEARLY"),
    ],
)
def test_unsupported_parts(rule, part):
    with pytest.raises(UnsupportedRule) as caught:
        recurrence.parse(rule)
    assert caught.value.part == part


@pytest.mark.parametrize(
    "rule, part",
    [
        ("", "RRULE"),
        ("every day", "RRULE"),
        ("BYDAY=MO", "FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=٣", "COUNT"),
        ("FREQ=DAILY;UNTIL=20301301", "UNTIL"),
        ("FREQ=DAILY;UNTIL=2030-01-01", "UNTIL"),
        ("FREQ=DAILY;UNTIL=", "UNTIL"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYHOUR=-1", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=1,,2", "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYDAY=XX", "BYDAY"),
        ("FREQ=YEARLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=DAILY;WKST=1", "WKST"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(["1"] * 300), "RRULE"),
    ],
)
def test_malformed_parts(rule, part):
    with pytest.raises(MalformedRule) as caught:
        recurrence.parse(rule)
    assert caught.value.part == part


def instants(rule, start, until, **more):
    """In New York, as UTC texts."""
    found = recurrence.instants(
        rule, moment(start), datetime.fromisoformat(until), NEW_YORK, **more
    )
    return [f"{one:%m-%d %H:%M}" for one in found]


def test_a_skipped_time_is_told_with_the_offset_before():
    assert instants("FREQ=DAILY", "20260307T023000", "2026-03-10T00:00Z") == [
        "03-07 07:30", "03-08 07:30", "03-09 06:30",
    ]  # fmt: skip


def test_a_doubled_time_is_the_first():
    assert instants("FREQ=DAILY", "20261031T013000", "2026-11-03T00:00Z") == [
        "10-31 05:30", "11-01 05:30", "11-02 06:30",
    ]  # fmt: skip


def test_the_end_is_an_instant():
    """2 November 03:00 UTC is still 1 November in New York, before 23:00."""
    rule = "FREQ=DAILY;UNTIL=20261102T030000Z"
    assert instants(rule, "20261031T230000", "2027-01-01T00:00Z") == ["11-01 03:00"]
    assert len(instants("FREQ=DAILY;UNTIL=20261102", "20261031T230000", "2027-01-01T00:00Z")) == 3


def test_a_range_gives_what_the_whole_gives():
    for rule in ("FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
                 "FREQ=HOURLY;INTERVAL=5", "FREQ=MONTHLY;BYDAY=-1FR"):  # fmt: skip
        end = datetime.fromisoformat("2026-12-01T00:00Z")
        start = moment("19990102T060000")
        whole = recurrence.instants(rule, start, end, NEW_YORK, limit=100_000)
        since = datetime.fromisoformat("2026-02-01T00:00Z")
        part = recurrence.instants(rule, start, end, NEW_YORK, since=since)
        assert part and part == [one for one in whole if one >= since], rule


def test_more_than_is_asked_for_is_refused():
    assert len(instants("FREQ=DAILY;COUNT=5", "20260101T090000", "2027-01-01T00:00Z", limit=5)) == 5
    with pytest.raises(TooMany):
        instants("FREQ=DAILY;COUNT=6", "20260101T090000", "2027-01-01T00:00Z", limit=5)


@pytest.mark.parametrize("frequency", ["DAILY", "HOURLY", "WEEKLY", "MONTHLY", "YEARLY"])
def test_a_rule_that_never_comes_ends_soon(frequency):
    """dateutil looks for the next one until the year 9999: for 20 seconds, of a day."""
    rule = f"FREQ={frequency};BYMONTH=2;BYDAY=MO;BYSETPOS=300"
    rule = rule if frequency == "WEEKLY" else f"FREQ={frequency};BYMONTH=2;BYMONTHDAY=30"
    began = process_time()
    assert instants(rule, "20260101T090000", "2027-01-01T00:00Z") == []
    assert process_time() - began < 3
    assert instants("FREQ=HOURLY;INTERVAL=2;BYHOUR=2", "20260101T090000", "2027-01-01T00Z") == []
