"""The calendar in the staff's site: the day, booking, one visit, hours."""

from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.models import LogEntry
from clinic.security import tenancy
from patients import registration
from scheduling import booking, calendar, hours, series
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock, Hold
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
    return page.context["slots"][0]


def kept(browser, page: str):
    """The address of the third step, once the first free time is kept."""
    slot = first_slot(browser.get(page))
    return slot, browser.post(page, {"keep": slot.value})["Location"]


def test_the_day_stands_by_specialist_on_the_clinics_clock(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(9, days=0))
    visit(cast, kind, cast.mrs_doe, at(11, 30, days=0))
    page = browse("fred").get(DAY)
    columns = {c.who.who.pk: c for c in page.context["calendar"].columns}
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
    slot, third = kept(browser, book_page(cast, kind, day=at(9).date()))
    assert browser.get(third).context["chosen"].hold.patient_id == cast.mr_doe.pk
    said = {"book": "1", "reason": "Knee", "times": "1", "every_weeks": "1"}
    done = browser.post(third, said)
    with cast.acting("sarah"):
        booked = Appointment.objects.get()
        assert (booked.start_datetime, booked.reason) == (slot.start, "Knee")
        assert booked.booked_by == cast.fred and not Hold.objects.exists()
    assert done["Location"] == address_of(booked)


def test_two_of_one_name_are_told_apart(browse, cast, kind):
    with cast.acting("fred"):
        registration.register(
            by=cast.fred, first_name="John", last_name="Doe", date_of_birth=date(1999, 1, 2)
        )
    body = browse("fred").get(BOOK, {"q": "john doe"}).content.decode()
    assert cast.mr_doe.mrn in body and "12 Apr 1980" in body and "2 Jan 1999" in body


def test_who_types_gets_the_list_alone(browse, cast, kind):
    answer = browse("fred").get(BOOK, {"q": "john"}, headers={"HX-Request": "true"})
    body = answer.content.decode()
    assert "John Doe" in body and "<html" not in body


def test_the_first_free_times_are_those_of_all_the_earliest_leading(browse, cast, kind):
    visit(cast, kind, cast.mrs_doe, at(9))
    page = browse("fred").get(book_page(cast, kind, day=at(9).date()))
    found = [(slot.start, slot.specialist.pk) for slot in page.context["slots"]]
    sarah, omar = (cast.specialists[name].pk for name in ("sarah", "omar"))
    assert found[0] == (at(9), omar)
    assert set(found[1:3]) == {(at(9, 30), sarah), (at(9, 30), omar)}
    only = browse("fred").get(book_page(cast, kind, day=at(9).date(), specialist=sarah))
    assert {slot.specialist.pk for slot in only.context["slots"]} == {sarah}
    assert not browse("fred").get(book_page(cast, kind, part="evening")).context["slots"]


def test_no_time_is_offered_at_which_the_patient_has_a_visit(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(9))
    page = browse("fred").get(book_page(cast, kind, day=at(9).date()))
    assert at(9) not in [slot.start for slot in page.context["slots"]]


def test_a_time_that_was_taken_meanwhile_is_told_and_nothing_is_stored(browse, cast, kind):
    browser, page = browse("fred"), book_page(cast, kind, day=at(9).date())
    slot = first_slot(browser.get(page))
    with cast.acting("alma"):
        booking.book(
            patient=cast.mrs_doe, specialist=slot.specialist, appointment_type=kind,
            start=slot.start, by=cast.alma,
        )  # fmt: skip
    answer = browser.post(page, {"keep": slot.value})
    assert answer.status_code == 400 and "just been taken" in answer.content.decode()
    with cast.acting("alma"):
        assert Appointment.objects.count() == 1 and not Hold.objects.exists()


@pytest.mark.parametrize(
    "slot", ["", "x", "x@y", "00000000-0000-0000-0000-000000000000@20300101T0900Z"]
)
def test_a_slot_that_is_none_is_refused(browse, cast, kind, slot):
    answer = browse("fred").post(book_page(cast, kind), {"keep": slot})
    assert answer.status_code == 400
    with cast.acting("fred"):
        assert not Appointment.objects.exists() and not Hold.objects.exists()


