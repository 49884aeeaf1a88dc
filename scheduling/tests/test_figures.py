"""What counts as missed, and how much of the hours is used."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import Permission
from clinic.tests.refusals import denied
from scheduling import figures
from scheduling.availability import Closed, Hours, Week
from scheduling.figures import Seen
from scheduling.models import Appointment
from scheduling.tests.hours import at, open_hours, today, visit

ZONE = ZoneInfo("America/New_York")
SARAH, OMAR, KIND = uuid7(), uuid7(), uuid7()
MONDAY, NOTHING = date(2026, 6, 1), Closed()
STATUSES = [status.value for status in Appointment.Status]


def seen(hour=9, minutes=30, status="Completed", day=MONDAY, **more) -> Seen:
    start = datetime.combine(day, time(hour), ZONE)
    return replace(
        Seen(SARAH, KIND, start, start + timedelta(minutes=minutes), status), **more
    )  # fmt: skip


def mornings(closed: Closed = NOTHING) -> Week:
    return Week(tuple(Hours(time(9), time(12), day=day) for day in range(1, 8)), closed)


def test_done_and_missed_are_due_and_nothing_else():
    rows = [seen(status=status) for status in STATUSES]
    rows.append(seen(status="Canceled", canceled_late=True))
    found = figures.count(rows, {}, MONDAY, MONDAY).all
    assert (found.done, found.missed, found.canceled_late) == (1, 1, 1)
    assert found.missed_share == 0.5 and found.booked_minutes == 60


def test_where_nothing_was_due_or_offered_there_is_no_share():
    found = figures.count([seen(status="Canceled")], {}, MONDAY, MONDAY).all
    assert found.missed_share is None and found.use is None


def test_use_is_booked_by_offered_minutes_of_the_days_that_were_open():
    closed = Closed(frozenset({date(2026, 6, 3)}), ((date(2026, 6, 4), date(2026, 6, 5)),))
    week = {SARAH: mornings(closed), OMAR: mornings()}
    found = figures.count([seen(minutes=90)], week, MONDAY, date(2026, 6, 7))
    assert found.by_specialist[SARAH].offered_minutes == 4 * 180
    assert found.by_specialist[SARAH].use == 90 / 720
    assert found.by_specialist[OMAR].use == 0
    assert found.by_kind[KIND].use is None


def test_an_hour_is_offered_what_lies_in_it():
    week = {SARAH: Week((Hours(time(9, 30), time(11, 15), day=1),))}
    found = figures.count([], week, MONDAY, MONDAY).by_hour
    assert {key: one.offered_minutes for key, one in found.items()} == {
        (1, 9): 30, (1, 10): 60, (1, 11): 15,
    }  # fmt: skip


def test_a_group_session_is_booked_once():
    session = uuid7()
    rows = [seen(session=session), seen(session=session, status="NoShow"), seen(hour=10)]
    found = figures.count(rows, {}, MONDAY, MONDAY).all
    assert (found.due, found.booked_minutes) == (3, 60)


def test_minutes_are_those_that_pass_over_a_clock_change():
    start = datetime(2026, 11, 1, 0, 30, tzinfo=ZONE)
    end = datetime(2026, 11, 1, 1, 30, tzinfo=ZONE, fold=1)
    assert Seen(SARAH, KIND, start, end, "Completed").minutes == 120


@given(
    st.lists(
        st.tuples(st.sampled_from([SARAH, OMAR]), st.integers(0, 23), st.sampled_from(STATUSES))
    )
)
def test_each_measure_sums_up_to_all(said):
    rows = [seen(hour=hour, status=status, specialist=who) for who, hour, status in said]
    week = {SARAH: mornings(), OMAR: mornings()}
    found = figures.count(rows, week, MONDAY, date(2026, 6, 7))
    for by in (found.by_specialist, found.by_hour):
        for name in ("done", "missed", "booked_minutes", "offered_minutes"):
            assert sum(getattr(one, name) for one in by.values()) == getattr(found.all, name)
    assert found.all.missed_share is None or 0 <= found.all.missed_share <= 1


class TestOfTheClinic:
    @pytest.fixture
    def kind(self, cast):
        kind = open_hours(cast)
        visit(cast, kind, cast.mr_doe, at(9, days=-2), status="Completed")
        visit(cast, kind, cast.mrs_doe, at(10, days=-2), status="NoShow")
        visit(cast, kind, cast.mrs_doe, at(9, days=-90), status="NoShow")
        return kind

    def test_so_many_weeks_up_to_yesterday(self, cast, kind):
        with cast.acting("fred"):
            found = figures.of_weeks(cast.fred, 4, zone=ZONE)
        assert (found.first, found.last) == (
            today() - timedelta(weeks=4), today() - timedelta(days=1)
        )  # fmt: skip
        assert (found.all.done, found.all.missed) == (1, 1)
        assert found.by_specialist[cast.specialists["sarah"].pk].offered_minutes == 28 * 180

    def test_who_sees_her_own_patients_gets_her_own_figures(self, cast, kind):
        with cast.acting("omar"):
            found = figures.of_weeks(cast.omar, 4, zone=ZONE)
        assert set(found.by_specialist) == {cast.specialists["omar"].pk} and not found.all.due

    def test_patients_get_none(self, cast, kind):
        with cast.acting("john", portal=True), denied(Permission.CALENDAR_VIEW):
            figures.of_weeks(cast.john, 4, zone=ZONE)

    def test_by_the_api(self, api, cast, kind):
        answer = api("fred").get("/api/v1/scheduling-figures/?weeks=4")
        assert answer.status_code == 200
        body = answer.json()
        assert body["all"]["missed"] == 1 and body["all"]["missed_share"] == 0.5
        assert {one["specialist"] for one in body["by_specialist"]} == {
            str(cast.specialists[name].pk) for name in ("sarah", "omar")
        }
        assert {one["hour"] for one in body["by_hour"]} == {9, 10, 11}
        assert api("fred").get("/api/v1/scheduling-figures/?weeks=0").status_code == 400
        assert api("john").get("/api/v1/scheduling-figures/").status_code == 403
        assert api("aud").get("/api/v1/scheduling-figures/").status_code == 403

    def test_as_pictures_with_a_sentence_and_a_table(self, browse, cast, kind):
        page = browse("fred").get(reverse("admin:scheduling_figures"), {"weeks": "4"})
        body = page.content.decode()
        assert "1 of 2 visits were missed: 50 %." in body and "<svg" in body
        assert "Show these numbers as a table" in body and "Doe" not in body
        nonsense = browse("fred").get(reverse("admin:scheduling_figures"), {"weeks": "7"})
        assert nonsense.context["weeks"] == 12

    def test_of_no_other_clinic(self, browse, cast, kind):
        with tenancy.system(cast.austa):
            assert not Appointment.objects.exists()
        page = browse("lucia").get(reverse("admin:scheduling_figures"))
        assert not page.context["found"].all.due
