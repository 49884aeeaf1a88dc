"""Quiet hours, by every clock of the world."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.messages.planning import AHEAD, next_reminder, reminders_to_plan
from scheduling.messages.quiet import Quiet

ZONES = sorted(available_timezones())
MINUTE = timedelta(minutes=1)
NEW_YORK = ZoneInfo("America/New_York")
NIGHT = (time(21), time(8))


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The hours of the year in which the clocks of the zone change."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=n) for n in range(0, 366 * 24, 6)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


def is_quiet(moment: datetime, begin: time, end: time, zone: ZoneInfo) -> bool:
    """The plain reference: what the clock on the wall shows."""
    wall = moment.astimezone(zone)
    at = wall.hour * 60 + wall.minute
    first, last = begin.hour * 60 + begin.minute, end.hour * 60 + end.minute
    quiet = range(first, last) if first <= last else [*range(first, 1440), *range(last)]
    return at in quiet


TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@st.composite
def moments(draw):
    """A zone and a minute, half of them near a change of the clocks."""
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    year = draw(st.integers(1995, 2036))
    found = changes(zone, year) if draw(st.booleans()) else []
    base = draw(st.sampled_from(found)) if found else datetime(year, 1, 1, tzinfo=UTC)
    span = 2 * 24 * 60 if found else 365 * 24 * 60
    return zone, base + MINUTE * draw(st.integers(-24 * 60, span))


@settings(max_examples=400, deadline=None)
@given(moments(), TIMES, TIMES)
def test_they_end_and_begin_as_the_clock_on_the_wall_shows(where, begin, end):
    zone, moment = where
    quiet = Quiet(begin, end, zone)
    over, before = moment, moment
    while is_quiet(over, begin, end, zone):
        over += MINUTE
    while is_quiet(before - MINUTE, begin, end, zone) and is_quiet(moment, begin, end, zone):
        before -= MINUTE
    assert quiet.holds(moment) == is_quiet(moment, begin, end, zone)
    assert quiet.over(moment) == over
    assert quiet.before(moment) == before


def test_every_zone_of_the_database_at_both_changes_of_its_clocks():
    for name in ZONES:
        zone = ZoneInfo(name)
        quiet = Quiet(time(1, 30), time(2, 30), zone)
        for change in changes(zone, 2024):
            moment = change - timedelta(hours=6)
            while moment < change + timedelta(hours=6):
                assert quiet.holds(moment) == is_quiet(moment, time(1, 30), time(2, 30), zone)
                over = quiet.over(moment)
                assert not quiet.holds(over)
                assert over == moment or quiet.holds(over - timedelta(seconds=1))
                moment += timedelta(minutes=30)


def test_a_night_over_midnight():
    quiet = Quiet(*NIGHT, NEW_YORK)
    late = datetime(2026, 6, 3, 23, 10, tzinfo=NEW_YORK)
    assert quiet.over(late) == datetime(2026, 6, 4, 8, tzinfo=NEW_YORK)
    assert quiet.before(late) == datetime(2026, 6, 3, 21, tzinfo=NEW_YORK)


def test_the_night_in_which_the_clocks_change():
    quiet = Quiet(*NIGHT, NEW_YORK)
    begin = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK)  # the first of two
    assert quiet.over(begin) - begin.astimezone(UTC) == timedelta(hours=7, minutes=30)
    assert quiet.over(begin) == datetime(2026, 11, 1, 8, tzinfo=NEW_YORK)


def test_clocks_that_go_back_to_where_they_begin():
    """In Ceuta the clocks went from 3 back to 2: it was quiet from the first 2:00 on."""
    quiet = Quiet(time(2), time(0), ZoneInfo("Africa/Ceuta"))
    assert quiet.before(datetime(1995, 9, 24, 6, tzinfo=UTC)) == datetime(1995, 9, 24, tzinfo=UTC)


def test_without_hours_nothing_is_quiet():
    for hours in ((None, None), (time(8), time(8))):
        quiet = Quiet(*hours, NEW_YORK)
        now = datetime(2026, 1, 1, 8, tzinfo=NEW_YORK)
        assert not quiet.holds(now) and quiet.over(now) == quiet.before(now) == now


HOURS = st.lists(st.integers(1, 14 * 24), max_size=5, unique=True)
START = datetime(2026, 11, 2, 15, tzinfo=UTC)


@settings(max_examples=300, deadline=None)
@given(
    HOURS,
    st.integers(1, 30 * 24 * 60),
    st.lists(st.integers(1, 3 * 24 * 60), min_size=1, max_size=60),
)
def test_whenever_the_scheduler_looks_each_reminder_is_planned_once_and_in_time(
    hours, booked, pauses
):
    """A scheduler that looks now and then, with pauses of up to three days, against the plain rule:
    a reminder whose time is after the booking is planned, by a look at least a day ahead of its
    time where there was one; of those that were over at a look, the last only."""
    now = START - MINUTE * booked
    at, planned, looks = next_reminder(START, hours, now), [], []
    for pause in pauses:
        now += MINUTE * pause
        if now >= START:
            break
        looks.append(now)
        if at is not None and at <= now:
            planned += [(before, now) for before in reminders_to_plan(START, hours, at, now)]
            at = next_reminder(START, hours, now + AHEAD)
    expected = []
    for look, since in zip(looks, [START - MINUTE * booked, *looks], strict=False):
        began = look == looks[0]
        due = [
            h for h in sorted(hours, reverse=True)
            if START - timedelta(hours=h) > START - MINUTE * booked
            and START - timedelta(hours=h) - AHEAD <= look
            and (began or START - timedelta(hours=h) - AHEAD > since)
        ]  # fmt: skip
        over = [h for h in due if START - timedelta(hours=h) <= look]
        expected += [(h, look) for h in due if h not in over[:-1]]
    assert planned == expected
