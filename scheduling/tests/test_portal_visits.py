"""Visits in the portal: one's own, with the clinic's clock; confirming and canceling, alone or with
what follows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinic.models import LogEntry, User
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from patients import consent, family
from patients.models import FamilyMember
from scheduling import booking, series
from scheduling.models import Appointment, AppointmentType, Room
from scheduling.tests.hours import at, open_hours, visit


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def statuses(cast) -> list[str]:
    with tenancy.system(cast.harbor):
        rows = Appointment.objects.order_by("start_datetime")
        return [row.status for row in rows]


def change(cast, kind, **fields) -> None:
    with tenancy.system(cast.harbor):
        AppointmentType.objects.filter(pk=kind.pk).update(**fields)


def one_of_series(cast, kind, patient, *days: int) -> list[Appointment]:
    name = uuid7()
    return [visit(cast, kind, patient, at(10, days=n), series=name) for n in days]


def test_next_and_past_visits_are_told_apart(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10), reason="Cough")
    visit(cast, kind, cast.mr_doe, at(9, days=-30), status="Completed")
    visit(cast, kind, cast.mr_doe, at(11), status="Canceled")
    visit(cast, kind, cast.mr_doe, at(12), status="NoShow")  # said before its end
    answer = browse("john").get("/portal/visits/")
    assert [row.visit.status for row in answer.context["upcoming"]] == ["Confirmed"]
    assert {v.status for v in answer.context["past"]} == {"Completed", "Canceled", "NoShow"}


def test_a_series_stands_together(browse, cast, kind):
    first, *others = one_of_series(cast, kind, cast.mr_doe, 1, 15, 29)
    between = visit(cast, kind, cast.mr_doe, at(10, days=7))
    answer = browse("john").get("/portal/visits/")
    rows = [(row.visit.pk, len(row.following)) for row in answer.context["upcoming"]]
    assert rows == [(first.pk, 2), (between.pk, 0)]
    assert b"2 more of the series" in answer.content
    page = browse("john").get(f"/portal/visits/{first.pk}/")
    assert [one.pk for one in page.context["others"]] == [one.pk for one in others]


def test_the_visits_of_others_are_not_there(browse, cast, kind):
    theirs = visit(cast, kind, cast.mr_doe, at(10), reason="Cough", status="Pending")
    browser = browse("jane")
    assert b"Sarah" not in browser.get("/portal/visits/").content
    for way in ("", "cancel/", "move/", "confirm/"):
        address = f"/portal/visits/{theirs.pk}/{way}"
        assert browser.get(address).status_code in {404, 405}
        assert browser.post(address).status_code in {404, 405}
        assert browse("ana").post(address).status_code in {404, 405}
    assert browse("ana").get(f"/portal/visits/{theirs.pk}/").status_code == 404
    assert statuses(cast) == ["Pending"]


def test_who_only_sees_does_nothing(browse, cast, kind):
    """Jane is let see John's visits, and not act for him."""
    theirs = visit(cast, kind, cast.mr_doe, at(10), status="Pending")
    with tenancy.system(cast.harbor):
        member = family.stand(
            patient=cast.mr_doe, user=cast.jane, relationship=FamilyMember.Relationship.SPOUSE,
            level=FamilyMember.PermissionLevel.LIMITED,
        )  # fmt: skip
    with cast.acting("john", portal=True):
        consent.give(member=member, categories=["appointments"], by=cast.john)
    browser = browse("jane")
    browser.post(f"/portal/person/{cast.mr_doe.pk}/")
    page = browser.get(f"/portal/visits/{theirs.pk}/")
    assert page.status_code == 200
    for word in (b"Cancel this visit", b"Move this visit", b"Yes, I will come"):
        assert word not in page.content
    for way in ("cancel/", "move/", "confirm/"):
        assert browser.post(f"/portal/visits/{theirs.pk}/{way}").status_code == 403
    assert browser.post("/portal/visits/book/", {"appointment_type": kind.pk}).status_code == 403
    assert statuses(cast) == ["Pending"]


