"""The calendar in the staff's site: the day, booking, one visit, hours."""

from datetime import time, timedelta

import pytest
from django.urls import reverse

from clinic.models import LogEntry
from clinic.security import tenancy
from scheduling import booking, calendar, opening
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock
from scheduling.tests.hours import at, open_hours, today, visit

BOOK, DAY = "/admin/visits/new/", "/admin/day/"


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def address_of(row) -> str:
    return reverse("admin:visit", args=[row.pk])


def book_page(cast, kind, **more) -> str:
    query = {"patient": cast.mr_doe.pk, "appointment_type": kind.pk, **more}
    return BOOK + "?" + "&".join(f"{name}={value}" for name, value in query.items())


def first_slot(page):
    return page.context["groups"][0].slots[0]


def test_the_day_stands_by_specialist_on_the_clinics_clock(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(9, days=0))
    visit(cast, kind, cast.mrs_doe, at(11, 30, days=0))
    page = browse("fred").get(DAY)
    columns = {c.who.pk: c for c in page.context["calendar"].columns}
    times = [v.start.strftime("%H:%M") for v in columns[cast.specialists["sarah"].pk].visits]
    assert times == ["09:00", "11:30"]
    assert page.context["total"] == 2
    body = page.content.decode()
    assert "John Doe" in body and "09:00–09:30" in body and " AM" not in body


def test_another_day_is_one_link_away_and_nonsense_is_today(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(9, days=1))
    browser = browse("fred")
    page = browser.get(DAY)
    assert page.context["total"] == 0
    assert browser.get(page.context["after"]).context["total"] == 1
    for nonsense in ("2026-13-40", "x", "99999-01-01", ""):
        assert browser.get(DAY, {"day": nonsense}).context["day"] == today()


def test_who_sees_the_day_is_on_the_trail(browse, cast, kind):
    shown = visit(cast, kind, cast.mr_doe, at(9, days=0))
    browse("fred").get(DAY)
    with tenancy.system(cast.harbor):
        entry = LogEntry.entries.reads().get(actor=cast.fred, object_pk=str(shown.pk))
    assert entry.patient_id == cast.mr_doe.pk and entry.additional_data["how"] == "list"


def test_a_visit_is_booked_in_three_steps_from_a_name(browse, cast, kind):
    browser = browse("fred")
    step1 = browser.get(BOOK, {"q": "john"})
    assert [p.pk for p in step1.context["matches"]] == [cast.mr_doe.pk]
    step2 = browser.get(book_page(cast, kind, day=at(9).date()))
    slot = first_slot(step2)
    step3 = browser.post(
        book_page(cast, kind, day=at(9).date()), {"slot": slot.value, "reason": "Knee"}
    )
    with cast.acting("sarah"):
        booked = Appointment.objects.get()
        assert (booked.start_datetime, booked.reason) == (slot.start, "Knee")
        assert booked.booked_by == cast.fred
    assert step3["Location"] == address_of(booked)


def test_a_time_that_was_taken_meanwhile_is_told_and_nothing_is_stored(browse, cast, kind):
    browser = browse("fred")
    slot = first_slot(browser.get(book_page(cast, kind, day=at(9).date())))
    with cast.acting("alma"):
        booking.book(
            patient=cast.mrs_doe, specialist=slot.specialist, appointment_type=kind,
            start=slot.start, by=cast.alma,
        )  # fmt: skip
    answer = browser.post(book_page(cast, kind, day=at(9).date()), {"slot": slot.value})
    assert answer.status_code == 400 and "just been taken" in answer.content.decode()
    with cast.acting("alma"):
        assert Appointment.objects.count() == 1


@pytest.mark.parametrize(
    "slot", ["", "x", "x@y", "00000000-0000-0000-0000-000000000000@20300101T0900Z"]
)
def test_a_slot_that_is_none_is_refused(browse, cast, kind, slot):
    answer = browse("fred").post(book_page(cast, kind), {"slot": slot})
    assert answer.status_code == 400
    with cast.acting("fred"):
        assert not Appointment.objects.exists()


def test_the_steps_of_a_visit(browse, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(9, days=-1))
    browser = browse("fred")
    page = browser.get(address_of(row))
    assert [step.to for step in page.context["steps"]] == ["Completed", "NoShow"]
    browser.post(address_of(row), {"to": "Completed", "version": row.version})
    with cast.acting("fred"):
        row.refresh_from_db()
        assert row.status == "Completed"
    again = browser.post(address_of(row), {"to": "Canceled", "version": row.version})
    assert again.status_code == 400 and "cannot become" in again.content.decode()


def test_canceling_keeps_the_reason_and_frees_the_time(browse, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(9))
    browse("fred").post(
        address_of(row), {"to": "Canceled", "version": row.version, "reason": "Ill"}
    )
    with cast.acting("fred"):
        row.refresh_from_db()
        assert (row.status, row.cancel_reason) == ("Canceled", "Ill")
        free = calendar.free_slots(
            specialist=cast.specialists["sarah"], appointment_type=kind,
            start=at(8), end=at(12),
        )  # fmt: skip
        assert at(9) in [slot.start for slot in free]