def test_what_is_kept_ends_and_is_given_up(browse, cast, kind):
    browser, page = browse("fred"), book_page(cast, kind, day=at(9).date())
    _slot, third = kept(browser, page)
    assert "held for 10 minutes" in browser.get(third).content.decode()
    browser.post(third, {"release": "1"})
    with cast.acting("fred"):
        assert not Hold.objects.exists()
    _slot, third = kept(browser, page)
    with tenancy.system(cast.harbor):
        Hold.objects.update(expires_at=timezone.now())
    answer = browser.post(third, {"book": "1", "times": "1", "every_weeks": "1"})
    assert answer.status_code == 400 and "no longer held" in answer.content.decode()
    with cast.acting("fred"):
        assert not Appointment.objects.exists()


def test_a_series_is_booked_whole_or_its_conflicts_are_told(browse, cast, kind):
    browser = browse("fred")
    sarah = cast.specialists["sarah"].pk
    visit(cast, kind, cast.mrs_doe, at(9, days=15))
    page = book_page(cast, kind, day=at(9).date(), specialist=sarah)
    _slot, third = kept(browser, page)
    said = {"book": "1", "times": "3", "every_weeks": "1"}
    answer = browser.post(third, said)
    assert answer.status_code == 400
    assert [start for start, _reason in answer.context["conflicts"]] == [at(9, days=15)]
    with cast.acting("fred"):
        assert Appointment.objects.count() == 1 and Hold.objects.count() == 1
    assert browser.post(third, said | {"times": "2"}).status_code == 302
    with cast.acting("fred"):
        theirs = Appointment.objects.filter(patient=cast.mr_doe)
        assert [one.start_datetime for one in theirs] == [at(9), at(9, days=8)]
        assert len({one.series for one in theirs}) == 1 and not Hold.objects.exists()


def test_a_time_that_is_taken_is_overbooked_by_who_may_with_a_reason(browse, cast, kind):
    visit(cast, kind, cast.mrs_doe, at(9))
    page = book_page(cast, kind)
    typed = {
        "another": "1", "day": at(9).date().isoformat(), "time": "09:00",
        "with_whom": cast.specialists["sarah"].pk,
    }  # fmt: skip
    refused = browse("fred").post(page, typed)
    assert refused.status_code == 400 and "nevertheless" not in refused.content.decode()
    answer = browse("sarah").post(page, typed)
    assert answer.status_code == 400 and "nevertheless" in answer.content.decode()
    over, browser = answer.context["over"], browse("sarah")
    said = {"book": "1", "times": "1", "every_weeks": "1"}
    assert "overbook" in browser.post(over, said).context["form"].errors
    assert browse("fred").post(over, said | {"overbook": "She is in pain"}).status_code == 400
    with cast.acting("sarah"):
        assert Appointment.objects.count() == 1
    assert browser.post(over, said | {"overbook": "She is in pain"}).status_code == 302
    with cast.acting("sarah"):
        both = Appointment.objects.get(patient=cast.mr_doe)
        assert both.is_overbooked and both.overbooking_reason == "She is in pain"
    day = browser.get(DAY, {"day": at(9).date().isoformat()}).content.decode()
    assert "Overbooked" in day


def test_a_place_in_a_group_is_booked_beside_the_others(browse, cast, kind):
    with tenancy.system(cast.harbor):
        AppointmentType.objects.filter(pk=kind.pk).update(capacity=2)
    with cast.acting("fred"):
        booking.book(
            patient=cast.mrs_doe, specialist=cast.specialists["sarah"], appointment_type=kind,
            start=at(9), by=cast.fred,
        )  # fmt: skip
    browser = browse("fred")
    sarah = cast.specialists["sarah"].pk
    page = book_page(cast, kind, specialist=sarah, day=at(9).date())
    assert first_slot(browser.get(page)).left == 1
    _slot, third = kept(browser, page)
    assert browser.post(third, {"book": "1", "times": "1", "every_weeks": "1"}).status_code == 302
    day = browser.get(DAY, {"day": at(9).date().isoformat(), "who": str(sarah)})
    (entry,) = day.context["lanes"][0].entries
    assert (entry.taken, entry.places) == (2, 2)
    assert first_slot(browser.get(page)).start == at(9, 30)