def test_a_childs_visit_is_shown_only_while_the_child_is(browse, cast, kind):
    childs = visit(cast, kind, cast.jimmy, at(10))
    browser = browse("john")
    assert browser.get(f"/portal/visits/{childs.pk}/").status_code == 404
    browser.post(f"/portal/person/{cast.jimmy.pk}/")
    assert browser.get(f"/portal/visits/{childs.pk}/").status_code == 200


def test_times_are_those_of_the_clinic(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10))
    address = f"/portal/visits/{own.pk}/"
    assert "10:00 to 10:30" in browse("john").get(address).content.decode()
    with tenancy.system(cast.harbor):
        User.objects.filter(pk=cast.john.pk).update(timezone="Asia/Tokyo")
    page = browse("john").get(address).content.decode()
    assert "10:00 to 10:30" in page and "In Tokyo it is" in page


def test_where_it_is_and_how_to_prepare(browse, cast, kind):
    with tenancy.system(cast.harbor):
        room = Room.objects.create(facility=cast.harbor, name="Room 7")
    change(cast, kind, place="North wing", preparation={"en": "Come sober.", "es": "En ayunas."})
    own = visit(cast, kind, cast.mr_doe, at(10), room=room)
    page = browse("john").get(f"/portal/visits/{own.pk}/").content.decode()
    assert "North wing, Room 7" in page and "Come sober." in page
    browser = browse("john")
    browser.cookies["django_language"] = "es"
    with tenancy.system(cast.harbor):
        User.objects.filter(pk=cast.john.pk).update(preferred_language="es")
    assert "En ayunas." in browser.get(f"/portal/visits/{own.pk}/").content.decode()


def test_it_goes_into_ones_own_calendar(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10), reason="plantedreason")
    address = f"/portal/visits/{own.pk}/visit.ics"
    assert address in browse("john").get(f"/portal/visits/{own.pk}/").content.decode()
    answer = browse("john").get(address)
    assert answer["Content-Type"].startswith("text/calendar")
    assert answer["Content-Disposition"] == 'attachment; filename="visit.ics"'
    assert str(own.pk).encode() in answer.content
    for word in (b"plantedreason", b"Check-up", b"John"):
        assert word not in answer.content
    for who in ("jane", "ana"):
        assert browse(who).get(address).status_code == 404


@pytest.mark.parametrize("minutes, is_open", [(20, False), (14, True), (-20, True), (-31, False)])
def test_the_video_opens_near_its_time_alone(browse, cast, kind, minutes, is_open):
    change(cast, kind, telehealth_url="https://video.example/room")
    start = timezone.now() + timedelta(minutes=minutes)
    own = visit(cast, kind, cast.mr_doe, start)
    page = browse("john").get(f"/portal/visits/{own.pk}/").content
    assert (b"https://video.example/room" in page) is is_open
    gone = visit(cast, kind, cast.mrs_doe, start + timedelta(days=40), status="Canceled")
    assert b"video.example" not in browse("jane").get(f"/portal/visits/{gone.pk}/").content


