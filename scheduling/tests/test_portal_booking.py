"""Booking in the portal: three plain pages; what is offered is free, and what is taken says so."""

from datetime import UTC

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.errors import Invalid
from clinic.models import Specialist
from clinic.security import tenancy
from scheduling import booking
from scheduling.models import Appointment, AppointmentType
from scheduling.tests.hours import at, open_hours, today, visit

BOOK = "/portal/visits/book/"


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def slot(cast, start, who="sarah") -> str:
    return f"{cast.specialists[who].pk}@{start.astimezone(UTC):%Y%m%dT%H%MZ}"


def starts_in(answer) -> list[str]:
    return [s.start for group in answer.context["groups"] for s in group.slots]


def all_visits(cast) -> list[Appointment]:
    with tenancy.system(cast.harbor):
        return list(Appointment.objects.order_by("id"))


def test_the_three_steps_book_a_visit(browse, cast, kind):
    browser = browse("john")
    first = browser.get(BOOK)
    assert first.context["types"] == [kind]
    choice = {"appointment_type": kind.pk, "specialist": cast.specialists["sarah"].pk}
    second = browser.get(BOOK, choice | {"day": str(at(9).date())})
    assert starts_in(second) == [at(9), at(9, 30), at(10), at(10, 30), at(11), at(11, 30)]
    third = browser.get(BOOK, choice | {"slot": slot(cast, at(10))})
    assert third.context["step"] == 3
    answer = browser.post(
        BOOK,
        {"for": cast.mr_doe.pk, "appointment_type": kind.pk, "slot": slot(cast, at(10)),
         "reason": "A cough"},
        follow=True,
    )  # fmt: skip
    [booked] = all_visits(cast)
    assert answer.redirect_chain == [(f"/portal/visits/{booked.pk}/", 302)]
    assert b"Your visit is booked" in answer.content and b"A cough" in answer.content
    assert (booked.patient_id, booked.start_datetime) == (cast.mr_doe.pk, at(10))
    assert booked.booked_by_id == cast.john.pk


def test_for_the_child_that_was_chosen(browse, cast, kind):
    browser = browse("john")
    browser.post(f"/portal/person/{cast.jimmy.pk}/")
    page = browser.get(BOOK, {"appointment_type": kind.pk, "slot": slot(cast, at(10))})
    assert b"For Jimmy Doe" in page.content
    form = {"for": cast.jimmy.pk, "appointment_type": kind.pk, "slot": slot(cast, at(10))}
    browser.post(BOOK, form)
    [booked] = all_visits(cast)
    assert (booked.patient_id, booked.booked_by_id) == (cast.jimmy.pk, cast.john.pk)


def test_a_form_from_another_window_books_for_nobody(browse, cast, kind):
    browser = browse("john")
    form = {"for": cast.jimmy.pk, "appointment_type": kind.pk, "slot": slot(cast, at(10))}
    answer = browser.post(BOOK, form, follow=True)
    assert b"Nothing was changed" in answer.content and all_visits(cast) == []


def test_a_time_that_is_taken_meanwhile_is_said_and_others_are_offered(browse, cast, kind):
    visit(cast, kind, cast.mrs_doe, at(10))
    browser = browse("john")
    form = {"appointment_type": kind.pk, "slot": slot(cast, at(10))}
    answer = browser.post(BOOK, form)
    assert answer.status_code == 400
    assert b"This time has just been taken" in answer.content
    assert b"Jane" not in answer.content
    asked = browser.get(BOOK, form)
    assert asked.status_code == 400 and asked.context["step"] == 2
    assert len(all_visits(cast)) == 1


def test_sent_twice_it_is_booked_once(browse, cast, kind):
    browser = browse("john")
    form = {"appointment_type": kind.pk, "slot": slot(cast, at(10))}
    first, second = browser.post(BOOK, form), browser.post(BOOK, form)
    [booked] = all_visits(cast)
    assert first["Location"] == second["Location"] == f"/portal/visits/{booked.pk}/"


