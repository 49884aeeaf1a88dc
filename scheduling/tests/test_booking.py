"""Booking: offered times only, no overlap, stated transitions."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from clinic.errors import Conflict, Invalid
from scheduling import availability, booking, calendar
from scheduling.availability import Hours, Week
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def clinic(cast):
    """Sarah receives every day from 9 to 12."""
    with cast.acting("alma"):
        cast.kind = AppointmentType.objects.create(facility=cast.harbor, name="Visit", minutes=30)
        for day in range(1, 8):
            AvailabilityBlock.objects.create(
                facility=cast.harbor, specialist=cast.specialists["sarah"], day_of_week=day,
                start_time=time(9), end_time=time(12),
            )  # fmt: skip
    return cast


def tomorrow(hour: int, minute: int = 0) -> datetime:
    day = timezone.now().astimezone(NEW_YORK).date() + timedelta(days=1)
    return datetime.combine(day, time(hour, minute), NEW_YORK)


def visit(cast, start, patient=None, **kwargs):
    return booking.book(
        patient=patient or cast.mr_doe, specialist=cast.specialists["sarah"],
        appointment_type=cast.kind, start=start, by=cast.fred, **kwargs,
    )  # fmt: skip


def test_a_booked_time_is_no_longer_free(clinic):
    with clinic.acting("fred"):
        free = calendar.free_slots(
            specialist=clinic.specialists["sarah"], appointment_type=clinic.kind,
            start=tomorrow(0), end=tomorrow(23),
        )  # fmt: skip
        assert [s.start for s in free] == [tomorrow(9 + n // 2, 30 * (n % 2)) for n in range(6)]
        visit(clinic, tomorrow(10))
        again = calendar.free_slots(
            specialist=clinic.specialists["sarah"], appointment_type=clinic.kind,
            start=tomorrow(0), end=tomorrow(23),
        )  # fmt: skip
        assert tomorrow(10) not in [s.start for s in again] and len(again) == 5


def test_overlaps_and_times_that_are_not_offered_are_refused(clinic):
    with clinic.acting("fred"):
        visit(clinic, tomorrow(10))
        for start, patient, error in [
            (tomorrow(10), clinic.mrs_doe, booking.SlotTaken),
            (tomorrow(9, 45), clinic.mrs_doe, booking.SlotTaken),
            (tomorrow(12), clinic.mrs_doe, booking.NotOffered),
            (tomorrow(10, 30) - timedelta(days=3), clinic.mrs_doe, Invalid),
        ]:
            with pytest.raises(error):
                visit(clinic, start, patient)
        assert Appointment.objects.count() == 1


def test_a_patient_cannot_be_in_two_places(clinic):
    with clinic.acting("alma"):
        AvailabilityBlock.objects.create(
            facility=clinic.harbor, specialist=clinic.specialists["omar"], start_time=time(9),
            end_time=time(12), exception_date=tomorrow(9).date(),
        )  # fmt: skip
    with clinic.acting("fred"):
        visit(clinic, tomorrow(9))
        with pytest.raises(booking.SlotTaken):
            booking.book(
                patient=clinic.mr_doe, specialist=clinic.specialists["omar"],
                appointment_type=clinic.kind, start=tomorrow(9), by=clinic.fred,
            )  # fmt: skip


def test_a_canceled_time_is_free_again_and_statuses_move_as_stated(clinic):
    with clinic.acting("fred"):
        first = visit(clinic, tomorrow(11))
        booking.change_status(appointment=first, to="Canceled", reason="ill", by=clinic.fred)
        visit(clinic, tomorrow(11), clinic.mrs_doe)
        with pytest.raises(Conflict):
            booking.change_status(appointment=first, to="Completed", by=clinic.fred)
        first.refresh_from_db()
        assert (first.status, first.cancel_reason) == ("Canceled", "ill")


def test_a_patient_sees_free_times_but_not_who_took_the_others(clinic):
    with clinic.acting("fred"):
        visit(clinic, tomorrow(9), clinic.mrs_doe)
    with clinic.acting("john", portal=True):
        free = calendar.free_slots(
            specialist=clinic.specialists["sarah"], appointment_type=clinic.kind,
            start=tomorrow(0), end=tomorrow(23),
        )  # fmt: skip
        assert tomorrow(9) not in [s.start for s in free]
        assert not Appointment.objects.exists()


def test_hours_keep_their_wall_clock_over_a_clock_change():
    week = Week((Hours(start=time(9), end=time(10), day=7),))
    found = availability.openings(
        datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC), week, NEW_YORK
    )
    spans = [opening.span for opening in found]
    assert [s.start.astimezone(NEW_YORK).hour for s in spans] == [9, 9, 9]
    assert [s.start.hour for s in spans] == [13, 14, 14]


def test_times_that_do_not_exist_or_come_twice_are_told():
    with pytest.raises(availability.NoSuchTime):
        availability.instant(date(2026, 3, 8), time(2, 30), NEW_YORK)
    with pytest.raises(availability.AmbiguousTime):
        availability.instant(date(2026, 11, 1), time(1, 30), NEW_YORK)
    assert availability.instant(date(2026, 11, 1), time(3), NEW_YORK).hour == 8
