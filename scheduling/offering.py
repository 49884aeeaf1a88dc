"""What the acting person may book, read in one round trip."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from clinic.security import tenancy
from clinic.security.permissions import Category
from patients import access
from scheduling.availability import Closed, Hours, Length, Week


@dataclass(frozen=True, slots=True)
class Kind:
    """What booking has to know of a kind of visit."""

    length: Length
    bookable_by: frozenset[str]
    notice: timedelta
    horizon: timedelta
    capacity: int
    asks_confirmation: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What a patient may be booked for with a specialist; `kind` is None where there is none such,
    `is_self` says that the patient books for herself."""

    zone: ZoneInfo
    reached: bool
    is_self: bool
    receives: bool
    kind: Kind | None
    week: Week


REACHED = access.within_reach("p.id", Category.APPOINTMENTS)
# The columns from the block's id on are one of the specialist's hours. Days of the clinic around
# the instant are asked for, because a visit may go on past midnight.
OFFER = f"""SELECT f.timezone, p.id IS NOT NULL, COALESCE(p.user_id = %s, false),
 EXISTS (SELECT FROM clinic_specialist s WHERE s.id = %s AND s.facility_id = f.id AND s.is_active),
 t.minutes, t.buffer_before, t.buffer_after, t.bookable_by, t.notice_hours, t.horizon_days,
 t.capacity, t.asks_confirmation,
 ARRAY(SELECT h.date FROM scheduling_holiday h
       WHERE h.facility_id = f.id AND h.date BETWEEN %s AND %s),
 ARRAY(SELECT ARRAY[l.first_day, l.last_day] FROM scheduling_leave l
       WHERE l.specialist_id = %s AND l.first_day <= %s AND l.last_day >= %s),
 b.id, b.start_time, b.end_time, b.day_of_week, b.exception_date, b.valid_from, b.valid_until,
 b.room_id, b.slot_minutes, b.buffer_minutes, b.start_fold, b.end_fold,
 ARRAY(SELECT k.appointment_type_id FROM scheduling_blockkind k WHERE k.block_id = b.id)
FROM clinic_facility f
LEFT JOIN patients_patient p ON p.id = %s AND p.facility_id = f.id AND {REACHED}
LEFT JOIN scheduling_appointmenttype t ON t.id = %s AND t.facility_id = f.id AND t.is_active
LEFT JOIN scheduling_availabilityblock b ON b.specialist_id = %s AND b.facility_id = f.id
  AND (b.exception_date IS NULL OR b.exception_date BETWEEN %s AND %s)
WHERE f.id = %s"""


def offer(
    *,
    patient_id: UUID,
    specialist_id: UUID,
    appointment_type_id: UUID,
    start: datetime,
) -> Offer:
    """What is offered around an instant, as the database lets the actor see it."""
    actor = tenancy.current()
    near = (start.date() - timedelta(days=2), start.date() + timedelta(days=2))
    asked = [
        actor.user_id, specialist_id, *near, specialist_id, near[1], near[0],
        patient_id, Category.APPOINTMENTS.value, appointment_type_id, specialist_id, *near,
        actor.facility_id,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(OFFER, asked)
        rows = cursor.fetchall()
    zone, reached, is_self, receives, *kind, holidays, away = rows[0][:14]
    closed = Closed(frozenset(holidays), tuple(tuple(days) for days in away))
    hours = tuple(_hours(*row[15:]) for row in rows if row[14] is not None)
    return Offer(ZoneInfo(zone), reached, is_self, receives, _kind(*kind), Week(hours, closed))


def _kind(minutes, before, after, bookable_by, notice, horizon, capacity, asks) -> Kind | None:
    if minutes is None:
        return None
    length = Length(*(timedelta(minutes=number) for number in (minutes, before, after)))
    return Kind(
        length, frozenset(bookable_by), timedelta(hours=notice), timedelta(days=horizon), capacity,
        asks,
    )  # fmt: skip


def _hours(
    start, end, day: int, only_on: date, valid_from: date, valid_until: date, room: UUID,
    step: int | None, gap: int, start_fold: int, end_fold: int, kinds: list[UUID],
) -> Hours:  # fmt: skip
    return Hours(
        start=start, end=end, day=day, only_on=only_on, valid_from=valid_from,
        valid_until=valid_until, room=room, step=timedelta(minutes=step) if step else None,
        gap=timedelta(minutes=gap), kinds=frozenset(kinds), folds=(start_fold, end_fold),
    )  # fmt: skip