def test_a_status_that_was_overtaken_is_refused(browse, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(9))
    answer = browse("fred").post(address_of(row), {"to": "Canceled", "version": row.version + 7})
    assert answer.status_code == 400 and "changed since" in answer.content.decode()


def test_a_visit_is_moved_in_one_step(browse, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(9))
    browser = browse("fred")
    page = BOOK + f"?move={row.pk}&day={at(9, days=2).date()}"
    slot = first_slot(browser.get(page))
    assert browser.post(page, {"slot": slot.value})["Location"] == address_of(row)
    with cast.acting("fred"):
        assert Appointment.objects.get().start_datetime == slot.start


def test_the_desk_is_not_told_why_a_patient_comes(browse, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(9), reason="plantedreason")
    assert b"plantedreason" not in browse("fred").get(address_of(row)).content
    assert b"plantedreason" in browse("sarah").get(address_of(row)).content


# Hours
def hours_of(cast, name="sarah") -> str:
    return reverse("admin:hours", args=[cast.specialists[name].pk])


def week(page) -> dict:
    form = page.context["week_form"]
    return {
        bound.html_name: bound.value().strftime("%H:%M") if bound.value() else "" for bound in form
    }


def test_the_week_is_set_and_rows_that_stay_are_kept(browse, cast, kind):
    browser = browse("fred")
    with cast.acting("fred"):
        monday = AvailabilityBlock.objects.get(specialist=cast.specialists["sarah"], day_of_week=1)
    said = week(browser.get(hours_of(cast))) | {
        "from_2_0": "10:00", "until_2_0": "13:30", "from_2_1": "14.15", "until_2_1": "18",
        "from_7_0": "", "until_7_0": "",
    }  # fmt: skip
    assert browser.post(hours_of(cast), said).status_code == 302
    with cast.acting("fred"):
        rows = opening.blocks_of(cast.specialists["sarah"])
        assert rows.get(day_of_week=1).pk == monday.pk
        tuesday = rows.filter(day_of_week=2).values_list("start_time", "end_time")
        assert list(tuesday) == [(time(10), time(13, 30)), (time(14, 15), time(18))]
        assert not rows.filter(day_of_week=7).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_1_0": "12:00", "until_1_0": "09:00"},
        {"from_1_1": "10:00", "until_1_1": "11:00"},
        {"from_1_1": "10:00"},
        {"from_1_0": "half past nine"},
    ],
)
def test_a_week_that_cannot_be_is_refused_whole(browse, cast, kind, wrong):
    browser = browse("fred")
    before = week(browser.get(hours_of(cast)))
    answer = browser.post(hours_of(cast), before | wrong)
    assert answer.status_code == 400 and answer.context["week_form"].errors
    assert week(browser.get(hours_of(cast))) == before


def test_a_date_differs_from_the_week_and_is_taken_back(browse, cast, kind):
    browser, day = browse("fred"), today() + timedelta(days=3)
    said = {"add_date": "1", "exception_date": day.isoformat(), "is_closed": "on"}
    assert browser.post(hours_of(cast), said).status_code == 302
    with cast.acting("fred"):
        block = opening.blocks_of(cast.specialists["sarah"]).get(exception_date=day)
        assert block.is_closed
    browser.post(hours_of(cast), {"withdraw": str(block.pk)})
    with cast.acting("fred"):
        assert not AvailabilityBlock.objects.filter(pk=block.pk).exists()


def test_a_specialist_sets_her_own_hours_and_nobody_elses(browse, cast, kind):
    browser = browse("omar")
    said = week(browser.get(hours_of(cast, "omar"))) | {"from_1_0": "08:00"}
    assert browser.post(hours_of(cast, "omar"), said).status_code == 302
    assert browser.post(hours_of(cast, "sarah"), said).status_code == 403
    assert browse("nina").post(hours_of(cast, "sarah"), said).status_code == 403
    with cast.acting("fred"):
        starts = AvailabilityBlock.objects.filter(day_of_week=1).values_list(
            "specialist__user__email", "start_time"
        )
        assert dict(starts) == {"sarah@harbor.test": time(9), "omar@harbor.test": time(8)}


def test_a_kind_of_visit_is_offered_and_its_name_taken_once(browse, cast):
    browser = browse("fred")
    add = reverse("admin:scheduling_appointmenttype_add")
    said = {"name": "Vaccination", "minutes": "15", "portal_bookable": "on", "is_active": "on"}
    assert browser.post(add, said).status_code == 302
    again = browser.post(add, said)
    assert "name" in again.context["adminform"].form.errors
    wrong = browser.post(add, said | {"name": "Endless", "minutes": "4000"})
    assert "minutes" in wrong.context["adminform"].form.errors
    with cast.acting("fred"):
        assert list(AppointmentType.objects.values_list("name", "minutes")) == [("Vaccination", 15)]
