"""The waiting list in the portal: joining, seeing where one waits, answering what is offered."""

from datetime import UTC, time, timedelta

import pytest
from celery import current_app
from django.utils import timezone

from clinic.errors import Invalid
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from patients import consent, family
from patients.models import FamilyMember
from scheduling import waiting
from scheduling.models import (
    Appointment,
    AppointmentType,
    AvailabilityBlock,
    Hold,
    WaitlistEntry,
    WaitlistOffer,
)
from scheduling.tests.hours import at, open_hours, today, visit

JOIN, LIST = "/portal/waiting/join/", "/portal/waiting/"


@pytest.fixture
def clinic(cast):
    """Sarah receives from 9 to 12, and nobody else."""
    cast.kind = open_hours(cast)
    with tenancy.system(cast.harbor):
        AvailabilityBlock.objects.exclude(specialist=cast.specialists["sarah"]).delete()
    return cast


def wish(cast, **said) -> dict:
    tomorrow = f"{today() + timedelta(days=1):%d %m %Y}"
    return {
        "appointment_type": cast.kind.pk, "days": [1, 2, 3, 4, 5, 6, 7], "first_day": tomorrow,
        "last_day": tomorrow,
    } | said  # fmt: skip


def entries(cast) -> list[WaitlistEntry]:
    with tenancy.system(cast.harbor):
        return list(WaitlistEntry.objects.order_by("created_at"))


def wait(cast, patient=None) -> WaitlistEntry:
    tomorrow = today() + timedelta(days=1)
    with cast.acting("fred"):
        return waiting.join(
            patient=patient or cast.mr_doe, appointment_type=cast.kind, first_day=tomorrow,
            last_day=tomorrow, by=cast.fred,
        )  # fmt: skip


def advance(cast) -> list[WaitlistOffer]:
    with tenancy.system(cast.harbor):
        return waiting.advance()


def status_of(offer) -> str:
    with tenancy.system(offer.facility_id):
        return WaitlistOffer.objects.get(pk=offer.pk).status


class TestJoining:
    def test_from_the_times_that_do_not_suit(self, browse, clinic):
        browser = browse("john")
        page = browser.get(
            JOIN, {"appointment_type": clinic.kind.pk, "part": "morning",
                   "specialist": clinic.specialists["sarah"].pk},
        )  # fmt: skip
        form = page.context["form"]
        assert form["appointment_type"].value() == str(clinic.kind.pk)
        assert form["until_time"].value() == time(12) and form["from_time"].value() is None
        said = wish(clinic, specialists=[clinic.specialists["sarah"].pk], until_time="11:30")
        answer = browser.post(JOIN, said, follow=True)
        assert answer.redirect_chain == [(LIST, 302)]
        assert b"You are on the waiting list" in answer.content
        [entry] = entries(clinic)
        assert (entry.patient_id, entry.asked_by_id) == (clinic.mr_doe.pk, clinic.john.pk)
        assert (entry.until_time, entry.first_day) == (time(11, 30), today() + timedelta(days=1))
        assert b"Number 1 of those who wait" in answer.content and b"until 11:30" in answer.content

    def test_once_for_a_kind(self, browse, clinic):
        browser = browse("john")
        for _time in range(2):
            answer = browser.post(JOIN, wish(clinic), follow=True)
        assert b"waits for this kind of visit already" in answer.content
        assert len(entries(clinic)) == 1

    @pytest.mark.parametrize(
        "said, field",
        [
            ({"days": []}, "days"),
            ({"days": [8]}, "days"),
            ({"from_time": "25:00"}, "from_time"),
            ({"from_time": "12:00", "until_time": "09:00"}, "until_time"),
            ({"first_day": "1 1 2020"}, "first_day"),
            ({"first_day": "tomorrow"}, "first_day"),
            ({"last_day": "1 1 2199"}, "last_day"),
            ({"specialists": ["x"]}, "specialists"),
            ({"appointment_type": ""}, "appointment_type"),
        ],
    )
    def test_what_cannot_be_names_the_field(self, browse, clinic, said, field):
        answer = browse("john").post(JOIN, wish(clinic, **said))
        assert answer.status_code == 400 and field in answer.context["form"].errors
        assert b"There is a problem" in answer.content and entries(clinic) == []

    def test_not_for_what_the_desk_books(self, browse, clinic):
        with tenancy.system(clinic.harbor):
            AppointmentType.objects.update(bookable_by=["staff"])
        answer = browse("john").post(JOIN, wish(clinic))
        assert answer.status_code == 400 and entries(clinic) == []
        with clinic.acting("john", portal=True), pytest.raises(Invalid):
            waiting.join(patient=clinic.mr_doe, appointment_type=_fresh(clinic), by=clinic.john)

    def test_nor_with_a_specialist_of_another_clinic(self, browse, clinic):
        said = wish(clinic, specialists=[clinic.specialists["lucia"].pk])
        answer = browse("john").post(JOIN, said)
        assert answer.status_code == 400 and entries(clinic) == []
        assert b"Lucia" not in answer.content

    def test_what_others_wait_for_is_a_number(self, browse, clinic):
        wait(clinic, clinic.mrs_doe)
        wait(clinic)
        page = browse("john").get(LIST)
        assert b"Number 2 of those who wait" in page.content and b"Jane" not in page.content


