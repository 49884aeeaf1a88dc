"""Visits that come again: all of them or none, at the same time of the wall clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from clinic.errors import Invalid
from clinic.security import tenancy
from clinic.tests.refusals import refused
from scheduling import booking, series
from scheduling.availability import ZONES
from scheduling.models import Appointment
from scheduling.tests.hours import NEW_YORK, at, open_hours
from scheduling.tests.wall_clocks import changes_of

QUARTER = timedelta(minutes=15)


@pytest.fixture
def clinic(cast):
    cast.kind = open_hours(cast)
    return cast


def book(cast, start=None, every_weeks=2, times=6, by="fred", portal=False, **more):
    with cast.acting(by, portal=portal):
        return series.book(
            patient=cast.mr_doe, specialist=cast.specialists["sarah"],
            appointment_type=cast.kind, start=start or at(10), every_weeks=every_weeks,
            times=times, by=cast.people[by], **more,
        )  # fmt: skip


def stored(cast) -> list[Appointment]:
    with tenancy.system(cast.harbor):
        return list(Appointment.objects.order_by("start_datetime"))


def test_every_two_weeks_six_times(clinic):
    visits = book(clinic)
    walls = [visit.start_datetime.astimezone(NEW_YORK) for visit in visits]
    assert [wall.date() - walls[0].date() for wall in walls] == [
        timedelta(weeks=2 * n) for n in range(6)
    ]
    assert {wall.hour for wall in walls} == {10}, "whatever the clocks do meanwhile"
    assert len({visit.series for visit in visits}) == 1


def test_all_or_none_and_each_conflict_is_named(clinic):
    taken = [at(10, days=1 + 14 * n) for n in (1, 3)]
    with clinic.acting("fred"):
        for start in taken:
            booking.book(
                patient=clinic.mrs_doe, specialist=clinic.specialists["sarah"],
                appointment_type=clinic.kind, start=start, by=clinic.fred,
            )  # fmt: skip
    with pytest.raises(series.SeriesConflict) as caught:
        book(clinic)
    assert [start for start, _why in caught.value.conflicts] == taken
    assert len(caught.value.fields["start_datetime"]) == 2
    assert len(stored(clinic)) == 2


@pytest.mark.parametrize(
    "said, field",
    [({"times": 1}, "times"), ({"times": 53}, "times"), ({"every_weeks": 0}, "every_weeks"),
     ({"every_weeks": 27}, "every_weeks")],
)  # fmt: skip
def test_what_is_no_series(clinic, said, field):
    with refused(Invalid, field):
        book(clinic, **said)
    assert stored(clinic) == []


def test_the_rest_of_a_series_is_canceled(clinic):
    visits = book(clinic, times=4)
    with clinic.acting("john", portal=True):
        ended = series.cancel_following(appointment=visits[1], reason="Moving", by=clinic.john)
    assert [visit.pk for visit in ended] == [visit.pk for visit in visits[1:]]
    assert [v.status for v in stored(clinic)] == ["Confirmed", *["Canceled"] * 3]


def test_a_time_that_the_clocks_skip_is_told(clinic):
    zone = ZoneInfo("America/New_York")
    found = list(
        series.occurrences(
            datetime(2026, 3, 1, 2, 30, tzinfo=zone), every_weeks=1, times=3, zone=zone
        )
    )
    assert [timezone.is_naive(one) for one in found] == [False, True, False]
    assert found[1].isoformat() == "2026-03-08T02:30:00"
    assert found[2] == datetime(2026, 3, 15, 6, 30, tzinfo=UTC)


def walls_around(change: datetime, zone: ZoneInfo) -> dict[datetime, list[datetime]]:
    """What the clock on the wall shows each quarter of an hour around a change, with the instants
    at which it does: none where it skips that time, two where it comes twice."""
    first, last = change - timedelta(hours=3), change + timedelta(hours=3)
    wall, end = (one.astimezone(zone).replace(tzinfo=None, fold=0) for one in (first, last))
    shown = {wall + QUARTER * n: [] for n in range((end - wall) // QUARTER)}
    at = first - timedelta(hours=26)  # a zone can skip a day
    while at < last + timedelta(hours=26):
        seen = at.astimezone(zone).replace(tzinfo=None, fold=0)
        if seen in shown:
            shown[seen].append(at)
        at += QUARTER
    return shown


@pytest.mark.parametrize("part", range(4))
def test_in_every_zone_over_both_clock_changes(part):
    """Series that begin a week before a change, at and around its hour: they agree with who reads
    the time off the wall."""
    seen = 0
    for name in sorted(ZONES)[part::4]:
        zone = ZoneInfo(name)
        for change in changes_of(zone, 2026) or [datetime(2026, 6, 17, 12, tzinfo=UTC)]:
            for wall, instants in walls_around(change, zone).items():
                start = (wall - timedelta(weeks=1)).replace(tzinfo=zone)
                first, second = series.occurrences(start, every_weeks=1, times=2, zone=zone)
                assert first == start
                assert second == (instants[0] if instants else wall), (name, wall)
                seen += 1
    assert seen > 20 * len(ZONES) / 4
