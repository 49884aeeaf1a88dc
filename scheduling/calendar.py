"""The calendar as it stands in the database: free slots, a day, a patient's visits."""

from datetime import date, datetime, time, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import invalid
from clinic.models import Facility, Specialist
from clinic.security import tenancy
from clinic.security.permissions import Category
from patients import access
from scheduling import availability
from scheduling.availability import Hours, Span
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock


def facility() -> Facility:
    """The facility acted in."""
    return Facility.objects.get(pk=tenancy.current().facility_id)


def specialists() -> QuerySet[Specialist]:
    """Those who can be booked in the facility."""
    rows = Specialist.objects.filter(facility_id=tenancy.current().facility_id, is_active=True)
    return rows.select_related("user").order_by("id")


def types() -> QuerySet[AppointmentType]:
    return AppointmentType.objects.filter(
        facility_id=tenancy.current().facility_id, is_active=True
    )


def visits(user) -> QuerySet[Appointment]:
    """The visits that the person may see."""
    rows = access.visible(Appointment.objects.all(), user, category=Category.APPOINTMENTS)
    return rows.select_related("specialist__user", "appointment_type", "patient")


def day(user, on: date) -> QuerySet[Appointment]:
    """The visits of one day of the facility, by time."""
    zone = facility().zone
    start = datetime.combine(on, time(), zone)
    end = datetime.combine(on + timedelta(days=1), time(), zone)
    return visits(user).between(start, end).order_by("start_datetime", "id")


def hours_of(specialist: Specialist) -> list[Hours]:
    blocks = AvailabilityBlock.objects.filter(specialist=specialist)
    return [
        Hours(
            start=None if b.is_closed else b.start_time,
            end=None if b.is_closed else b.end_time,
            day=b.day_of_week,
            only_on=b.exception_date,
            valid_from=b.valid_from,
            valid_until=b.valid_until,
        )
        for b in blocks
    ]


def free_slots(
    *, specialist: Specialist, appointment_type: AppointmentType, start: datetime, end: datetime
) -> list[Span]:
    """The free slots of a specialist for a kind of visit that begin in [start, end).

    Raises `Invalid` where the range is backwards or longer than 60 days.
    """
    if end <= start:
        raise invalid("to", _("The end must be after the start."))
    if end - start > availability.LONGEST_RANGE:
        raise invalid("to", _("Ask for at most 60 days at once."))
    length = timedelta(minutes=appointment_type.minutes)
    taken = taken_by(specialist, start - length, end + timedelta(days=1))
    return list(
        availability.slots(
            start, end, hours=hours_of(specialist), taken=taken, length=length,
            zone=facility().zone, not_before=timezone.now(),
        )
    )  # fmt: skip


def taken_by(specialist: Specialist, start: datetime, end: datetime) -> list[Span]:
    """When the specialist is taken. A patient may know that, not by whom: times alone are read."""
    with tenancy.whole_facility():
        rows = Appointment.objects.filter(specialist_id=specialist.pk).standing()
        times = rows.between(start, end).values_list("start_datetime", "end_datetime")
        return [Span(*row) for row in times]
