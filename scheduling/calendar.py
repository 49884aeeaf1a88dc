"""The calendar as it stands in the database: free slots, a day, a patient's visits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
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
    return AppointmentType.objects.filter(facility_id=tenancy.current().facility_id, is_active=True)


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
    return hours_by_specialist([specialist])[specialist.pk]


def hours_by_specialist(specialists: Iterable[Specialist]) -> dict[UUID, list[Hours]]:
    """The weekly hours and exceptions of several specialists, in one query."""
    found: dict[UUID, list[Hours]] = {specialist.pk: [] for specialist in specialists}
    for b in AvailabilityBlock.objects.filter(specialist_id__in=list(found)):
        hours = Hours(
            start=None if b.is_closed else b.start_time,
            end=None if b.is_closed else b.end_time,
            day=b.day_of_week,
            only_on=b.exception_date,
            valid_from=b.valid_from,
            valid_until=b.valid_until,
        )
        found[b.specialist_id].append(hours)
    return found


@dataclass(frozen=True, slots=True)
class Offer:
    """What the acting person may book for a patient with a specialist: `minutes` is None where
    there is no such kind of visit."""

    zone: ZoneInfo
    reached: bool
    receives: bool
    minutes: int | None
    portal_bookable: bool
    hours: list[Hours]


# One round trip for what booking asks. The last columns are a block of the specialist's hours.
REACHED = access.within_reach("p.id", Category.APPOINTMENTS)
OFFER = f"""SELECT f.timezone,
 EXISTS (SELECT FROM patients_patient p WHERE p.id = %s AND p.facility_id = f.id AND {REACHED}),
 EXISTS (SELECT FROM clinic_specialist s WHERE s.id = %s AND s.facility_id = f.id AND s.is_active),
 t.minutes, COALESCE(t.portal_bookable, false), b.id, b.start_time, b.end_time, b.day_of_week,
 b.exception_date, b.valid_from, b.valid_until
FROM clinic_facility f
LEFT JOIN scheduling_appointmenttype t ON t.id = %s AND t.facility_id = f.id AND t.is_active
LEFT JOIN scheduling_availabilityblock b ON b.specialist_id = %s AND b.facility_id = f.id
WHERE f.id = %s"""


def offer(*, patient_id: UUID, specialist_id: UUID, appointment_type_id: UUID) -> Offer:
    """What is offered, as the database lets the actor see it."""
    category = Category.APPOINTMENTS.value
    facility_id = tenancy.current().facility_id
    asked = [patient_id, category, specialist_id, appointment_type_id, specialist_id, facility_id]
    with connection.cursor() as cursor:
        cursor.execute(OFFER, asked)
        rows = cursor.fetchall()
    zone, reached, receives, minutes, portal_bookable = rows[0][:5]
    hours = [Hours(*row[6:]) for row in rows if row[5] is not None]
    return Offer(ZoneInfo(zone), reached, receives, minutes, portal_bookable, hours)


def free_slots(
    *, specialist: Specialist, appointment_type: AppointmentType, start: datetime, end: datetime
) -> list[Span]:
    """The free slots of a specialist for a kind of visit that begin in [start, end).

    Raises `Invalid` where the range is backwards or longer than 60 days.
    """
    found = free_by_specialist(
        specialists=[specialist], appointment_type=appointment_type, start=start, end=end
    )
    return found[specialist.pk]


def free_by_specialist(
    *,
    specialists: Iterable[Specialist],
    appointment_type: AppointmentType,
    start: datetime,
    end: datetime,
) -> dict[UUID, list[Span]]:
    """`free_slots` of several specialists at once, in as many queries as for one."""
    if end <= start:
        raise invalid("to", _("The end must be after the start."))
    if end - start > availability.LONGEST_RANGE:
        raise invalid("to", _("Ask for at most 60 days at once."))
    length, zone, now = timedelta(minutes=appointment_type.minutes), facility().zone, timezone.now()
    hours = hours_by_specialist(specialists)
    taken = taken_by(list(hours), start - length, end + timedelta(days=1))
    return {
        pk: list(
            availability.slots(
                start, end, hours=hours[pk], taken=taken[pk], length=length, zone=zone,
                not_before=now,
            )
        )
        for pk in hours
    }  # fmt: skip


def taken_by(specialist_ids: list[UUID], start: datetime, end: datetime) -> dict[UUID, list[Span]]:
    """When specialists are taken. A patient may know that, not by whom: times alone are read."""
    taken: dict[UUID, list[Span]] = {pk: [] for pk in specialist_ids}
    with tenancy.whole_facility():
        rows = Appointment.objects.filter(specialist_id__in=specialist_ids).standing()
        times = rows.between(start, end)
        for pk, *span in times.values_list("specialist_id", "start_datetime", "end_datetime"):
            taken[pk].append(Span(*span))
    return taken
