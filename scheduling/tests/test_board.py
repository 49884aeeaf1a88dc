"""What fills the days of specialists and rooms, as the calendar shows it."""

from datetime import time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.security import tenancy
from scheduling import board, booking, holds
from scheduling.models import (
    AppointmentType,
    AvailabilityBlock,
    BusyCalendar,
    BusyTime,
    Holiday,
    Leave,
    Room,
)
from scheduling.tests.hours import at, open_hours, today, visit


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def lanes(cast, name="fred", read=board.of_specialists, days=1, only=None) -> dict:
    """The lanes of tomorrow on, as the person sees them."""
    first = today() + timedelta(days=1)
    with cast.acting(name), timezone.override(cast.harbor.zone):
        found = read(cast.people[name], cast.harbor, first, days, only)
    return {(lane.who.pk, lane.day): lane for lane in found.lanes}


def of_sarah(cast, name="fred"):
    day = today() + timedelta(days=1)
    return lanes(cast, name)[(cast.specialists["sarah"].pk, day)]


def test_visits_held_and_busy_times_each_once(cast, kind):
    shown = visit(cast, kind, cast.mr_doe, at(9))
    with cast.acting("alma"):
        holds.keep(
            patient=cast.mrs_doe, specialist=cast.specialists["sarah"], appointment_type=kind,
            start=at(10), by=cast.alma,
        )  # fmt: skip
    with tenancy.system(cast.harbor):
        elsewhere = BusyCalendar.objects.create(
            facility=cast.harbor, specialist=cast.specialists["sarah"], name="Hospital"
        )
        BusyTime.objects.create(
            facility=cast.harbor, calendar=elsewhere, specialist=cast.specialists["sarah"],
            start_datetime=at(11), end_datetime=at(11, 20),
        )  # fmt: skip
    entries = of_sarah(cast).entries
    assert [(one.kind, one.start) for one in entries] == [
        (board.VISIT, at(9)), (board.HELD, at(10)), (board.BUSY, at(11)),
    ]  # fmt: skip
    assert entries[0].what == shown and entries[1].until > timezone.now()
    assert entries[1].what is entries[2].what is None


def test_who_does_not_see_a_patient_sees_that_the_time_is_taken(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(9), reason="plantedreason")
    (entry,) = of_sarah(cast, "omar").entries
    assert (entry.kind, entry.what) == (board.BUSY, None)
    page = browse("omar").get(reverse("admin:day"), {"day": at(9).date().isoformat()})
    body = page.content.decode()
    assert "Busy" in body and "John" not in body and "plantedreason" not in body


def test_what_is_taken_in_another_clinic_is_busy_elsewhere(browse, cast, kind):
    from clinic import staffing
    from clinic.models import Specialist
    from clinic.security.permissions import Role
    from scheduling.models import Appointment

    with tenancy.system(cast.austa):
        staffing.assign(user=cast.sarah, role=Role.PHYSICIAN, facility=cast.austa)
        there = Specialist.objects.create(facility=cast.austa, user=cast.sarah, specialty="Y")
        other = AppointmentType.objects.create(facility=cast.austa, name="Planted", minutes=30)
        Appointment.objects.create(
            facility=cast.austa, patient=cast.dona_ana, specialist=there, appointment_type=other,
            start_datetime=at(9), end_datetime=at(9, 30),
        )  # fmt: skip
    body = browse("fred").get(reverse("admin:day"), {"day": at(9).date().isoformat()})
    told = body.content.decode()
    assert "Busy elsewhere" in told and "Ana" not in told and "Planted" not in told


def test_a_group_stands_once_with_its_places(cast, kind):
    with tenancy.system(cast.harbor):
        AppointmentType.objects.filter(pk=kind.pk).update(capacity=5)
    with cast.acting("fred"):
        for patient in (cast.mr_doe, cast.mrs_doe):
            booking.book(
                patient=patient, specialist=cast.specialists["sarah"], appointment_type=kind,
                start=at(9), by=cast.fred,
            )  # fmt: skip
    (entry,) = of_sarah(cast).entries
    assert (entry.kind, entry.taken, entry.places) == (board.GROUP, 2, 5)
    assert len(of_sarah(cast).visits) == 2


def test_holidays_and_leave_close_a_day_and_say_why(cast, kind):
    tomorrow = today() + timedelta(days=1)
    with tenancy.system(cast.harbor):
        Holiday.objects.create(facility=cast.harbor, date=tomorrow, name="Founders' day")
        Leave.objects.create(
            facility=cast.harbor, specialist=cast.specialists["omar"], first_day=tomorrow,
            last_day=tomorrow + timedelta(days=1),
        )  # fmt: skip
    found = lanes(cast, days=2)
    sarah, omar = (cast.specialists[name].pk for name in ("sarah", "omar"))
    later = tomorrow + timedelta(days=1)
    assert found[(sarah, tomorrow)].closed == "Founders' day"
    assert not found[(sarah, tomorrow)].hours and found[(sarah, later)].hours
    assert found[(omar, tomorrow)].away and found[(omar, later)].away


def test_by_room_stands_what_is_in_it(cast, kind):
    with tenancy.system(cast.harbor):
        room = Room.objects.create(facility=cast.harbor, name="Room 1")
        Room.objects.create(facility=cast.harbor, name="Room 2")
    shown = visit(cast, kind, cast.mr_doe, at(9), room=room)
    visit(cast, kind, cast.mrs_doe, at(10))
    found = lanes(cast, read=board.of_rooms)
    entries = {lane.who.name: [one.what for one in lane.entries] for lane in found.values()}
    assert entries == {"Room 1": [shown], "Room 2": []}


def test_a_room_is_open_when_somebody_receives_there_or_anywhere(cast, kind):
    """Not around the clock: nobody reads a day of 24 hours."""
    tomorrow = today() + timedelta(days=1)
    with tenancy.system(cast.harbor):
        one, other = (Room.objects.create(facility=cast.harbor, name=n) for n in ("One", "Two"))
        AvailabilityBlock.objects.create(
            facility=cast.harbor, specialist=cast.specialists["omar"], exception_date=tomorrow,
            start_time=time(18), end_time=time(20), room=one,
        )  # fmt: skip
    found = lanes(cast, read=board.of_rooms)
    evening = (time(18), time(20))
    everywhere = set(found[(other.pk, tomorrow)].hours)
    assert everywhere and evening not in everywhere
    assert set(found[(one.pk, tomorrow)].hours) == everywhere | {evening}


def test_a_week_of_one(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(9))
    sarah = cast.specialists["sarah"]
    page = browse("fred").get(
        reverse("admin:week"), {"day": at(9).date().isoformat(), "who": str(sarah.pk)}
    )
    shown = page.context["lanes"]
    assert len(shown) == 7 and shown[0].day.isoweekday() == 1
    assert {lane.who for lane in shown} == {sarah} and page.context["total"] == 1
    own = browse("omar").get(reverse("admin:week"))
    assert {lane.who for lane in own.context["lanes"]} == {cast.specialists["omar"]}
