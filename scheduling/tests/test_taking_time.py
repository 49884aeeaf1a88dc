"""What a visit takes, and from whom: buffers, rooms, holds, groups, overbooking, two clinics."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from clinic.errors import Invalid, Missing
from clinic.models import Specialist
from clinic.security import tenancy
from clinic.security.permissions import Permission, Role
from clinic.tests.people import person
from clinic.tests.refusals import denied, refused
from patients import access
from scheduling import booking, calendar, holds, kinds
from scheduling.booking import GroupFull, NotOffered, SlotTaken, WrongStatus
from scheduling.models import (
    Appointment,
    AvailabilityBlock,
    GroupSession,
    Hold,
    Room,
    TakenTime,
)
from scheduling.tests.hours import at, open_hours


@pytest.fixture
def clinic(cast):
    cast.kind = open_hours(cast)
    return cast


def kind(cast, **said):
    with cast.acting("alma"):
        return kinds.offer(**{"name": "Other", "minutes": 30} | said, by=cast.alma)


def book(cast, start, patient=None, by="fred", portal=False, who="sarah", **more) -> Appointment:
    said = {"specialist": cast.specialists[who], "appointment_type": cast.kind} | more
    with cast.acting(by, portal=portal):
        return booking.book(patient=patient or cast.mr_doe, start=start, by=cast.people[by], **said)


def free(cast, by="fred", who="sarah", kind=None, portal=False) -> list[str]:
    with cast.acting(by, portal=portal):
        found = calendar.free_slots(
            specialist=cast.specialists[who], appointment_type=kind or cast.kind, start=at(0),
            end=at(23),
        )  # fmt: skip
        zone = calendar.zone()
    return [f"{slot.start.astimezone(zone):%H:%M}" for slot in found]


def visits(cast) -> list[tuple]:
    with tenancy.system(cast.harbor):
        rows = Appointment.objects.order_by("start_datetime")
        return list(rows.values_list("start_datetime", "status"))


class TestBuffers:
    def test_what_is_kept_free_is_taken(self, clinic):
        long = kind(clinic, buffer_before=15, buffer_after=30)
        book(clinic, at(10), appointment_type=long)
        assert free(clinic) == ["09:00", "11:00", "11:30"]
        for start in (at(9, 30), at(10, 30)):
            with refused(SlotTaken):
                book(clinic, start, clinic.mrs_doe)
        book(clinic, at(9), clinic.mrs_doe)
        assert len(visits(clinic)) == 2

    def test_two_that_each_keep_some_free_do_not_share_it(self, clinic):
        long = kind(clinic, buffer_after=30)
        before = kind(clinic, name="Another", buffer_before=30)
        book(clinic, at(9), appointment_type=long)
        with refused(SlotTaken):
            book(clinic, at(10), clinic.mrs_doe, appointment_type=before)
        assert free(clinic, kind=before) == ["10:30", "11:00", "11:30"]
        book(clinic, at(10, 30), clinic.mrs_doe, appointment_type=before)

    def test_hours_keep_some_free_too(self, clinic):
        with tenancy.system(clinic.harbor):
            AvailabilityBlock.objects.update(buffer_minutes=10)
        book(clinic, at(9))
        assert free(clinic) == ["10:00", "10:30", "11:00", "11:30"]


class TestRooms:
    @pytest.fixture
    def room(self, clinic) -> Room:
        with clinic.acting("alma"):
            return kinds.add_room(name="Room 1", by=clinic.alma)

    def test_two_specialists_do_not_share_one_at_a_time(self, clinic, room):
        with tenancy.system(clinic.harbor):
            AvailabilityBlock.objects.update(room=room)
        assert book(clinic, at(9)).room_id == room.pk
        with refused(SlotTaken):
            book(clinic, at(9), clinic.mrs_doe, who="omar")
        assert free(clinic, who="omar")[0] == "09:30"
        assert len(visits(clinic)) == 1

    def test_another_one_is_named(self, clinic, room):
        assert book(clinic, at(9)).room_id is None
        assert book(clinic, at(10), room=room).room_id == room.pk
        with refused(SlotTaken):
            book(clinic, at(10), clinic.mrs_doe, who="omar", room=room)
        with clinic.acting("alma"):
            kinds.correct_room(room=room, is_active=False, by=clinic.alma)
        with refused(Invalid, "room"):
            book(clinic, at(11), room=room)

    def test_one_of_another_clinic_is_none(self, clinic):
        with tenancy.system(clinic.austa):
            room = Room.objects.create(facility=clinic.austa, name="Sala 1")
        with refused(Invalid, "room"):
            book(clinic, at(9), room=room.pk)
        assert visits(clinic) == []


class TestTwoClinics:
    """Sarah receives in Harbor and in Austa."""

    @pytest.fixture
    def both(self, clinic):
        with tenancy.system(clinic.austa):
            there = Specialist.objects.create(
                facility=clinic.austa, user=clinic.sarah, specialty="General"
            )
            kinds.offer(name="Consulta", minutes=30, by=None)
            clinic.there = Appointment.objects.create(
                facility=clinic.austa, patient=clinic.dona_ana, specialist=there,
                appointment_type=kinds_of(clinic.austa), start_datetime=at(10),
                end_datetime=at(10, 30), reason="plantedreason",
            )  # fmt: skip
        return clinic

    def test_who_receives_in_one_is_free_in_neither(self, both):
        assert "10:00" not in free(both) and "09:30" in free(both)
        with refused(SlotTaken):
            book(both, at(10))
        assert visits(both) == []

    def test_where_and_whom_is_not_told(self, both):
        with both.acting("fred"), connection.cursor() as cursor:
            assert not Appointment.objects.exists()
            cursor.execute("SELECT * FROM scheduling_takentime")
            names = [column.name for column in cursor.description]
            [row] = cursor.fetchall()
        assert {"patient_id", "facility_id"}.isdisjoint(names)
        assert both.dona_ana.pk not in row and both.austa.pk not in row

    def test_who_does_not_receive_here_is_not_told_of(self, both):
        with tenancy.system(both.austa):
            other = Specialist.objects.get(facility=both.austa, user=both.lucia)
            Appointment.objects.create(
                facility=both.austa, patient=both.dona_ana, specialist=other,
                appointment_type=kinds_of(both.austa), start_datetime=at(15),
                end_datetime=at(15, 30),
            )  # fmt: skip
        with both.acting("fred"):
            assert set(TakenTime.objects.values_list("resource_id", flat=True)) == {both.sarah.pk}

    def test_it_is_free_again_when_the_other_is_canceled(self, both):
        with tenancy.system(both.austa):
            Appointment.objects.filter(pk=both.there.pk).update(status="Canceled")
        assert "10:00" in free(both)
        book(both, at(10))


def kinds_of(facility):
    from scheduling.models import AppointmentType

    return AppointmentType.objects.get(facility=facility)


class TestTheTableOfTakenTimes:
    STATEMENTS = (
        "DELETE FROM scheduling_takentime",
        "UPDATE scheduling_takentime SET starts = now(), ends = now() + interval '1 minute'",
        "UPDATE scheduling_takentime SET is_firm = false",
        "INSERT INTO scheduling_takentime (id, kind, resource_id, taker_id, starts, ends, is_firm)"
        " SELECT gen_random_uuid(), 'specialist', resource_id, gen_random_uuid(),"
        " now(), now() + interval '1 day', true FROM scheduling_takentime",
        "SELECT take_one(taker_id, 'specialist', NULL, NULL, NULL, true, NULL)"
        " FROM scheduling_takentime",
    )

    @pytest.mark.parametrize("name", ["alma", "fred", "sarah", "john"])
    @pytest.mark.parametrize("statement", STATEMENTS)
    def test_nobody_writes_it(self, clinic, name, statement):
        book(clinic, at(10))
        with clinic.acting(name, portal=name == "john"):
            before = list(TakenTime.objects.values_list())
            assert len(before) == 1
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(statement)
            except DatabaseError:
                pass
            assert list(TakenTime.objects.values_list()) == before


class TestHolds:
    def keep(self, cast, start, by="john", portal=True, patient=None) -> Hold:
        with cast.acting(by, portal=portal):
            return holds.keep(
                patient=patient or cast.mr_doe, specialist=cast.specialists["sarah"],
                appointment_type=cast.kind, start=start, by=cast.people[by],
            )  # fmt: skip

    def test_a_time_is_kept_for_ten_minutes(self, clinic):
        hold = self.keep(clinic, at(10))
        assert timedelta(minutes=9) < hold.expires_at - timezone.now() <= holds.KEPT_FOR
        assert "10:00" not in free(clinic)
        for by, portal in (("fred", False), ("john", True)):
            with refused(SlotTaken):
                book(clinic, at(10), by=by, portal=portal)
        assert visits(clinic) == []

    def test_who_kept_it_books_it(self, clinic):
        hold = self.keep(clinic, at(10))
        visit = book(clinic, at(10), by="john", portal=True, hold=hold)
        assert visit.start_datetime == at(10)
        with tenancy.system(clinic.harbor):
            assert not Hold.objects.exists() and TakenTime.objects.get().taker_id == visit.pk

    def test_what_has_ended_keeps_nothing(self, clinic):
        hold = self.keep(clinic, at(10))
        with tenancy.system(clinic.harbor):
            Hold.objects.filter(pk=hold.pk).update(expires_at=timezone.now())
        assert "10:00" in free(clinic)
        with refused(SlotTaken):
            book(clinic, at(10), by="john", portal=True, hold=hold)
        assert book(clinic, at(10), clinic.mrs_doe).start_datetime == at(10)

    def test_one_time_for_each_patient(self, clinic):
        self.keep(clinic, at(10))
        self.keep(clinic, at(11))
        assert "10:00" in free(clinic) and "11:00" not in free(clinic)

    @pytest.mark.parametrize("start, patient", [(at(11), None), (at(10), "mrs_doe")])
    def test_it_is_for_that_time_and_patient(self, clinic, start, patient):
        hold = self.keep(clinic, at(10))
        with refused(SlotTaken):
            book(clinic, start, patient and getattr(clinic, patient), hold=hold)
        assert visits(clinic) == []

    def test_it_is_given_up_by_who_kept_it_alone(self, clinic):
        hold = self.keep(clinic, at(10))
        for name, portal in (("fred", False), ("jane", True)):
            with clinic.acting(name, portal=portal), refused(Missing):
                holds.release(hold=hold, by=clinic.people[name])
        assert "10:00" not in free(clinic)
        with clinic.acting("john", portal=True):
            holds.release(hold=hold, by=clinic.john)
        assert "10:00" in free(clinic)

    def test_nobody_sees_anothers(self, clinic):
        self.keep(clinic, at(10))
        with clinic.acting("jane", portal=True):
            assert not Hold.objects.exists()
        with clinic.acting("lucia"):
            assert not Hold.objects.exists()


class TestOverbooking:
    WHY = "He is in pain."

    def test_who_may_lets_a_visit_overlap_and_says_why(self, clinic):
        book(clinic, at(10))
        visit = book(clinic, at(10), clinic.mrs_doe, by="sarah", overbook=self.WHY)
        assert visit.is_overbooked and visit.overbooking_reason == self.WHY
        assert len(visits(clinic)) == 2 and "10:00" not in free(clinic)

    def test_outside_the_hours_too_but_not_in_the_past_nor_at_two_places(self, clinic):
        assert book(clinic, at(20), by="sarah", overbook=self.WHY).is_overbooked
        with refused(Invalid, "start_datetime"):
            book(clinic, at(10, days=-1), by="sarah", overbook=self.WHY)
        with refused(SlotTaken):
            book(clinic, at(20), by="sarah", who="omar", overbook=self.WHY)
        assert len(visits(clinic)) == 1

    @pytest.mark.parametrize("name, portal", [("fred", False), ("nina", False), ("john", True)])
    def test_nobody_else(self, clinic, name, portal):
        book(clinic, at(10), clinic.mrs_doe)
        with denied(Permission.APPOINTMENT_OVERBOOK):
            book(clinic, at(10), by=name, portal=portal, overbook=self.WHY)
        assert len(visits(clinic)) == 1

    @pytest.mark.parametrize("why", ["   ", "ok"])
    def test_why_is_said_in_words(self, clinic, why):
        book(clinic, at(10), clinic.mrs_doe)
        with refused(Invalid, "overbook"):
            book(clinic, at(10), by="sarah", overbook=why)
        assert len(visits(clinic)) == 1

    def test_moved_to_a_free_time_it_is_one_as_others(self, clinic):
        book(clinic, at(10))
        visit = book(clinic, at(10), clinic.mrs_doe, by="sarah", overbook=self.WHY)
        with clinic.acting("fred"):
            moved = booking.reschedule(appointment=visit, start=at(11), by=clinic.fred)
        assert (moved.is_overbooked, moved.overbooking_reason) == (False, "")
        with refused(SlotTaken):
            book(clinic, at(11), patient_of(clinic, "Third"))


def patient_of(cast, name: str):
    from datetime import date

    from patients import registration

    with tenancy.system(cast.harbor):
        return registration.register(
            by=None, first_name=name, last_name="Rivers", date_of_birth=date(1980, 1, 1)
        )


class TestGroups:
    @pytest.fixture
    def group(self, clinic):
        clinic.kind = kind(clinic, name="Yoga", capacity=2)
        return clinic

    def test_places_are_taken_until_there_are_none(self, group):
        first, second = book(group, at(10)), book(group, at(10), group.mrs_doe)
        assert {first.place, second.place} == {1, 2} and first.session_id == second.session_id
        with refused(GroupFull):
            book(group, at(10), patient_of(group, "Third"))
        assert len(visits(group)) == 2

    def test_it_takes_the_time_of_others(self, group):
        book(group, at(10))
        other = kind(group, name="Talk")
        with refused(SlotTaken):
            book(group, at(10), group.mrs_doe, appointment_type=other)
        assert "10:00" not in free(group, kind=other)

    def test_a_place_that_was_given_up_is_free(self, group):
        first = book(group, at(10))
        book(group, at(10), group.mrs_doe)
        with group.acting("fred"):
            booking.change_status(appointment=first, to="Canceled", by=group.fred)
        assert book(group, at(10), patient_of(group, "Third")).place == 1

    def test_with_its_last_place_the_group_ends(self, group):
        visit = book(group, at(10))
        with group.acting("fred"):
            booking.change_status(appointment=visit, to="Canceled", by=group.fred)
        with tenancy.system(group.harbor):
            assert not GroupSession.objects.exists() and not TakenTime.objects.exists()
        other = kind(group, name="Talk")
        assert book(group, at(10), appointment_type=other).session_id is None

    def test_who_moves_leaves_her_place(self, group):
        visit = book(group, at(10))
        with group.acting("fred"):
            moved = booking.reschedule(appointment=visit, start=at(11), by=group.fred)
        with tenancy.system(group.harbor):
            assert [s.start_datetime for s in GroupSession.objects.all()] == [at(11)]
        assert moved.place == 1

    def test_patients_book_places_and_do_not_see_one_another(self, group):
        with tenancy.system(group.harbor):
            group.people["pat"] = person("pat", group.harbor, Role.PATIENT)
            other = patient_of(group, "Pat")
            access.grant(patient=other, user=group.people["pat"], source="self")
            type(other).objects.filter(pk=other.pk).update(user=group.people["pat"])
        book(group, at(10), by="john", portal=True)
        visit = book(group, at(10), other, by="pat", portal=True)
        assert visit.place == 2
        with group.acting("pat", portal=True):
            assert list(Appointment.objects.values_list("pk", flat=True)) == [visit.pk]
            assert not GroupSession.objects.exists()

    def test_there_are_no_more_places_than_there_are_by_sql(self, group):
        visit = book(group, at(10))
        with group.acting("fred"), pytest.raises(IntegrityError), transaction.atomic():
            Appointment.objects.filter(pk=visit.pk).update(place=3)


class TestItsLife:
    def test_who_is_there_has_arrived_once(self, clinic):
        visit = book(clinic, at(10))
        with clinic.acting("fred"):
            assert booking.arrive(appointment=visit, by=clinic.fred).arrived_at
            with refused(WrongStatus):
                booking.arrive(appointment=visit, by=clinic.fred)
        with clinic.acting("john", portal=True), denied(Permission.APPOINTMENT_BOOK):
            booking.arrive(appointment=visit, by=clinic.john)

    @pytest.mark.parametrize("hours, late", [(48, True), (1, False)])
    def test_late_is_what_its_kind_says(self, clinic, hours, late):
        clinic.kind = kind(clinic, name="Strict", cancel_hours=hours)
        visit = book(clinic, at(10))
        with clinic.acting("john", portal=True):
            ended = booking.change_status(appointment=visit, to="Canceled", by=clinic.john)
        assert ended.canceled_late is late

    @pytest.mark.parametrize(
        "said, by, field",
        [
            ({"bookable_by": ["family"]}, "john", "appointment_type"),
            ({"bookable_by": ["staff"]}, "john", "appointment_type"),
            ({"bookable_by": ["patient"]}, "fred", "appointment_type"),
            ({"notice_hours": 72}, "john", "start_datetime"),
            ({"horizon_days": 1}, "john", "start_datetime"),
        ],
    )
    def test_who_books_it_and_when_is_its_kinds_to_say(self, clinic, said, by, field):
        clinic.kind = kind(clinic, name="Bound", **said)
        start = at(10, days=2)
        with refused(Invalid, field):
            book(clinic, start, by=by, portal=by == "john")
        assert visits(clinic) == []
        allowed = "fred" if by == "john" and "family" not in str(said) else None
        if allowed:
            book(clinic, start, by=allowed)

    def test_outside_the_hours_nothing_is_offered(self, clinic):
        for start in (at(8), at(11, 45), at(12)):
            with refused(NotOffered):
                book(clinic, start)
        assert visits(clinic) == []
