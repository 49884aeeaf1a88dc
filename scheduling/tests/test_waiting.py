"""The waiting list: who waits, who is offered what, and what becomes of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from clinic.errors import Invalid, Missing
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission
from clinic.tests.people import make_cast
from clinic.tests.refusals import denied, refused
from scheduling import booking, calendar, waiting
from scheduling.models import Appointment, AvailabilityBlock, Hold, WaitlistEntry, WaitlistOffer
from scheduling.tests.hours import at, open_hours, today
from scheduling.waiting import OfferEnded, WaitsAlready


@pytest.fixture
def clinic(cast):
    """Sarah receives from 9 to 12, and nobody else; John waits."""
    cast.kind = open_hours(cast)
    with tenancy.system(cast.harbor):
        AvailabilityBlock.objects.exclude(specialist=cast.specialists["sarah"]).delete()
    return cast


def fill(cast, *hours, days=1) -> list[Appointment]:
    """Visits of others, so that nothing but what is said is free."""
    with tenancy.system(cast.harbor):
        return [
            Appointment.objects.create(
                facility=cast.harbor, patient=cast.jimmy, specialist=cast.specialists["sarah"],
                appointment_type=cast.kind, start_datetime=at(9 + n // 2, 30 * (n % 2), days=days),
                end_datetime=at(9 + n // 2, 30 * (n % 2), days=days) + timedelta(minutes=30),
            )
            for n in hours or range(6)
        ]  # fmt: skip


def wait(cast, patient=None, by="fred", portal=False, **more) -> WaitlistEntry:
    tomorrow = today() + timedelta(days=1)
    said = {"first_day": tomorrow, "last_day": tomorrow, "appointment_type": cast.kind} | more
    with cast.acting(by, portal=portal):
        return waiting.join(patient=patient or cast.mr_doe, by=cast.people[by], **said)


def advance(cast) -> list[WaitlistOffer]:
    with tenancy.system(cast.harbor):
        return waiting.advance()


def cancel(cast, visit) -> None:
    with cast.acting("fred"):
        booking.change_status(appointment=visit, to="Canceled", by=cast.fred)


def offered(cast) -> list[tuple]:
    with tenancy.system(cast.harbor):
        rows = WaitlistOffer.objects.order_by("created_at")
        return [(row.patient.first_name, row.start_datetime, row.status) for row in rows]


def answer(cast, offer, verb=waiting.accept, by="john", portal=True):
    with cast.acting(by, portal=portal):
        return verb(offer=offer, by=cast.people[by])


class TestJoining:
    def test_once_for_each_kind(self, clinic):
        entry = wait(clinic)
        assert (entry.status, entry.days) == ("waiting", [1, 2, 3, 4, 5, 6, 7])
        with refused(WaitsAlready):
            wait(clinic)
        wait(clinic, clinic.mrs_doe)

    @pytest.mark.parametrize(
        "said, field",
        [
            ({"days": []}, "days"),
            ({"days": [8]}, "days"),
            ({"from_time": time(12), "until_time": time(9)}, "until_time"),
            ({"first_day": today() - timedelta(days=1)}, "first_day"),
            ({"last_day": today()}, "last_day"),
            ({"last_day": today() + timedelta(days=400)}, "last_day"),
        ],
    )
    def test_what_cannot_be(self, clinic, said, field):
        with refused(Invalid, field):
            wait(clinic, **said)
        with tenancy.system(clinic.harbor):
            assert not WaitlistEntry.objects.exists()

    def test_for_whom_one_acts(self, clinic):
        assert wait(clinic, by="john", portal=True).asked_by_id == clinic.john.pk
        with refused(Missing, "patient"):
            wait(clinic, clinic.mrs_doe, by="john", portal=True)
        with pytest.raises(Denied):
            wait(clinic, clinic.mrs_doe, by="aud")
        with clinic.acting("phil"), denied(Permission.APPOINTMENT_BOOK):
            waiting.join(patient=clinic.mr_doe, appointment_type=clinic.kind, by=clinic.phil)


class TestWhatIsOffered:
    def test_a_freed_time_to_who_came_first(self, clinic):
        visits = fill(clinic)
        wait(clinic)
        wait(clinic, clinic.mrs_doe)
        assert advance(clinic) == []
        cancel(clinic, visits[2])
        [offer] = advance(clinic)
        assert offered(clinic) == [("John", at(10), "open")]
        assert advance(clinic) == [], "the second waits for the next"
        with refused(booking.SlotTaken), clinic.acting("fred"):
            booking.book(
                patient=clinic.mrs_doe, specialist=clinic.specialists["sarah"],
                appointment_type=clinic.kind, start=at(10), by=clinic.fred,
            )  # fmt: skip
        assert offer.expires_at <= timezone.now() + waiting.TO_ANSWER

    def test_who_declines_leaves_it_to_the_next_and_is_not_asked_again(self, clinic):
        visits = fill(clinic)
        wait(clinic)
        wait(clinic, clinic.mrs_doe)
        cancel(clinic, visits[2])
        [offer] = advance(clinic)
        answer(clinic, offer, waiting.decline)
        advance(clinic)
        advance(clinic)
        assert offered(clinic) == [("John", at(10), "declined"), ("Jane", at(10), "open")]

    def test_who_does_not_answer_in_time_too(self, clinic):
        visits = fill(clinic)
        wait(clinic)
        wait(clinic, clinic.mrs_doe)
        cancel(clinic, visits[2])
        [offer] = advance(clinic)
        with tenancy.system(clinic.harbor):
            past = timezone.now() - timedelta(seconds=1)
            WaitlistOffer.objects.filter(pk=offer.pk).update(expires_at=past)
            Hold.objects.filter(pk=offer.hold_id).update(expires_at=past)
            with refused(OfferEnded):
                answer(clinic, offer)
            assert waiting.lapse() == 1
        advance(clinic)
        assert offered(clinic) == [("John", at(10), "lapsed"), ("Jane", at(10), "open")]

    @pytest.mark.parametrize(
        "said",
        [
            {"from_time": time(10, 30)},
            {"until_time": time(10, 15)},
            {"days": [(today() + timedelta(days=2)).isoweekday()]},
            {"first_day": today() + timedelta(days=3), "last_day": today() + timedelta(days=3)},
        ],
    )
    def test_nobody_is_offered_what_does_not_fit(self, clinic, said):
        visits = [*fill(clinic), *fill(clinic, days=3)]
        wait(clinic, **said)
        cancel(clinic, visits[2])
        assert advance(clinic) == []

    def test_nor_what_she_cannot_take(self, clinic):
        """John has a visit with Omar at that time."""
        visits = fill(clinic)
        with tenancy.system(clinic.harbor):
            Appointment.objects.create(
                facility=clinic.harbor, patient=clinic.mr_doe, appointment_type=clinic.kind,
                specialist=clinic.specialists["omar"], start_datetime=at(10, 15),
                end_datetime=at(10, 45),
            )  # fmt: skip
        wait(clinic)
        cancel(clinic, visits[2])
        assert advance(clinic) == []

    def test_nor_with_whom_she_does_not_wish_it(self, clinic):
        visits = fill(clinic)
        wait(clinic, specialists=[clinic.specialists["omar"]])
        wait(clinic, clinic.mrs_doe, specialists=[clinic.specialists["sarah"]])
        cancel(clinic, visits[2])
        advance(clinic)
        assert offered(clinic) == [("Jane", at(10), "open")]

    def test_who_waited_too_long_waits_no_more(self, clinic):
        entry = wait(clinic)
        with tenancy.system(clinic.harbor):
            yesterday = today() - timedelta(days=1)
            WaitlistEntry.objects.update(first_day=yesterday, last_day=yesterday)
            assert waiting.lapse() == 1
            assert WaitlistEntry.objects.get(pk=entry.pk).status == "ended"


class TestARound:
    def test_each_is_offered_another_time_and_what_is_free_is_read_once(self, clinic, monkeypatch):
        asked, read = [], calendar.free_by_specialist
        monkeypatch.setattr(
            calendar, "free_by_specialist", lambda **said: asked.append(said) or read(**said)
        )
        fill(clinic, 2, 3, 4, 5)
        for patient in (clinic.mr_doe, clinic.mrs_doe):
            wait(clinic, patient)
        first, second = advance(clinic)
        assert [first.start_datetime, second.start_datetime] == [at(9), at(9, 30)]
        assert [first.patient_id, second.patient_id] == [clinic.mr_doe.pk, clinic.mrs_doe.pk]
        assert len(asked) == 1

    def test_what_was_taken_since_it_was_read_is_left_to_its_owner(self, clinic):
        wait(clinic)
        with tenancy.system(clinic.harbor):
            free, entry = waiting.FreeTimes(), WaitlistEntry.objects.get()
            free.of(entry.appointment_type, entry.first_day)
        fill(clinic, 0, 1)
        with tenancy.system(clinic.harbor):
            assert waiting.offer_to(entry, free).start_datetime == at(10)


class TestAnswering:
    @pytest.fixture
    def offer(self, clinic) -> WaitlistOffer:
        visits = fill(clinic)
        wait(clinic)
        cancel(clinic, visits[2])
        return advance(clinic)[0]

    def test_accepted_it_is_booked_and_nobody_waits(self, clinic, offer):
        visit = answer(clinic, offer)
        assert (visit.start_datetime, visit.patient_id) == (at(10), clinic.mr_doe.pk)
        with tenancy.system(clinic.harbor):
            assert not Hold.objects.exists()
            assert WaitlistEntry.objects.get().status == "booked"
        with refused(OfferEnded):
            answer(clinic, offer)

    @pytest.mark.parametrize("name, portal", [("jane", True), ("lucia", False), ("aud", False)])
    @pytest.mark.parametrize("verb", [waiting.accept, waiting.decline])
    def test_by_nobody_else(self, clinic, offer, verb, name, portal):
        with pytest.raises((Missing, Denied)):
            answer(clinic, offer, verb, by=name, portal=portal)
        assert offered(clinic) == [("John", at(10), "open")]

    def test_who_waits_no_longer_gives_it_up(self, clinic, offer):
        with clinic.acting("john", portal=True):
            waiting.withdraw(entry=offer.entry, by=clinic.john)
        assert offered(clinic) == [("John", at(10), "declined")]
        with tenancy.system(clinic.harbor):
            assert not Hold.objects.exists()

    def test_the_desk_answers_for_who_calls(self, clinic, offer):
        assert answer(clinic, offer, by="fred", portal=False).booked_by_id == clinic.fred.pk


@pytest.mark.django_db(transaction=True)
def test_of_two_acceptances_one_wins():
    with transaction.atomic():
        cast = make_cast()
        cast.kind = open_hours(cast)
    with transaction.atomic():
        with tenancy.system(cast.harbor):
            AvailabilityBlock.objects.exclude(specialist=cast.specialists["sarah"]).delete()
        wait(cast)
        [offer] = advance(cast)
    start = Barrier(6)

    def one(number: int) -> str:
        by = ("john", "fred")[number % 2]
        try:
            with cast.acting(by, portal=by == "john"), transaction.atomic():
                start.wait(timeout=20)
                waiting.accept(offer=offer, by=cast.people[by])
            return "won"
        except OfferEnded:
            return "ended"
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == ["ended"] * 5 + ["won"]
    with tenancy.system(cast.harbor), transaction.atomic():
        assert Appointment.objects.count() == 1 and not Hold.objects.exists()
