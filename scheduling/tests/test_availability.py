"""The arithmetic of free slots: hours, dates that differ, buffers, rooms, and the clocks."""

import random
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling import availability
from scheduling.availability import Closed, Hours, Length, Span, Week

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2026, 11, 23)
HALF, QUARTER, TWENTY, HOUR = (timedelta(minutes=m) for m in (30, 15, 20, 60))
KIND, OTHER_KIND, ROOM = UUID(int=1), UUID(int=2), UUID(int=3)
MORNING = Hours(start=time(9), end=time(11), day=1)
OPEN, SHORT = Closed(), Length(HALF)


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK)


def free(*hours: Hours, closed=OPEN, taken=(), length=SHORT, day=MONDAY, **more) -> list[str]:
    found = availability.slots(
        at(0, day=day), at(0, day=day + timedelta(days=1)), week=Week(hours, closed), taken=taken,
        length=length, zone=NEW_YORK, **more,
    )  # fmt: skip
    return [f"{slot.start.astimezone(NEW_YORK):%H:%M}" for slot in found]


def test_a_morning_is_offered_on_its_grid():
    assert free(MORNING) == ["09:00", "09:30", "10:00", "10:30"]
    assert free(MORNING, length=Length(HOUR)) == ["09:00", "10:00"]


def test_a_step_of_their_own():
    steps = Hours(start=time(9), end=time(10), day=1, step=QUARTER)
    assert free(steps) == ["09:00", "09:15", "09:30"]


def test_what_is_kept_free_around_a_visit_touches_nothing_taken():
    taken = [Span(at(9, 30), at(10))]
    assert free(MORNING, taken=taken) == ["09:00", "10:00", "10:30"]
    assert free(MORNING, taken=taken, length=Length(HALF, after=QUARTER)) == ["10:00", "10:30"]
    assert free(MORNING, taken=taken, length=Length(HALF, before=QUARTER)) == ["09:00", "10:30"]
    gap = Hours(start=time(9), end=time(11), day=1, gap=QUARTER)
    assert free(gap, taken=taken) == ["10:00", "10:30"]


def test_buffers_may_lie_outside_the_hours():
    assert free(MORNING, length=Length(HALF, before=HOUR, after=HOUR))[::3] == ["09:00", "10:30"]


@pytest.mark.parametrize(
    "closed, hours, offered",
    [
        (Closed(holidays=frozenset({MONDAY})), [MORNING], []),
        (
            Closed(holidays=frozenset({MONDAY})),
            [MORNING, Hours(start=time(14), end=time(15), only_on=MONDAY)],
            ["14:00", "14:30"],
        ),
        (
            Closed(away=((MONDAY - timedelta(days=2), MONDAY),)),
            [MORNING, Hours(start=time(14), end=time(15), only_on=MONDAY)],
            [],
        ),
        (Closed(away=((MONDAY - timedelta(days=9), MONDAY - timedelta(days=1)),)), [MORNING],
         ["09:00", "09:30", "10:00", "10:30"]),
        (Closed(), [MORNING, Hours(start=None, end=None, only_on=MONDAY)], []),
    ],
)  # fmt: skip
def test_leave_comes_before_a_date_a_date_before_a_holiday_a_holiday_before_the_week(
    closed, hours, offered
):
    assert free(*hours, closed=closed) == offered


def test_hours_serve_the_kinds_that_they_name():
    surgery = Hours(start=time(9), end=time(10), day=1, kinds=frozenset({KIND}))
    anything = Hours(start=time(10), end=time(11), day=1)
    assert free(surgery, anything, kind=KIND) == ["09:00", "09:30", "10:00", "10:30"]
    assert free(surgery, anything, kind=OTHER_KIND) == ["10:00", "10:30"]


def test_a_room_that_is_taken_closes_the_hours_in_it():
    there = Hours(start=time(9), end=time(11), day=1, room=ROOM)
    rooms = {ROOM: [Span(at(9), at(10))]}
    assert free(there, rooms=rooms) == ["10:00", "10:30"]
    assert free(MORNING, rooms=rooms) == ["09:00", "09:30", "10:00", "10:30"]


def test_from_when_on_and_until_when():
    assert free(MORNING, not_before=at(9, 10)) == ["09:30", "10:00", "10:30"]
    assert free(MORNING, not_before=at(9, 30)) == ["09:30", "10:00", "10:30"]
    assert free(MORNING, not_after=at(10)) == ["09:00", "09:30"]


def test_which_of_two_equal_times_is_meant():
    """In New York 01:00 to 02:00 comes twice on 1 November 2026."""
    day = date(2026, 11, 1)
    lengths = {}
    for folds in ((None, None), (0, 0), (1, 1), (0, 1)):
        hours = Hours(start=time(1, 30), end=time(1, 45), only_on=day, folds=folds)
        span = availability.openings(
            at(0, day=day), at(6, day=day), Week((hours,)), NEW_YORK
        )[0].span  # fmt: skip
        lengths[folds] = (span.start.hour, span.end - span.start)
    short, long = QUARTER, HOUR + QUARTER
    assert lengths == {
        (None, None): (5, long), (0, 0): (5, short), (1, 1): (6, short), (0, 1): (5, long),
    }  # fmt: skip


