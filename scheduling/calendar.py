"""The calendar as it stands in the database: free slots, a day, a patient's visits."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
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
from scheduling import availability, groups, weeks
from scheduling.availability import Length, Slot, Span
from scheduling.models import Appointment, AppointmentType, Room


def facility() -> Facility:
    """The facility acted in."""
    return Facility.objects.get(pk=tenancy.current().facility_id)


def specialists() -> QuerySet[Specialist]:
    """Those who can be booked in the facility."""
    rows = Specialist.objects.filter(facility_id=tenancy.current().facility_id, is_active=True)
    return rows.select_related("user").order_by("id")


def types() -> QuerySet[AppointmentType]:
    return AppointmentType.objects.filter(facility_id=tenancy.current().facility_id, is_active=True)


def rooms() -> QuerySet[Room]:
    return Room.objects.filter(facility_id=tenancy.current().facility_id, is_active=True)


def visits(user) -> QuerySet[Appointment]:
    """The visits that the person may see."""
    rows = access.visible(Appointment.objects.all(), user, category=Category.APPOINTMENTS)
    return rows.select_related("specialist__user", "appointment_type", "patient", "room", "session")


def day(user, on: date, days: int = 1, *, zone: ZoneInfo | None = None) -> QuerySet[Appointment]:
    """The visits of one day of the facility, or of several, by time."""
    zone = zone or facility().zone
    start = datetime.combine(on, time(), zone)
    end = datetime.combine(on + timedelta(days=days), time(), zone)
    return visits(user).between(start, end).order_by("start_datetime", "id")


def length_of(kind: AppointmentType) -> Length:
    """What a visit of the kind takes."""
    minutes = (kind.minutes, kind.buffer_before, kind.buffer_after)
    return Length(*(timedelta(minutes=number) for number in minutes))


@dataclass(frozen=True, slots=True)
class Free:
    """What is free with one specialist."""

    specialist: Specialist
    slots: list[Slot]


def free_slots(
    *,
    specialist: Specialist,
    appointment_type: AppointmentType,
    start: datetime,
    end: datetime,
    patient_id: UUID | None = None,
) -> list[Slot]:
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
) -> dict[UUID, list[Slot]]:
    """`free_slots` of several specialists at once, in as many queries as for one."""
    if end <= start:
        raise invalid("to", _("The end must be after the start."))
    if end - start > availability.LONGEST_RANGE:
        raise invalid("to", _("Ask for at most 60 days at once."))
    them, zone, length = list(specialists), facility().zone, length_of(appointment_type)
    found = weeks.of(them, start.astimezone(zone).date(), end.astimezone(zone).date())
    first, last = window(appointment_type)
    people = {one.pk: one.user_id for one in them}
    rooms_used = {h.room for week in found.values() for h in week.hours if h.room}
    day = timedelta(days=1)
    taken = taken_by([*people.values(), *rooms_used], start - day, end + day)
    free = {
        pk: list(
            availability.slots(
                start, end, week=week, taken=taken.get(people[pk], ()), length=length, zone=zone,
                kind=appointment_type.pk, rooms=taken, not_before=first, not_after=last,
            )
        )
        for pk, week in found.items()
    }  # fmt: skip
    if not appointment_type.is_group:
        return free
    begun = groups.with_places(appointment_type, list(people), max(start, first), min(end, last))
    return {
        pk: sorted([replace(one, left=appointment_type.capacity) for one in free[pk]] + more)
        for pk, more in ((pk, begun.get(pk, [])) for pk in free)
    }


def earliest(
    *,
    specialists: Iterable[Specialist],
    appointment_type: AppointmentType,
    start: datetime,
    end: datetime,
) -> Free | None:
    """The first free slot over several specialists, or None within the range."""
    them = {one.pk: one for one in specialists}
    found = free_by_specialist(
        specialists=them.values(), appointment_type=appointment_type, start=start, end=end
    )
    first = availability.earliest(found)
    return Free(them[first[0]], [first[1]]) if first else None


def window(kind: AppointmentType) -> tuple[datetime, datetime]:
    """From when on and until when a visit may begin that the acting person books: patients and
    relatives as early and as far ahead as the kind says, the clinic at any time to come."""
    now = timezone.now()
    if not tenancy.current().is_portal:
        return now, now + HORIZON
    return now + timedelta(hours=kind.notice_hours), now + timedelta(days=kind.horizon_days)


HORIZON = timedelta(days=2 * 365)


# Seconds since 1970: thousands of times are read by this, and a number is read at once. A double
# tells microseconds apart until the year 2242.
TAKEN = """SELECT resource_id, array_agg(date_part('epoch', starts) ORDER BY starts),
 array_agg(date_part('epoch', ends) ORDER BY starts)
FROM scheduling_takentime
WHERE resource_id = ANY (%(resources)s) AND starts < %(end)s AND ends > %(start)s
 AND (is_firm AND starts >= %(start)s - interval '1 day' OR NOT is_firm)
 AND (until IS NULL OR until > %(now)s)
GROUP BY resource_id"""


def taken_by(resources: list[UUID], start: datetime, end: datetime) -> dict[UUID, list[Span]]:
    """When people and rooms are taken, in this facility and any other. Everybody here may know
    that; where, why and by whom is not told. A hold that has ended takes nothing."""
    taken: dict[UUID, list[Span]] = {pk: [] for pk in resources}
    asked = {"resources": resources, "start": start, "end": end, "now": timezone.now()}
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, asked)
        for pk, *times in cursor.fetchall():
            instants = ([datetime.fromtimestamp(n, UTC) for n in found] for found in times)
            taken[pk] = list(map(Span, *instants))
    return taken


def zone() -> ZoneInfo:
    return facility().zone
