"""When doses are due: against a walk along the patient's clock, in every zone, over both clock
changes and over journeys."""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduling import recurrence
from scheduling.availability import ZONES
from scheduling.medicines import doses
from scheduling.medicines.clocks import Clock
from scheduling.medicines.doses import Plan
from scheduling.tests.wall_clocks import changes_of

NEW_YORK, LISBON, TOKYO, HONOLULU, AUCKLAND = (
    ZoneInfo(name)
    for name in (
        "America/New_York", "Europe/Lisbon", "Asia/Tokyo", "Pacific/Honolulu", "Pacific/Auckland",
    )
)  # fmt: skip
STEP = timedelta(minutes=15)  # all that tests name lies on it, the zones' changes of today too
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plan(*times: str, first_day=date(2020, 1, 1), begins_at=LONG_AGO, **more) -> Plan:
    clock_times = tuple(time.fromisoformat(one) for one in times)
    return Plan(first_day=first_day, begins_at=begins_at, times=clock_times, **more)


def told(plan: Plan, clock: Clock, start: str, end: str) -> list[str]:
    found = doses.between(plan, clock, utc(start), utc(end))
    return [f"{one.astimezone(UTC):%m-%d %H:%M}" for one in found]


def walk(plan: Plan, clock: Clock, start: datetime, end: datetime) -> list[datetime]:
    """The plain reference: go along by quarters of an hour, look at the clock, and take at once
    the last of what it says, or has gone past, and was not said before."""
    day = (start - timedelta(days=3)).date()
    set_for = sorted(
        datetime.combine(day + timedelta(days=n), at)
        for n in range((end - start).days + 8)
        for at in plan.times
        if (day + timedelta(days=n)).isoweekday() in plan.days
        and day + timedelta(days=n) >= plan.first_day
        and not (plan.last_day and day + timedelta(days=n) > plan.last_day)
    )
    found, now = [], start - timedelta(days=2)
    said = bisect_right(set_for, shown(clock, now - STEP))
    while now < end:
        come = max(said, bisect_right(set_for, shown(clock, now)))
        if (
            come > said
            and now >= start
            and now >= plan.begins_at
            and not (plan.ends_at and now >= plan.ends_at)
        ):
            found.append(now)
        said = come
        now += STEP
    return found


def shown(clock: Clock, when: datetime) -> datetime:
    zone = clock.home
    for since, other in clock.moves:
        if since <= when:
            zone = other
    return when.astimezone(zone).replace(tzinfo=None)


@pytest.mark.parametrize("year", [2026])
def test_in_every_zone_over_both_clock_changes(year):
    looked_at = 0
    quarters = plan(*(f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "15", "45")))
    for name in sorted(ZONES):
        clock = Clock(ZoneInfo(name))
        for change in changes_of(clock.home, year) or [datetime(year, 1, 1, tzinfo=UTC)]:
            start, end = change - timedelta(hours=30), change + timedelta(hours=30)
            found = doses.between(quarters, clock, start, end)
            assert found == walk(quarters, clock, start, end), (name, change)
            looked_at += 1
    assert looked_at > 600


CLOCK_TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
QUARTERS = st.integers(0, 4 * 24 * 12)
BEGIN = datetime(2026, 3, 20, tzinfo=UTC)


@settings(max_examples=250, deadline=None)
@example(  # what is left of the last day is skipped: its dose is due as the day is over
    zones=["Africa/Abidjan", "Antarctica/McMurdo"], moves=[524, 525, 526], times=[time(11)],
    days=frozenset({1, 2, 3}), start=date(2026, 3, 20), first=0, length=5, ends=None,
)  # fmt: skip
@given(
    zones=st.lists(st.sampled_from(sorted(ZONES)), min_size=1, max_size=4),
    moves=st.lists(QUARTERS, min_size=3, max_size=3, unique=True),
    times=st.lists(CLOCK_TIMES, min_size=1, max_size=4, unique=True),
    days=st.frozensets(st.integers(1, 7), min_size=1),
    start=st.sampled_from([date(2026, 3, 20), date(2026, 10, 22)]),
    first=st.integers(-2, 3),
    length=st.none() | st.integers(0, 6),
    ends=st.none() | QUARTERS,
)
def test_over_journeys(zones, moves, times, days, start, first, length, ends):
    """Wherever she goes: spring and autumn of both halves of the world."""
    begin = datetime.combine(start, time(), UTC)
    at = [begin + number * STEP for number in sorted(moves)]
    homes = [ZoneInfo(name) for name in zones]
    clock = Clock(homes[0], tuple(zip(at, homes[1:], strict=False)))
    first_day = start + timedelta(days=first)
    last_day = None if length is None else first_day + timedelta(days=length)
    it = Plan(
        first_day=first_day, begins_at=begin, last_day=last_day, times=tuple(times), days=days,
        ends_at=None if ends is None else begin + ends * STEP,
    )  # fmt: skip
    end = begin + timedelta(days=12)
    found = doses.between(it, clock, begin, end)
    assert found == walk(it, clock, begin, end)
    halves = doses.between(it, clock, begin, begin + timedelta(days=5))
    assert halves + doses.between(it, clock, begin + timedelta(days=5), end) == found


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(ZONES)),
    hours=st.integers(1, 168),
    skip=st.integers(0, 3000),
    length=st.integers(0, 9),
)
def test_every_so_many_hours_whatever_clocks_do(name, hours, skip, length):
    clock = Clock(ZoneInfo(name))
    begins = BEGIN.astimezone(clock.home)
    it = Plan(
        first_day=begins.date(), begins_at=BEGIN, every=timedelta(hours=hours),
        last_day=begins.date() + timedelta(days=length),
    )  # fmt: skip
    start, end = BEGIN + timedelta(minutes=skip), BEGIN + timedelta(days=14)
    expected, at = [], BEGIN
    while at < end:
        if at >= start and at.astimezone(clock.home).date() <= it.last_day:
            expected.append(at)
        at += timedelta(hours=hours)
    assert doses.between(it, clock, start, end) == expected