def test_the_earliest_over_several():
    slots = {UUID(int=n): [availability.Slot(at(10 + n), at(11 + n))] for n in (2, 1)}
    assert availability.earliest(slots | {UUID(int=9): []})[0] == UUID(int=1)
    assert availability.earliest({UUID(int=9): []}) is None


# Against a plain reference that tries every minute of the day.
clock = st.integers(0, 23 * 4).map(lambda n: time(n // 4, 15 * (n % 4)))


@st.composite
def mornings(draw) -> Hours:
    start, end = sorted(draw(st.lists(clock, min_size=2, max_size=2, unique=True)))
    return Hours(
        start=start, end=end, day=1, gap=timedelta(minutes=draw(st.sampled_from([0, 5, 20])))
    )


@st.composite
def spans(draw) -> Span:
    start = draw(st.integers(0, 24 * 12))
    begins = at(0) + timedelta(minutes=5 * start)
    return Span(begins, begins + timedelta(minutes=draw(st.integers(1, 180))))


minutes = st.sampled_from([0, 5, 10, 30]).map(lambda number: timedelta(minutes=number))


@settings(max_examples=300, deadline=None)
@given(mornings(), st.lists(spans(), max_size=8), minutes, minutes, st.sampled_from([20, 30, 45]))
def test_slots_agree_with_a_plain_reference(hours, taken, before, after, length):
    visit = timedelta(minutes=length)
    found = set(free(hours, taken=taken, length=Length(visit, before, after)))
    expected, begins = set(), at(hours.start.hour, hours.start.minute)
    while begins + visit <= at(hours.end.hour, hours.end.minute):
        kept = Span(begins - before, begins + visit + max(after, hours.gap))
        if not any(kept.overlaps(one) for one in taken):
            expected.add(f"{begins:%H:%M}")
        begins += visit
    assert found == expected


def changes(zone: ZoneInfo, year: int) -> list[date]:
    """The dates of a year on which the clocks of a zone change."""
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    midnights = [datetime.combine(day, time(), zone) for day in days]
    pairs = pairwise(midnights)
    return [one.date() for one, other in pairs if one.utcoffset() != other.utcoffset()]


def shown_between(day: date, start: time, end: time, zone: ZoneInfo) -> Span | None:
    """From the first minute at which the clock on the wall shows the one time or a later one, to
    the last at which it shows an earlier one than the other."""
    begin = datetime.combine(day, time(12), UTC) - timedelta(hours=40)
    minutes = [begin + timedelta(minutes=n) for n in range(80 * 60)]
    walls = [(one, one.astimezone(zone)) for one in minutes]
    walls = [(one, wall.time()) for one, wall in walls if wall.date() == day]
    first = next((one for one, wall in walls if wall >= start), None)
    last = next((one for one, wall in reversed(walls) if wall < end), None)
    if first is None or last is None or last < first:
        return None
    return Span(first, last + timedelta(minutes=1))


def some_taken(noon: datetime, seed: str) -> list[Span]:
    """Some visits within a day and a half of noon."""
    chance = random.Random(seed)
    starts = [noon + timedelta(minutes=5 * chance.randint(-432, 432)) for _visit in range(40)]
    return [Span(at, at + timedelta(minutes=chance.randint(1, 50))) for at in starts]


def grid(span: Span | None, taken: list[Span]) -> list[datetime]:
    """Each quarter of an hour of the span, with twenty minutes after it, that touches nothing."""
    found, at = [], span and span.start
    while span and at + QUARTER <= span.end:
        if not any(one.start < at + QUARTER + TWENTY and at < one.end for one in taken):
            found.append(at)
        at += QUARTER
    return found


@pytest.mark.parametrize("part", range(8))
def test_hours_are_what_the_wall_clock_shows_in_every_zone(part):
    """Of each zone of the tz database: both changes of a year, and hours over and around them, with
    the free times that are left in them between visits."""
    seen = 0
    for name in sorted(availability.ZONES)[part::8]:
        zone = ZoneInfo(name)
        for day in [*changes(zone, 2026), date(2026, 6, 17)]:
            for start, end in ((time(0), time(3)), (time(1, 30), time(2, 30)), (time(9), time(10))):
                week = Week((Hours(start=start, end=end, day=day.isoweekday()),))
                noon = datetime.combine(day, time(12), UTC)
                found = availability.openings(
                    noon - timedelta(hours=60), noon + timedelta(hours=60), week, zone
                )
                shown = shown_between(day, start, end, zone)
                assert [o.span for o in found] == [span for span in [shown] if span], (name, day)
                taken = some_taken(noon, f"{name} {day} {start}")
                offered = availability.slots(
                    noon - timedelta(hours=60), noon + timedelta(hours=60), week=week, taken=taken,
                    length=Length(QUARTER, after=TWENTY), zone=zone,
                )  # fmt: skip
                assert [slot.start for slot in offered] == grid(shown, taken), (name, day, start)
                seen += 1
    assert seen > 3 * len(availability.ZONES) / 8