class TestConfirming:
    @pytest.fixture
    def asked(self, cast, kind):
        change(cast, kind, asks_confirmation=True)
        with cast.acting("fred"):
            return booking.book(
                patient=cast.jimmy, specialist=cast.specialists["sarah"], appointment_type=kind,
                start=at(10), by=cast.fred,
            )  # fmt: skip

    def test_what_the_clinic_books_waits_for_her_word(self, browse, cast, asked):
        assert asked.status == "Pending"
        browser = browse("john")
        browser.post(f"/portal/person/{cast.jimmy.pk}/")
        address = f"/portal/visits/{asked.pk}/"
        assert b"Will you come?" in browser.get(address).content
        answer = browser.post(f"{address}confirm/", follow=True)
        assert b"The visit is confirmed" in answer.content
        assert b"Will you come?" not in answer.content
        again = browser.post(f"{address}confirm/", follow=True)
        assert b"cannot become" in again.content
        assert statuses(cast) == ["Confirmed"]

    def test_what_she_books_herself_needs_no_word(self, cast, kind):
        change(cast, kind, asks_confirmation=True)
        with cast.acting("john", portal=True):
            own = booking.book(
                patient=cast.mr_doe, specialist=cast.specialists["sarah"], appointment_type=kind,
                start=at(10), by=cast.john,
            )  # fmt: skip
        assert own.status == "Confirmed"

    def test_what_she_moves_she_comes_to(self, cast, asked):
        with cast.acting("john", portal=True):
            moved = booking.reschedule(appointment=asked, start=at(11), by=cast.john)
        assert moved.status == "Confirmed"

    def test_what_the_clinic_moves_still_waits(self, cast, asked):
        with cast.acting("fred"):
            moved = booking.reschedule(appointment=asked, start=at(11), by=cast.fred)
        assert moved.status == "Pending"

    def test_not_what_has_begun(self, browse, cast, kind):
        begun = visit(
            cast, kind, cast.mr_doe, timezone.now() - timedelta(minutes=5), status="Pending"
        )
        browser = browse("john")
        assert b"Will you come?" not in browser.get(f"/portal/visits/{begun.pk}/").content
        answer = browser.post(f"/portal/visits/{begun.pk}/confirm/", follow=True)
        assert b"already begun" in answer.content
        assert statuses(cast) == ["Pending"]