def test_the_steps_of_a_visit(browse, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(9, days=-1))
    browser = browse("fred")
    page = browser.get(address_of(row))
    assert [step.to for step in page.context["steps"]] == ["arrived", "Completed", "NoShow"]
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


def test_a_visit_is_moved_to_a_free_time_in_one_step(browse, cast, kind):
    row = visit(cast, kind, cast.mr_doe, at(9))
    browser = browse("fred")
    page = BOOK + f"?move={row.pk}&day={at(9, days=2).date()}"
    slot = first_slot(browser.get(page))
    assert browser.post(page, {"keep": slot.value})["Location"] == address_of(row)
    with cast.acting("fred"):
        assert Appointment.objects.get().start_datetime == slot.start
        assert not Hold.objects.exists()


def test_of_a_series_this_one_or_all_that_follow_are_canceled(browse, cast, kind):
    with cast.acting("fred"):
        rows = series.book(
            patient=cast.mr_doe, specialist=cast.specialists["sarah"], appointment_type=kind,
            start=at(9), every_weeks=1, times=4, by=cast.fred,
        )  # fmt: skip
    browser = browse("fred")
    page = browser.get(address_of(rows[1]))
    assert page.context["following"] == 2
    said = {"to": "Canceled", "version": rows[0].version, "reason": "Away"}
    browser.post(address_of(rows[0]), said | {"scope": "this"})
    browser.post(address_of(rows[2]), said | {"scope": "following"})
    with cast.acting("fred"):
        standing = Appointment.objects.exclude(status="Canceled")
        assert [one.pk for one in standing] == [rows[1].pk]


def test_canceling_late_is_said_before_it_is_done(browse, cast, kind):
    late, early = (
        visit(cast, kind, who, start)
        for who, start in ((cast.mr_doe, at(9)), (cast.mrs_doe, at(10, days=9)))
    )
    with tenancy.system(cast.harbor):
        AppointmentType.objects.filter(pk=kind.pk).update(cancel_hours=72)
    browser = browse("fred")
    assert "cancels late" in browser.get(address_of(late)).content.decode()
    assert "cancels late" not in browser.get(address_of(early)).content.decode()


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
        rows = hours.blocks().filter(specialist=cast.specialists["sarah"])
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
        block = hours.blocks().filter(specialist=cast.specialists["sarah"]).get(exception_date=day)
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
    said = {
        "name": "Vaccination", "minutes": "15", "bookable_by": ["staff", "patient"],
        "is_active": "on", "buffer_before": "0", "buffer_after": "5", "notice_hours": "2",
        "horizon_days": "90", "cancel_hours": "24", "capacity": "1", "price": "40.50",
        "preparation_en": "Bring your card.", "preparation_pt-br": "Traga a carteira.",
    }  # fmt: skip
    assert browser.post(add, said).status_code == 302
    again = browser.post(add, said)
    assert "name" in again.context["adminform"].form.errors
    wrong = browser.post(add, said | {"name": "Endless", "minutes": "4000"})
    assert "minutes" in wrong.context["adminform"].form.errors
    with cast.acting("fred"):
        kind = AppointmentType.objects.get()
    assert (kind.name, kind.minutes, kind.buffer_after) == ("Vaccination", 15, 5)
    assert kind.bookable_by == ["staff", "patient"] and kind.price == Decimal("40.50")
    assert kind.preparation_in("pt-br") == "Traga a carteira."
    assert kind.preparation_in("es") == "Bring your card."