@pytest.mark.parametrize(
    "value",
    ["", "x", "@", "00000000-0000-0000-0000-000000000000@20261124T1000Z", "{sarah}@00010101T0000Z",
     "{sarah}@99991231T2359Z", "{sarah}@20261324T1000Z", "{sarah}@", "{lucia}@20261124T1000Z"],
)  # fmt: skip
def test_a_slot_that_names_nothing_is_a_question_for_a_time(browse, cast, kind, value):
    people = {name: cast.specialists[name].pk for name in ("sarah", "lucia")}
    form = {"appointment_type": kind.pk, "slot": value.format(**people)}
    browser = browse("john")
    for answer in (browser.post(BOOK, form), browser.get(BOOK, form)):
        assert answer.status_code == 400 and b"Choose a time" in answer.content
    assert all_visits(cast) == []


def test_outside_the_hours_and_in_the_past_nothing_is_booked(browse, cast, kind):
    browser = browse("john")
    for start in (at(13), at(10, days=-1), at(9, 45)):
        form = {"appointment_type": kind.pk, "slot": slot(cast, start)}
        page = browser.get(BOOK, form)
        assert page.status_code == 400 and page.context["step"] == 2
    answer = browser.post(BOOK, {"appointment_type": kind.pk, "slot": slot(cast, at(13))})
    assert answer.status_code == 400
    assert all_visits(cast) == []


def test_continuing_without_a_choice_asks_for_one(browse, cast, kind):
    answer = browse("john").get(BOOK, {"appointment_type": kind.pk, "specialist": "", "pick": "1"})
    assert answer.status_code == 400
    assert b"There is a problem" in answer.content and b"Choose a time" in answer.content


def test_anyone_shows_the_times_of_all(browse, cast, kind):
    answer = browse("john").get(BOOK, {"appointment_type": kind.pk, "day": str(at(9).date())})
    assert {g.specialist.pk for g in answer.context["groups"]} == {
        cast.specialists["sarah"].pk, cast.specialists["omar"].pk
    }  # fmt: skip
    assert b"Lucia" not in answer.content


def test_kinds_that_the_desk_books_are_not_offered_nor_taken(browse, cast, kind):
    with tenancy.system(cast.harbor):
        surgery = AppointmentType.objects.create(
            facility=cast.harbor, name="Surgery", minutes=30, portal_bookable=False
        )
    browser = browse("john")
    assert b"Surgery" not in browser.get(BOOK).content
    answer = browser.post(BOOK, {"appointment_type": surgery.pk, "slot": slot(cast, at(10))})
    assert answer.status_code == 400 and all_visits(cast) == []
    with cast.acting("john", portal=True), pytest.raises(Invalid) as refused:
        booking.book(
            patient=cast.mr_doe, specialist=cast.specialists["sarah"], appointment_type=surgery,
            start=at(10), by=cast.john,
        )  # fmt: skip
    assert "appointment_type" in refused.value.fields


def test_days_lead_on_and_back_but_not_into_the_past(browse, cast, kind):
    browser = browse("john")
    first = browser.get(BOOK, {"appointment_type": kind.pk})
    assert first.context["earlier"] == "" and len(first.context["days"]) >= 13
    later = browser.get(first.context["later"])
    assert later.status_code == 200 and later.context["earlier"]
    for day in ("0001-01-01", "9999-12-31", "nonsense"):
        odd = browser.get(BOOK, {"appointment_type": kind.pk, "day": day, "from": day})
        assert odd.status_code == 200
        assert all(one["date"] >= today() for one in odd.context["days"])


def test_a_reason_that_is_too_long_keeps_what_was_written(browse, cast, kind):
    form = {"appointment_type": kind.pk, "slot": slot(cast, at(10)), "reason": "b" * 501}
    answer = browse("john").post(BOOK, form)
    assert answer.status_code == 400 and answer.context["step"] == 3
    assert b"b" * 501 in answer.content and all_visits(cast) == []


def test_more_specialists_ask_no_more_questions(browse, cast, kind, django_assert_num_queries):
    browser = browse("john")
    browser.get(BOOK, {"appointment_type": kind.pk})
    with CaptureQueriesContext(connection) as with_two:
        browser.get(BOOK, {"appointment_type": kind.pk})
    with tenancy.system(cast.harbor):
        for name in ("nina", "phil", "alma"):
            Specialist.objects.create(
                facility=cast.harbor, user=cast.people[name], specialty="Nursing"
            )
    with django_assert_num_queries(len(with_two)):
        browser.get(BOOK, {"appointment_type": kind.pk})
    choices = browser.get(BOOK, {"appointment_type": kind.pk, "change": 1}).context
    assert len(choices["specialists"]) == 5