class TestCanceling:
    def test_it_is_asked_first_and_gives_the_time_back(self, browse, cast, kind):
        own = visit(cast, kind, cast.mr_doe, at(10, days=3))
        browser = browse("john")
        address = f"/portal/visits/{own.pk}/cancel/"
        page = browser.get(address)
        assert b"Cancel this visit?" in page.content and b"counts as late" not in page.content
        answer = browser.post(address, {"cancel_reason": "I am away"}, follow=True)
        assert answer.redirect_chain == [("/portal/visits/", 302)]
        assert b"The visit is canceled" in answer.content
        with tenancy.system(cast.harbor):
            own.refresh_from_db()
            kept = (own.status, own.cancel_reason, own.canceled_late)
        assert kept == ("Canceled", "I am away", False)
        again = browser.post(address)
        assert again.status_code == 400 and "cannot become" in again.content.decode()

    def test_late_is_said_before_and_kept(self, browse, cast, kind):
        own = visit(cast, kind, cast.mr_doe, timezone.now() + timedelta(hours=5))
        browser = browse("john")
        for address in (f"/portal/visits/{own.pk}/", f"/portal/visits/{own.pk}/cancel/"):
            assert b"less than 24 hours" in browser.get(address).content
        browser.post(f"/portal/visits/{own.pk}/cancel/")
        with tenancy.system(cast.harbor):
            own.refresh_from_db()
        assert own.canceled_late is True
        assert b"Late" in browser.get(f"/portal/visits/{own.pk}/").content

    def test_a_kind_without_a_policy_says_none(self, browse, cast, kind):
        change(cast, kind, cancel_hours=0)
        own = visit(cast, kind, cast.mr_doe, timezone.now() + timedelta(hours=1))
        assert b"late" not in browse("john").get(f"/portal/visits/{own.pk}/").content

    def test_one_of_a_series_alone(self, browse, cast, kind):
        rows = one_of_series(cast, kind, cast.mr_doe, 1, 2, 3)
        browser = browse("john")
        address = f"/portal/visits/{rows[1].pk}/cancel/"
        assert b"This visit and all that follow" in browser.get(address).content
        assert browser.post(address, {"scope": "one"}).status_code == 302
        assert statuses(cast) == ["Confirmed", "Canceled", "Confirmed"]

    def test_or_with_all_that_follow(self, browse, cast, kind):
        rows = one_of_series(cast, kind, cast.mr_doe, 1, 2, 3)
        one_of_series(cast, kind, cast.mr_doe, 4, 5)
        address = f"/portal/visits/{rows[1].pk}/cancel/"
        answer = browse("john").post(address, {"scope": "following"}, follow=True)
        assert b"2 visits are canceled" in answer.content
        assert statuses(cast) == ["Confirmed", "Canceled", "Canceled", "Confirmed", "Confirmed"]

    def test_of_a_series_it_has_to_be_said_which(self, browse, cast, kind):
        rows = one_of_series(cast, kind, cast.mr_doe, 1, 2)
        for said in ({}, {"scope": "all"}):
            answer = browse("john").post(f"/portal/visits/{rows[0].pk}/cancel/", said)
            assert answer.status_code == 400
        assert statuses(cast) == ["Confirmed"] * 2

    def test_a_series_never_reaches_another_patient(self, cast, kind):
        """Whatever carries the same name of a series: only what the person sees is canceled."""
        rows = one_of_series(cast, kind, cast.mr_doe, 1, 3)
        visit(cast, kind, cast.mrs_doe, at(10, days=2), series=rows[0].series)
        with cast.acting("john", portal=True):
            series.cancel_following(appointment=rows[0], by=cast.john)
        assert statuses(cast) == ["Canceled", "Confirmed", "Canceled"]

    def test_a_visit_that_has_begun_is_not_canceled_here(self, browse, cast, kind):
        own = visit(cast, kind, cast.mr_doe, at(10, days=-1))
        browser = browse("john")
        assert browser.get(f"/portal/visits/{own.pk}/").context["can_cancel"] is False
        assert browser.get(f"/portal/visits/{own.pk}/cancel/").status_code == 302
        answer = browser.post(f"/portal/visits/{own.pk}/cancel/")
        assert answer.status_code == 400 and b"already begun" in answer.content

    def test_a_reason_that_is_too_long_comes_back_with_the_form(self, browse, cast, kind):
        own = visit(cast, kind, cast.mr_doe, at(10))
        address = f"/portal/visits/{own.pk}/cancel/"
        answer = browse("john").post(address, {"cancel_reason": "a" * 501})
        assert answer.status_code == 400
        assert b"There is a problem" in answer.content and b"a" * 501 in answer.content


def test_each_look_is_on_the_trail(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10))
    browser = browse("john")
    browser.get("/portal/visits/")
    browser.get(f"/portal/visits/{own.pk}/")
    browser.get(f"/portal/visits/{nobody_id()}/")
    with tenancy.system(cast.harbor):
        entries = LogEntry.entries.reads().filter(actor=cast.john, object_pk=str(own.pk))
        hows = list(entries.order_by("id").values_list("additional_data__how", flat=True))
        assert hows == ["list", "detail"]
        refused = LogEntry.entries.filter(resource="refusal", actor=cast.john).get()
        assert refused.additional_data["status"] == 404


def test_a_long_list_asks_no_more_than_a_short_one(browse, cast, kind, django_assert_num_queries):
    for days in range(1, 3):
        visit(cast, kind, cast.mr_doe, at(10, days=-days), status="Completed")
        visit(cast, kind, cast.mr_doe, at(10, days=days))
    browser = browse("john")
    browser.get("/portal/visits/")
    with CaptureQueriesContext(connection) as short:
        browser.get("/portal/visits/")
    for days in range(3, 30):
        visit(cast, kind, cast.mr_doe, at(10, days=-days), status="Completed")
        visit(cast, kind, cast.mr_doe, at(10, days=days))
    with django_assert_num_queries(len(short)):
        page = browser.get("/portal/visits/").context["past"]
    assert len(page) == 15 and page.paginator.num_pages == 2