class TestTimesOfTheDay:
    def test_nine_stays_nine(self):
        """Over the end of summer time: 13:00 and then 14:00 in Greenwich."""
        found = told(plan("09:00"), Clock(NEW_YORK), "2026-10-31", "2026-11-03")
        assert found == ["10-31 13:00", "11-01 14:00", "11-02 14:00"]

    def test_a_skipped_time_is_due_when_the_clock_is_put_forward(self):
        found = told(plan("02:30", "09:00"), Clock(NEW_YORK), "2026-03-08", "2026-03-09")
        assert found == ["03-08 07:00", "03-08 13:00"]

    def test_a_doubled_time_is_due_the_first_time(self):
        found = told(plan("01:30"), Clock(NEW_YORK), "2026-11-01", "2026-11-02")
        assert found == ["11-01 05:30"]

    def test_after_midnight_is_the_day_that_has_begun(self):
        """Mondays only: 00:30 of Monday the 23rd, in New York."""
        it = plan("00:30", "23:30", days=frozenset({1}))
        found = told(it, Clock(NEW_YORK), "2026-11-20", "2026-11-27")
        assert found == ["11-23 05:30", "11-24 04:30"]
        last = plan("00:30", "23:30", last_day=date(2026, 11, 23))
        assert told(last, Clock(NEW_YORK), "2026-11-23T05:00", "2026-11-27") == found


class TestJourneys:
    def test_east_over_several_doses_only_the_last_is_due(self):
        """At 23:00 in New York she lands in Tokyo, where it is 13:00 of the next day."""
        clock = Clock(NEW_YORK, [(utc("2026-11-24T04:00"), TOKYO)])
        it = plan("08:00", "12:00", "20:00")
        assert told(it, clock, "2026-11-23T15:00", "2026-11-25T00:00") == [
            "11-23 17:00", "11-24 01:00", "11-24 04:00", "11-24 11:00", "11-24 23:00",
        ]  # fmt: skip

    def test_west_what_was_due_is_not_due_again(self):
        """At noon in Lisbon she lands in New York, where it is 7: eight o'clock was."""
        clock = Clock(LISBON, [(utc("2026-11-24T12:00"), NEW_YORK)])
        found = told(plan("08:00", "20:00"), clock, "2026-11-24", "2026-11-26")
        assert found == ["11-24 08:00", "11-25 01:00", "11-25 13:00"]

    def test_a_date_that_is_lived_twice(self):
        clock = Clock(AUCKLAND, [(utc("2026-06-01T20:00"), HONOLULU)])  # 8:00 of the 2nd, 10:00
        found = told(plan("07:00"), clock, "2026-05-31T12:00", "2026-06-04")
        assert found == ["05-31 19:00", "06-01 19:00", "06-03 17:00"]


class TestRules:
    def test_times_of_her_clock(self):
        rule = recurrence.parse("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH")
        it = plan("21:30", first_day=date(2026, 10, 19), rule=rule)
        clock = Clock(NEW_YORK, [(utc("2026-11-03T12:00"), LISBON)])
        assert told(it, clock, "2026-10-19", "2026-11-20") == [
            "10-20 01:30", "10-23 01:30", "11-03 02:30", "11-05 21:30", "11-16 21:30",
            "11-19 21:30",
        ]  # fmt: skip

    def test_so_many_times_and_no_more(self):
        it = plan("08:00", first_day=date(2026, 6, 1), rule=recurrence.parse("FREQ=DAILY;COUNT=3"))
        assert len(told(it, Clock(NEW_YORK), "2026-06-02", "2026-12-01")) == 2


def test_what_follows():
    clock = Clock(NEW_YORK)
    yearly = plan("08:00", first_day=date(2026, 6, 1), rule=recurrence.parse("FREQ=YEARLY"))
    assert doses.following(yearly, clock, utc("2026-06-01T12:00")) == utc("2027-06-01T12:00")
    never = plan("08:00", rule=recurrence.parse("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"))
    assert doses.following(never, clock, utc("2026-06-01T12:00")) is None
    assert doses.following(plan(), clock, utc("2026-06-01T12:00")) is None, "as needed"