def _fresh(cast) -> AppointmentType:
    with tenancy.system(cast.harbor):
        return AppointmentType.objects.get(pk=cast.kind.pk)


class TestWithdrawing:
    def test_it_is_asked_first(self, browse, clinic):
        entry = wait(clinic)
        browser = browse("john")
        address = f"{LIST}{entry.pk}/withdraw/"
        assert b"Wait no longer?" in browser.get(address).content
        assert b"do not wait any more" in browser.post(address, follow=True).content
        assert [one.status for one in entries(clinic)] == ["withdrawn"]
        assert browser.get(address).status_code == 302
        assert b"does not wait any more" in browser.post(address, follow=True).content

    @pytest.mark.parametrize("who", ["jane", "ana"])
    def test_by_nobody_else(self, browse, clinic, who):
        address = f"{LIST}{wait(clinic).pk}/withdraw/"
        assert browse(who).get(address).status_code == 404
        assert browse(who).post(address).status_code == 404
        assert [one.status for one in entries(clinic)] == ["waiting"]


class TestAnswering:
    @pytest.fixture
    def offer(self, clinic) -> WaitlistOffer:
        wait(clinic)
        [offer] = advance(clinic)
        return offer

    def test_it_is_seen_on_every_page_of_visits(self, browse, clinic, offer):
        browser = browse("john")
        for address in ("/portal/", "/portal/visits/", LIST):
            assert f"{LIST}offers/{offer.pk}/" in browser.get(address).content.decode(), address
        page = browser.get(f"{LIST}offers/{offer.pk}/")
        assert b"A time is free for you" in page.content and b"Please answer until" in page.content

    def test_accepted_it_is_booked_once(self, browse, clinic, offer):
        browser = browse("john")
        address = f"{LIST}offers/{offer.pk}/"
        first, second, back = browser.post(address), browser.post(address), browser.get(address)
        with tenancy.system(clinic.harbor):
            booked = Appointment.objects.get()
            assert not Hold.objects.exists()
        where = f"/portal/visits/{booked.pk}/"
        assert first["Location"] == second["Location"] == back["Location"] == where
        assert (booked.patient_id, booked.start_datetime) == (clinic.mr_doe.pk, at(9))
        assert booked.status == "Confirmed"
        assert [one.status for one in entries(clinic)] == ["booked"]

    def test_of_a_kind_that_asks_she_has_said_so(self, browse, clinic, offer):
        with tenancy.system(clinic.harbor):
            AppointmentType.objects.update(asks_confirmation=True)
        with clinic.acting("fred"):
            assert waiting.accept(offer=offer, by=clinic.fred).status == "Confirmed"

    def test_declined_it_goes_to_the_next(self, browse, clinic, offer):
        wait(clinic, clinic.mrs_doe)
        answer = browse("john").post(f"{LIST}offers/{offer.pk}/", {"decline": "1"}, follow=True)
        assert b"You go on waiting" in answer.content
        advance(clinic)
        with tenancy.system(clinic.harbor):
            told = WaitlistOffer.objects.filter(start_datetime=at(9)).order_by("created_at")
            rows = [(row.patient_id, row.status) for row in told]
        assert rows == [(clinic.mr_doe.pk, "declined"), (clinic.mrs_doe.pk, "open")]
        page = browse("john").get(f"{LIST}offers/{offer.pk}/")
        assert page.status_code == 409 and b"You left it to the next" in page.content

    def test_too_late_is_explained(self, browse, clinic, offer):
        with tenancy.system(clinic.harbor):
            past = timezone.now() - timedelta(seconds=1)
            WaitlistOffer.objects.filter(pk=offer.pk).update(expires_at=past)
        browser = browse("john")
        for answer in (browser.get(f"{LIST}offers/{offer.pk}/"),
                       browser.post(f"{LIST}offers/{offer.pk}/")):  # fmt: skip
            assert answer.status_code == 409
            assert b"no longer kept for you" in answer.content
            assert b"still on the waiting list" in answer.content
        with tenancy.system(clinic.harbor):
            assert not Appointment.objects.exists()

    def test_what_stands_against_it_is_said(self, browse, clinic, offer):
        with tenancy.system(clinic.harbor):
            Appointment.objects.create(
                facility=clinic.harbor, patient=clinic.mr_doe, appointment_type=clinic.kind,
                specialist=clinic.specialists["omar"], start_datetime=at(9), end_datetime=at(9, 30),
            )  # fmt: skip
        answer = browse("john").post(f"{LIST}offers/{offer.pk}/")
        assert answer.status_code == 400 and b"another visit at that time" in answer.content
        assert status_of(offer) == "open"

    @pytest.mark.parametrize("who", ["jane", "ana"])
    @pytest.mark.parametrize("said", [{}, {"decline": "1"}])
    def test_by_nobody_else(self, browse, clinic, offer, who, said):
        address = f"{LIST}offers/{offer.pk}/"
        assert browse(who).get(address).status_code == 404
        answer = browse(who).post(address, said)
        assert answer.status_code == 404 and b"John" not in answer.content
        assert status_of(offer) == "open"
        assert browse(who).post(f"{LIST}offers/{nobody_id()}/").status_code == 404

    def test_nor_by_who_only_sees(self, browse, clinic, offer):
        with tenancy.system(clinic.harbor):
            member = family.stand(
                patient=clinic.mr_doe, user=clinic.jane, level=FamilyMember.PermissionLevel.LIMITED,
                relationship=FamilyMember.Relationship.SPOUSE,
            )  # fmt: skip
        with clinic.acting("john", portal=True):
            consent.give(member=member, categories=["appointments"], by=clinic.john)
        browser = browse("jane")
        browser.post(f"/portal/person/{clinic.mr_doe.pk}/")
        page = browser.get(LIST)
        assert page.status_code == 200 and b"A time is free" in page.content
        assert b"/offers/" not in page.content and b"/withdraw/" not in page.content
        for address in (f"{LIST}offers/{offer.pk}/", f"{LIST}{offer.entry_id}/withdraw/", JOIN):
            assert browser.get(address).status_code == 403
            assert browser.post(address, wish(clinic)).status_code == 403
        assert status_of(offer) == "open" and len(entries(clinic)) == 1

    def test_a_child_s_offer_is_answered_by_her_guardian(self, browse, clinic):
        wait(clinic, clinic.jimmy)
        [offer] = advance(clinic)
        browser = browse("john")
        assert browser.post(f"{LIST}offers/{offer.pk}/").status_code == 404, "his own record"
        browser.post(f"/portal/person/{clinic.jimmy.pk}/")
        assert browser.post(f"{LIST}offers/{offer.pk}/").status_code == 302
        assert status_of(offer) == "accepted"


