"""Hours of the tests: Sarah and Omar receive every day from 9 to 12 in New York."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from clinic.security import tenancy
from clinic.tests.people import Cast
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock

NEW_YORK = ZoneInfo("America/New_York")


def open_hours(cast: Cast) -> AppointmentType:
    """Give both specialists their hours; answers a kind of visit of 30 minutes."""
    with tenancy.system(cast.harbor):
        for name in ("sarah", "omar"):
            for day in range(1, 8):
                AvailabilityBlock.objects.create(
                    facility=cast.harbor, specialist=cast.specialists[name], day_of_week=day,
                    start_time=time(9), end_time=time(12),
                )  # fmt: skip
        return AppointmentType.objects.create(facility=cast.harbor, name="Check-up", minutes=30)


def today() -> date:
    return timezone.now().astimezone(NEW_YORK).date()


def at(hour: int, minute: int = 0, *, days: int = 1) -> datetime:
    """A time on the wall of the clinic, `days` from today."""
    return datetime.combine(today() + timedelta(days=days), time(hour, minute), NEW_YORK)


def visit(cast: Cast, kind: AppointmentType, patient, start: datetime, **fields) -> Appointment:
    """A visit with Sarah, past or to come."""
    with tenancy.system(cast.harbor):
        return Appointment.objects.create(
            facility=cast.harbor, patient=patient, specialist=cast.specialists["sarah"],
            appointment_type=kind, start_datetime=start,
            end_datetime=start + timedelta(minutes=kind.minutes), **fields,
        )  # fmt: skip
