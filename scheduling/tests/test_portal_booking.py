"""Finding a time in the portal: what is offered is free, what is chosen is kept for ten minutes,
what is booked is booked once."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinic.errors import Invalid
from clinic.models import Facility, LogEntry, Specialist, User
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from scheduling import booking, holds
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock, Hold
from scheduling.tests.hours import at, open_hours, today, visit

BOOK = "/portal/visits/book/"


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def slot(cast, start, who="sarah") -> str:
    return f"{cast.specialists[who].pk}@{start.astimezone(UTC):%Y%m%dT%H%MZ}"


def starts_in(answer) -> list[datetime]:
    return [s.start for group in answer.context["day"].groups() for s in group.slots]


def all_visits(cast) -> list[Appointment]:
    with tenancy.system(cast.harbor):
        return list(Appointment.objects.order_by("id"))


def all_holds(cast) -> list[Hold]:
    with tenancy.system(cast.harbor):
        return list(Hold.objects.order_by("id"))


def choose(cast, browser, kind, start, **more):
    """Choose a time; answers where that leads."""
    form = {"appointment_type": kind.pk, "slot": slot(cast, start)} | more
    return browser.post(BOOK, form)


def kept(cast, browser, kind, start=None) -> str:
    """The address of a time that is kept."""
    answer = choose(cast, browser, kind, start or at(10))
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def end_of_hold(cast, address: str) -> None:
    with tenancy.system(cast.harbor):
        past = timezone.now() - timedelta(seconds=1)
        Hold.objects.filter(pk=address.rstrip("/").rpartition("/")[2]).update(expires_at=past)


def change(cast, kind, **fields) -> None:
    with tenancy.system(cast.harbor):
        AppointmentType.objects.filter(pk=kind.pk).update(**fields)


class TestFinding:
    def test_the_three_steps_book_a_visit(self, browse, cast, kind):
        browser = browse("john")
        first = browser.get(BOOK)
        assert first.context["types"] == [kind]
        choice = {"appointment_type": kind.pk, "specialist": cast.specialists["sarah"].pk}
        second = browser.get(BOOK, choice | {"day": str(at(9).date())})
        assert starts_in(second) == [at(9), at(9, 30), at(10), at(10, 30), at(11), at(11, 30)]
        address = kept(cast, browser, kind)
        third = browser.get(address)
        assert b"Check and book" in third.content
        [hold] = all_holds(cast)
        until = timezone.localtime(hold.expires_at, cast.harbor.zone)
        assert f"We keep this time for you until {until:%H:%M}" in third.content.decode()
        answer = browser.post(address, {"for": cast.mr_doe.pk, "reason": "A cough"}, follow=True)
        [booked] = all_visits(cast)
        assert answer.redirect_chain == [(f"/portal/visits/{booked.pk}/", 302)]
        assert b"Your visit is booked" in answer.content and b"A cough" in answer.content
        assert (booked.patient_id, booked.start_datetime) == (cast.mr_doe.pk, at(10))
        assert (booked.booked_by_id, booked.status) == (cast.john.pk, "Confirmed")
        assert all_holds(cast) == []

    def test_without_a_day_the_first_free_time_is_shown(self, browse, cast, kind):
        change(cast, kind, notice_hours=24 * 9)
        answer = browse("john").get(BOOK, {"appointment_type": kind.pk})
        first = min(starts_in(answer))
        assert first == answer.context["earliest"].start
        assert first >= timezone.now() + timedelta(days=9)
        assert b"Earliest" in answer.content

    def test_anyone_shows_the_times_of_all(self, browse, cast, kind):
        answer = browse("john").get(BOOK, {"appointment_type": kind.pk, "day": str(at(9).date())})
        assert {g.specialist.pk for g in answer.context["day"].groups()} == {
            cast.specialists["sarah"].pk, cast.specialists["omar"].pk
        }  # fmt: skip
        assert b"Lucia" not in answer.content

    def test_weeks_lead_on_and_back_but_not_into_the_past(self, browse, cast, kind):
        browser = browse("john")
        first = browser.get(BOOK, {"appointment_type": kind.pk, "day": str(today())})
        assert first.context["earlier"] == ""
        assert all(one["date"] >= today() for one in first.context["days"])
        later = browser.get(first.context["later"])
        assert len(later.context["days"]) == 7 and later.context["earlier"]
        assert later.context["days"][0]["date"] == today() + timedelta(days=7)
        for day in ("0001-01-01", "9999-12-31", "nonsense"):
            odd = browser.get(BOOK, {"appointment_type": kind.pk, "day": day})
            assert odd.status_code == 200
            assert all(one["date"] >= today() for one in odd.context["days"])

    def test_no_further_than_the_kind_is_booked(self, browse, cast, kind):
        change(cast, kind, horizon_days=3)
        answer = browse("john").get(BOOK, {"appointment_type": kind.pk, "day": "9999-12-31"})
        last = max(one["date"] for one in answer.context["days"] if one["count"])
        assert last <= today() + timedelta(days=3)

    def test_an_empty_week_leads_to_the_next_free_time(self, browse, cast, kind):
        with tenancy.system(cast.harbor):
            opens = today() + timedelta(days=30)
            AvailabilityBlock.objects.update(valid_from=opens)
        browser = browse("john")
        empty = browser.get(BOOK, {"appointment_type": kind.pk, "day": str(today())})
        assert empty.context["day"] is None
        assert empty.context["next_free"].start == at(9, days=30)
        found = browser.get(empty.context["next_free_href"])
        assert found.context["day"].date == opens and starts_in(found)
        with tenancy.system(cast.harbor):
            AvailabilityBlock.objects.all().delete()
        nothing = browser.get(BOOK, {"appointment_type": kind.pk, "day": str(today())})
        assert b"/portal/waiting/join/" in nothing.content

    @pytest.mark.parametrize(
        "part, hours", [("morning", {9, 11}), ("afternoon", {13, 16}), ("evening", {17, 18})]
    )
    def test_of_one_part_of_the_day(self, browse, cast, kind, part, hours):
        with tenancy.system(cast.harbor):
            AvailabilityBlock.objects.update(end_time=time(19))
        day = {"day": str(at(9).date()), "specialist": cast.specialists["sarah"].pk}
        answer = browse("john").get(BOOK, {"appointment_type": kind.pk, "part": part} | day)
        found = {start.astimezone(cast.harbor.zone).hour for start in starts_in(answer)}
        morning, last = min(hours), max(hours)
        assert hours <= found and all(morning <= hour <= last or hour == 12 for hour in found)
        odd = browse("john").get(BOOK, {"appointment_type": kind.pk, "part": "night"} | day)
        assert odd.context["part"] == ""

    def test_not_while_she_is_somewhere_else(self, browse, cast, kind):
        """John sees Omar at 10; at that time Sarah is not offered to him either."""
        with tenancy.system(cast.harbor):
            Appointment.objects.create(
                facility=cast.harbor, patient=cast.mr_doe, specialist=cast.specialists["omar"],
                appointment_type=kind, start_datetime=at(10), end_datetime=at(10, 30),
            )  # fmt: skip
        asked = {"appointment_type": kind.pk, "day": str(at(9).date())}
        assert at(10) not in starts_in(browse("john").get(BOOK, asked))
        assert at(10) in starts_in(browse("jane").get(BOOK, asked))

    def test_kinds_that_the_desk_books_are_told_to_call_for(self, browse, cast, kind):
        with tenancy.system(cast.harbor):
            surgery = AppointmentType.objects.create(
                facility=cast.harbor, name="Surgery", minutes=30, bookable_by=["staff"]
            )
        browser = browse("john")
        first = browser.get(BOOK)
        assert first.context["by_phone"] == [surgery] and first.context["types"] == [kind]
        assert b"Call us for these visits" in first.content
        for answer in (
            browser.get(BOOK, {"appointment_type": surgery.pk}),
            choose(cast, browser, surgery, at(10)),
        ):
            assert answer.context["step"] == 1
        assert all_holds(cast) == [] == all_visits(cast)
        with cast.acting("john", portal=True), pytest.raises(Invalid) as refused:
            booking.book(
                patient=cast.mr_doe, specialist=cast.specialists["sarah"],
                appointment_type=surgery, start=at(10), by=cast.john,
            )  # fmt: skip
        assert "appointment_type" in refused.value.fields

    def test_what_only_relatives_book_is_for_them(self, browse, cast, kind):
        change(cast, kind, bookable_by=["family"])
        browser = browse("john")
        assert browser.get(BOOK).context["types"] == []
        browser.post(BOOK, {"person": cast.jimmy.pk})
        assert browser.get(BOOK).context["types"] == [kind]

    @pytest.mark.parametrize(
        "language, currency, price", [("en", "USD", "$1,250.50"), ("pt-br", "BRL", "1.250,50"),
                                      ("es", "USD", "1.250,50")],
    )  # fmt: skip
    def test_the_price_as_the_language_writes_it(
        self, browse, cast, kind, language, currency, price
    ):
        change(cast, kind, price=Decimal("1250.50"))
        with tenancy.system(cast.harbor):
            Facility.objects.filter(pk=cast.harbor.pk).update(currency=currency)
            User.objects.filter(pk=cast.john.pk).update(preferred_language=language)
        browser = browse("john")
        browser.cookies["django_language"] = language
        assert price in browser.get(BOOK).content.decode()

    def test_where_and_how_it_is(self, browse, cast, kind):
        change(
            cast, kind, telehealth_url="https://video.example/room", needs_authorization=True,
            preparation={"en": "Do not eat before."},
        )  # fmt: skip
        browser = browse("john")
        first = browser.get(BOOK).content
        assert b"by video" in first and b"Needs an authorization" in first
        assert b"video.example" not in first
        third = browser.get(kept(cast, browser, kind)).content
        assert b"Do not eat before." in third and b"video.example" not in third

    def test_both_clocks_are_told_where_they_differ(self, browse, cast, kind):
        asked = {"appointment_type": kind.pk}
        assert browse("john").get(BOOK, asked).context["clocks"] is None
        with tenancy.system(cast.harbor):
            User.objects.filter(pk=cast.john.pk).update(timezone="Asia/Tokyo")
        browser = browse("john")
        page = browser.get(BOOK, asked).content.decode()
        assert "the clinic, in New York" in page and "you are in Tokyo" in page
        told = browser.get(kept(cast, browser, kind)).context["clocks"]
        there = at(10).astimezone(UTC) + timedelta(hours=9)
        assert f"{there:%H:%M}" in told.shows
        with tenancy.system(cast.harbor):
            User.objects.filter(pk=cast.john.pk).update(timezone="America/Toronto")
        assert browse("john").get(BOOK, asked).context["clocks"] is None, "the same time"

    def test_more_specialists_ask_no_more_questions(
        self, browse, cast, kind, django_assert_num_queries
    ):
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


class TestKeeping:
    def test_nobody_else_gets_it_meanwhile(self, browse, cast, kind):
        kept(cast, browse("john"), kind)
        theirs = choose(cast, browse("jane"), kind, at(10))
        assert theirs.status_code == 400 and b"has just been taken" in theirs.content
        assert [one.start for one in theirs.context["near"]][:2] == [at(9, 30), at(9, 30)] or [
            one.start for one in theirs.context["near"]
        ] == sorted(one.start for one in theirs.context["near"])
        assert at(10) in {one.start for one in theirs.context["near"]}, "with Omar"
        assert b"John" not in theirs.content and b"Doe" not in theirs.context["problem"].encode()
        assert len(all_holds(cast)) == 1

    def test_another_choice_gives_the_first_up(self, browse, cast, kind):
        browser = browse("john")
        kept(cast, browser, kind, at(10))
        kept(cast, browser, kind, at(11))
        assert [hold.start_datetime for hold in all_holds(cast)] == [at(11)]

    def test_going_back_releases_it(self, browse, cast, kind):
        browser = browse("john")
        address = kept(cast, browser, kind)
        back = browser.post(address, {"release": "1"})
        assert parse_qs(urlsplit(back["Location"]).query)["day"] == [str(at(10).date())]
        assert all_holds(cast) == [] == all_visits(cast)
        assert at(10) in starts_in(browser.get(back["Location"]))

    def test_what_one_keeps_is_told_beside_the_other_times(self, browse, cast, kind):
        browser = browse("john")
        address = kept(cast, browser, kind)
        page = browser.get(BOOK, {"appointment_type": kind.pk})
        assert address in page.content.decode() and b"We keep" in page.content
        assert (
            address not in browse("jane").get(BOOK, {"appointment_type": kind.pk}).content.decode()
        )

    def test_once_it_has_ended_the_page_says_so_and_tries_again(self, browse, cast, kind):
        browser = browse("john")
        address = kept(cast, browser, kind)
        end_of_hold(cast, address)
        for answer in (browser.get(address), browser.post(address, {"reason": "Cough"})):
            assert answer.status_code == 409 and b"no longer kept" in answer.content
        assert all_visits(cast) == []
        again = choose(cast, browser, kind, at(10))
        assert again.status_code == 302
        browser.post(again["Location"])
        assert len(all_visits(cast)) == 1

    def test_who_came_later_has_what_was_not_kept_any_more(self, browse, cast, kind):
        browser = browse("john")
        address = kept(cast, browser, kind)
        end_of_hold(cast, address)
        theirs = kept(cast, browse("jane"), kind)
        assert browser.post(address).status_code == 409
        assert choose(cast, browser, kind, at(10)).status_code == 400
        browse("jane").post(theirs)
        [booked] = all_visits(cast)
        assert booked.patient_id == cast.mrs_doe.pk

    def test_sent_twice_it_is_booked_once(self, browse, cast, kind):
        browser = browse("john")
        address = kept(cast, browser, kind)
        first = browser.post(address, {"reason": "Cough"})
        second, back = browser.post(address, {"reason": "Other"}), browser.get(address)
        [booked] = all_visits(cast)
        where = f"/portal/visits/{booked.pk}/"
        assert first["Location"] == second["Location"] == back["Location"] == where
        assert booked.reason == "Cough"
        with tenancy.system(cast.harbor):
            written = LogEntry.entries.filter(object_pk=str(booked.pk))
            assert written.filter(action=LogEntry.Action.CREATE).count() == 1

    def test_a_reason_that_is_too_long_keeps_what_was_written(self, browse, cast, kind):
        browser = browse("john")
        answer = browser.post(kept(cast, browser, kind), {"reason": "b" * 501})
        assert answer.status_code == 400 and b"b" * 501 in answer.content
        assert all_visits(cast) == [] and len(all_holds(cast)) == 1

    def test_a_visit_that_was_booked_meanwhile_elsewhere_is_said(self, browse, cast, kind):
        browser = browse("john")
        address = kept(cast, browser, kind)
        with tenancy.system(cast.harbor):
            Appointment.objects.create(
                facility=cast.harbor, patient=cast.mr_doe, specialist=cast.specialists["omar"],
                appointment_type=kind, start_datetime=at(10), end_datetime=at(10, 30),
            )  # fmt: skip
        answer = browser.post(address, follow=True)
        assert b"another visit at that time" in answer.content
        assert len(all_visits(cast)) == 1

    @pytest.mark.parametrize("who", ["jane", "ana"])
    def test_the_hold_of_another_opens_nothing(self, browse, cast, kind, who):
        address = kept(cast, browse("john"), kind)
        browser = browse(who)
        for answer in (browser.get(address), browser.post(address),
                       browser.post(address, {"release": "1"})):  # fmt: skip
            assert answer.status_code == 404 and b"no longer kept" in answer.content
        assert all_visits(cast) == [] and len(all_holds(cast)) == 1
        assert browser.post(f"{BOOK}{nobody_id()}/").status_code == 404

    def test_what_the_desk_keeps_for_her_is_not_hers_to_book(self, browse, cast, kind):
        with cast.acting("fred"):
            hold = holds.keep(
                patient=cast.mr_doe, specialist=cast.specialists["sarah"], appointment_type=kind,
                start=at(10), by=cast.fred,
            )  # fmt: skip
        assert browse("john").post(f"{BOOK}{hold.pk}/").status_code == 404
        assert all_visits(cast) == []

    @pytest.mark.parametrize(
        "value",
        ["", "x", "@", "00000000-0000-0000-0000-000000000000@20261124T1000Z",
         "{sarah}@00010101T0000Z", "{sarah}@99991231T2359Z", "{sarah}@20261324T1000Z", "{sarah}@",
         "{lucia}@20261124T1000Z"],
    )  # fmt: skip
    def test_a_slot_that_names_nothing_is_a_question_for_a_time(self, browse, cast, kind, value):
        people = {name: cast.specialists[name].pk for name in ("sarah", "lucia")}
        form = {"appointment_type": kind.pk, "slot": value.format(**people)}
        answer = browse("john").post(BOOK, form)
        assert answer.status_code == 400 and b"Choose a time" in answer.content
        assert all_holds(cast) == []

    def test_outside_the_hours_and_in_the_past_nothing_is_kept(self, browse, cast, kind):
        change(cast, kind, notice_hours=2)
        browser = browse("john")
        soon = timezone.now() + timedelta(minutes=30)
        for start in (at(13), at(10, days=-1), at(10, days=400), soon):
            answer = choose(cast, browser, kind, start)
            assert answer.status_code == 400 and answer.context["problem"]
        assert all_holds(cast) == [] == all_visits(cast)


class TestForWhom:
    def test_for_the_child_that_was_chosen(self, browse, cast, kind):
        browser = browse("john")
        page = browser.get(BOOK)
        assert [one.pk for one in page.context["people"]] == [cast.mr_doe.pk, cast.jimmy.pk]
        assert browser.post(BOOK, {"person": cast.jimmy.pk})["Location"] == BOOK
        address = kept(cast, browser, kind)
        assert b"For Jimmy Doe" in browser.get(address).content
        browser.post(address, {"for": cast.jimmy.pk})
        [booked] = all_visits(cast)
        assert (booked.patient_id, booked.booked_by_id) == (cast.jimmy.pk, cast.john.pk)

    def test_not_for_who_is_not_one_s_own(self, browse, cast, kind):
        browser = browse("john")
        for person in (cast.mrs_doe.pk, cast.dona_ana.pk, "x", ""):
            browser.post(BOOK, {"person": person})
            assert browser.get(BOOK).context["portal"].shown.pk == cast.mr_doe.pk

    def test_a_form_from_another_window_keeps_for_nobody(self, browse, cast, kind):
        browser = browse("john")
        answer = choose(cast, browser, kind, at(10), **{"for": cast.jimmy.pk})
        assert answer["Location"] == "/portal/"
        address = kept(cast, browser, kind)
        browser.post(f"/portal/person/{cast.jimmy.pk}/")
        browser.post(address, {"for": cast.mr_doe.pk})
        assert browser.post(address).status_code == 404, "Jimmy has no such hold"
        assert all_visits(cast) == []


class TestGroups:
    @pytest.fixture
    def group(self, cast, kind):
        with tenancy.system(cast.harbor):
            return AppointmentType.objects.create(
                facility=cast.harbor, name="Back school", minutes=30, capacity=2
            )

    def places(self, cast, browser, group, start) -> list[int]:
        day = {"day": str(start.date()), "specialist": cast.specialists["sarah"].pk}
        answer = browser.get(BOOK, {"appointment_type": group.pk} | day)
        slots = [s for g in answer.context["day"].groups() for s in g.slots]
        return [slot.left for slot in slots if slot.start == start]

    def test_places_are_kept_and_counted(self, browse, cast, group):
        assert self.places(cast, browse("jane"), group, at(10)) == [2]
        browser = browse("john")
        browser.post(kept(cast, browser, group))
        assert self.places(cast, browse("jane"), group, at(10)) == [1]
        browser.post(BOOK, {"person": cast.jimmy.pk})
        address = kept(cast, browser, group)
        assert self.places(cast, browse("jane"), group, at(10)) == [], "the last one is kept"
        full = choose(cast, browse("jane"), group, at(10))
        assert full.status_code == 400 and b"No place is left" in full.content
        browser.post(address)
        assert [v.place for v in all_visits(cast)] == [1, 2]

    def test_a_place_given_back_is_offered_again(self, browse, cast, group):
        browser = browse("john")
        browser.post(kept(cast, browser, group))
        browser.post(BOOK, {"person": cast.jimmy.pk})
        browser.post(kept(cast, browser, group), {"release": "1"})
        assert self.places(cast, browse("jane"), group, at(10)) == [1]
        theirs = kept(cast, browse("jane"), group)
        end_of_hold(cast, theirs)
        assert self.places(cast, browser, group, at(10)) == [1]

    def test_who_else_is_in_it_is_not_told(self, browse, cast, group):
        browser = browse("john")
        browser.post(kept(cast, browser, group))
        answer = browse("jane").get(BOOK, {"appointment_type": group.pk, "day": str(at(10).date())})
        assert b"1 place left" in answer.content and b"John" not in answer.content


class TestMoving:
    @pytest.fixture
    def own(self, cast, kind):
        return visit(cast, kind, cast.mr_doe, at(10))

    def move(self, cast, browser, own, start):
        return browser.post(f"/portal/visits/{own.pk}/move/", {"slot": slot(cast, start)})

    def test_it_stays_until_the_new_time_is_confirmed(self, browse, cast, own):
        browser = browse("john")
        page = browser.get(f"/portal/visits/{own.pk}/move/")
        assert page.context["specialist"].pk == own.specialist_id
        answer = self.move(cast, browser, own, at(11))
        [row] = all_visits(cast)
        assert row.start_datetime == at(10)
        page = browser.get(answer["Location"])
        assert b"Move your visit?" in page.content
        done = browser.post(answer["Location"], follow=True)
        assert b"Your visit is moved" in done.content
        [row] = all_visits(cast)
        assert (row.pk, row.start_datetime, row.version) == (own.pk, at(11), own.version + 1)
        assert all_holds(cast) == []
        assert browser.post(answer["Location"])["Location"] == f"/portal/visits/{own.pk}/"
        assert all_visits(cast)[0].version == own.version + 1, "sent twice it is moved once"

    def test_to_another_specialist_where_that_is_asked_for(self, browse, cast, own):
        browser = browse("john")
        day = {"specialist": "", "day": str(at(9).date())}
        page = browser.get(f"/portal/visits/{own.pk}/move/", day)
        assert len(page.context["day"].groups()) == 2
        form = {"slot": slot(cast, at(11), "omar")}
        answer = browser.post(f"/portal/visits/{own.pk}/move/", form)
        browser.post(answer["Location"])
        [row] = all_visits(cast)
        assert row.specialist_id == cast.specialists["omar"].pk

    def test_a_time_that_is_taken_leaves_it_where_it_was(self, browse, cast, kind, own):
        visit(cast, kind, cast.mrs_doe, at(11))
        answer = self.move(cast, browse("john"), own, at(11))
        assert answer.status_code == 400 and b"has just been taken" in answer.content
        assert [row.start_datetime for row in all_visits(cast)] == [at(10), at(11)]
        assert all_holds(cast) == []

    def test_a_hold_that_ended_moves_nothing(self, browse, cast, own):
        browser = browse("john")
        address = self.move(cast, browser, own, at(11))["Location"]
        end_of_hold(cast, address)
        assert browser.post(address).status_code == 409
        assert all_visits(cast)[0].start_datetime == at(10)

    def test_what_the_desk_books_the_desk_moves(self, browse, cast, kind, own):
        change(cast, kind, bookable_by=["staff"])
        browser = browse("john")
        assert b"please call us" in browser.get(f"/portal/visits/{own.pk}/").content
        assert browser.get(f"/portal/visits/{own.pk}/move/").status_code == 302
        answer = self.move(cast, browser, own, at(11))
        assert answer.status_code == 400 and b"Please call the clinic" in answer.content
        assert all_holds(cast) == []

    def test_what_is_over_or_canceled_is_not_moved(self, browse, cast, kind):
        over = visit(cast, kind, cast.mr_doe, at(10, days=-1), status="Completed")
        gone = visit(cast, kind, cast.mr_doe, at(10), status="Canceled")
        browser = browse("john")
        for row in (over, gone):
            assert browser.get(f"/portal/visits/{row.pk}/move/").status_code == 302
            address = self.move(cast, browser, row, at(11))["Location"]
            answer = browser.post(address, follow=True)
            assert b"still to come can be moved" in answer.content
        assert {row.start_datetime for row in all_visits(cast)} == {at(10, days=-1), at(10)}

    @pytest.mark.parametrize("who", ["jane", "ana"])
    def test_by_nobody_else(self, browse, cast, own, who):
        mine = self.move(cast, browse("john"), own, at(11))["Location"]
        browser = browse(who)
        for answer in (
            browser.get(f"/portal/visits/{own.pk}/move/"),
            self.move(cast, browser, own, at(11, 30)),
            browser.get(mine), browser.post(mine), browser.post(mine, {"release": "1"}),
        ):  # fmt: skip
            assert answer.status_code in {302, 404}
            assert b"John" not in answer.content
        assert all_visits(cast)[0].start_datetime == at(10) and len(all_holds(cast)) == 1