class TestTheRound:
    """What the worker does each minute, and at once where a time becomes free."""

    @pytest.fixture
    def day(self, clinic):
        """It is never quiet."""
        with tenancy.system(clinic.harbor):
            clinic.harbor.quiet_from = clinic.harbor.quiet_until = time(3)
            clinic.harbor.save()
        return clinic

    def go_round(self, cast) -> int:
        with tenancy.system(cast.harbor):
            waiting.go_round()
            return WaitlistOffer.objects.filter(status="open").count()

    def test_it_offers_what_is_free(self, day):
        wait(day)
        assert self.go_round(day) == 1 == self.go_round(day)

    def test_not_while_it_is_quiet(self, day):
        now = timezone.now().astimezone(day.harbor.zone)
        with tenancy.system(day.harbor):
            day.harbor.quiet_from = (now - timedelta(hours=1)).time()
            day.harbor.quiet_until = (now + timedelta(hours=1)).time()
            day.harbor.save()
        wait(day)
        assert self.go_round(day) == 0

    def test_it_forgets_holds_of_the_day_before(self, day):
        with tenancy.system(day.harbor):
            for hours in (25, 23):
                Hold.objects.create(
                    facility=day.harbor, patient=day.mr_doe, specialist=day.specialists["omar"],
                    appointment_type=day.kind, start_datetime=at(9 + hours % 3, days=5),
                    end_datetime=at(9 + hours % 3, 30, days=5),
                    expires_at=timezone.now() - timedelta(hours=hours),
                )  # fmt: skip
        self.go_round(day)
        with tenancy.system(day.harbor):
            assert Hold.objects.count() == 1

    @pytest.mark.parametrize("notice", [0, 3])
    def test_nobody_is_offered_what_is_too_near_to_answer(self, day, notice):
        """Hours around now, whatever the time is: half an hour each."""
        with tenancy.system(day.harbor):
            AppointmentType.objects.update(notice_hours=notice)
            AvailabilityBlock.objects.update(start_time=time(0), end_time=time(23, 59))
        with day.acting("fred"):
            waiting.join(patient=day.mr_doe, appointment_type=day.kind, by=day.fred)
        self.go_round(day)
        with tenancy.system(day.harbor):
            [offer] = WaitlistOffer.objects.all()
        to_book = offer.start_datetime - timedelta(hours=notice)
        assert offer.expires_at <= to_book
        assert offer.expires_at - timezone.now() >= timedelta(minutes=14)
        with day.acting("john", portal=True):
            assert waiting.accept(offer=offer, by=day.john).patient_id == day.mr_doe.pk

    def test_nor_what_is_not_booked_yet(self, day):
        with tenancy.system(day.harbor):
            AppointmentType.objects.update(horizon_days=3)
            AvailabilityBlock.objects.update(valid_from=today() + timedelta(days=4))
        with day.acting("fred"):
            waiting.join(patient=day.mr_doe, appointment_type=day.kind, by=day.fred)
        assert self.go_round(day) == 0

    @pytest.mark.parametrize("way", ["cancel", "move", "release", "decline", "withdraw"])
    def test_whatever_becomes_free_is_told_at_once(
        self, day, browse, monkeypatch, way, django_capture_on_commit_callbacks
    ):
        sent = []
        monkeypatch.setattr(
            current_app, "send_task", lambda name, **options: sent.append((name, options["kwargs"]))
        )
        own = visit(day, day.kind, day.mr_doe, at(10, days=9))
        entry = wait(day)
        [offer] = advance(day)
        browser = browse("john")
        slot = f"{day.specialists['sarah'].pk}@{at(11).astimezone(UTC):%Y%m%dT%H%MZ}"
        address = {
            "cancel": (f"/portal/visits/{own.pk}/cancel/", {}),
            "decline": (f"{LIST}offers/{offer.pk}/", {"decline": "1"}),
            "withdraw": (f"{LIST}{entry.pk}/withdraw/", {}),
        }
        if way in address:
            where, said = address[way]
        elif way == "move":
            where = browser.post(f"/portal/visits/{own.pk}/move/", {"slot": slot})["Location"]
            said = {}
        else:
            form = {"appointment_type": day.kind.pk, "slot": slot}
            where, said = browser.post("/portal/visits/book/", form)["Location"], {"release": "1"}
        with django_capture_on_commit_callbacks(execute=True):
            assert browser.post(where, said).status_code == 302
        told = {"facility_id": str(day.harbor.pk)}
        assert ("scheduling.advance_waiting_here", told) in sent
