"""Booking visits. Rivals for one time are settled by the database's exclusion constraints."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing, Stale, invalid
from clinic.models import Specialist
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission
from patients import proxy
from patients.models import Patient
from scheduling import calendar, freed, groups, holds, news
from scheduling.models import Appointment, AppointmentType, Hold, Room
from scheduling.placing import named_by, place_for
from scheduling.refusals import GroupFull, NotOffered, SlotTaken, WrongStatus, of_rivals

__all__ = ["GroupFull", "NotOffered", "SlotTaken", "WrongStatus"]  # what booking refuses with

Status = Appointment.Status

# The stated transitions; whatever is not here is refused.
TRANSITIONS = {
    Status.PENDING: {Status.CONFIRMED, Status.CANCELED},
    Status.CONFIRMED: {Status.CANCELED, Status.COMPLETED, Status.NO_SHOW},
    Status.CANCELED: set(),
    Status.COMPLETED: set(),
    Status.NO_SHOW: {Status.COMPLETED},
}


def book(
    *,
    patient: Patient | UUID,
    specialist: Specialist | UUID,
    appointment_type: AppointmentType | UUID,
    start: datetime,
    end: datetime | None = None,
    room: Room | UUID | None = None,
    reason: str = "",
    hold: Hold | UUID | None = None,
    overbook: str = "",
    series: UUID | None = None,
    by,
) -> Appointment:
    """Book a visit that begins at the aware instant `start` and takes the kind's length. Patient,
    specialist, kind and room are objects or their ids; without a room it is that of the hours.

    `hold` is a time that was kept for the patient. `overbook` is the reason for which somebody who
    may lets the visit overlap others, or lie outside the hours. What the clinic books of a kind
    that asks for it begins as not yet confirmed.

    Raises `Invalid` (what does not exist or is out of reach; times; a kind that the person may not
    book), `Denied` (a relative who does not act for the patient), `NotOffered` (outside the
    specialist's hours), `GroupFull` and `SlotTaken`; of any number of rivals one wins, and nothing
    is stored for the others.
    """
    tenancy.current().require(Permission.APPOINTMENT_BOOK)
    named = named_by(patient, specialist, appointment_type)
    _require_overbooking(overbook)

    def attempt() -> Appointment:
        place = place_for(named, start=start, end=end, room=room, overbooked=bool(overbook), by=by)
        if hold is not None:
            holds.use(hold, patient_id=named["patient_id"], place=place, by=by)
        seat = groups.seat(named, place) if place.capacity > 1 else {}
        return Appointment.objects.create(
            facility_id=tenancy.current().facility_id,
            status=Status.PENDING if place.asks_confirmation else Status.CONFIRMED,
            reason=reason,
            is_overbooked=bool(overbook),
            overbooking_reason=overbook.strip(),
            series=series,
            news=news.News.BOOKED,
            booked_by_id=by.pk,
            **place.fields() | seat,
            **named,
        )

    return of_rivals(attempt)


@transaction.atomic
def reschedule(
    *,
    appointment: Appointment,
    start: datetime,
    end: datetime | None = None,
    specialist: Specialist | None = None,
    room: Room | UUID | None = None,
    hold: Hold | UUID | None = None,
    version: int | None = None,
    by,
) -> Appointment:
    """Move a visit in one step: it stands at the new time or, refused, still at the old. `hold` is
    the new time, kept for the patient. Who moves her own visit comes to it: it is confirmed.

    Raises what `book` and `change_status` raise: patients move what they may book and cancel.
    """
    row = locked(appointment, by, version)
    if row.status not in {Status.PENDING, Status.CONFIRMED}:
        raise WrongStatus(_("Only a visit that is still to come can be moved."))
    _require_not_begun(row)
    named = named_by(row.patient_id, specialist or row.specialist_id, row.appointment_type_id)
    place = place_for(named, start=start, end=end, room=room, by=by)
    before = row.session_id

    status = Status.CONFIRMED if tenancy.current().is_portal else row.status

    def attempt() -> Appointment:
        if hold is not None:
            holds.use(hold, patient_id=named["patient_id"], place=place, by=by)
        seat = groups.seat(named, place) if place.capacity > 1 else {"session": None, "place": None}
        moved = {
            "status": status,
            "specialist_id": named["specialist_id"],
            "is_overbooked": False,
            "overbooking_reason": "",
            **place.fields() | seat,
        }
        for name, value in moved.items():
            setattr(row, name, value)
        news.note(row, news.News.MOVED)
        row.save()
        if before and before != row.session_id:
            groups.leave(before)
        return row

    moved = of_rivals(attempt)
    freed.tell()
    return moved


@transaction.atomic
def change_status(
    *,
    appointment: Appointment,
    to: Appointment.Status,
    reason: str = "",
    version: int | None = None,
    by,
) -> Appointment:
    """Confirm, cancel, complete or mark as missed, by the stated transitions. Who cancels later
    than the kind of visit says has canceled late; it is kept, and nothing else follows from it.

    Patients and who acts for them confirm and cancel what is still to come; the rest is the
    clinic's to say."""
    row = locked(appointment, by, version)
    to = Status(to)
    if to not in TRANSITIONS[Status(row.status)]:
        names = {"now": row.get_status_display(), "then": to.label}
        raise WrongStatus(_("A visit that is “%(now)s” cannot become “%(then)s”.") % names)
    if tenancy.current().is_portal and to not in {Status.CANCELED, Status.CONFIRMED}:
        raise Denied(Permission.APPOINTMENT_BOOK)
    _require_not_begun(row)
    row.status = to
    if to == Status.CANCELED:
        row.cancel_reason = reason
        row.canceled_late = is_late(row)
        news.note(row, news.News.CANCELED)
    row.save()
    if to == Status.CANCELED:
        if row.session_id:
            groups.leave(row.session_id)
        freed.tell()
    return row


@transaction.atomic
def arrive(*, appointment: Appointment, version: int | None = None, by) -> Appointment:
    """Say that the patient is there. Raises `WrongStatus` for a visit that is not awaited."""
    row = locked(appointment, by, version)
    if tenancy.current().is_portal:
        raise Denied(Permission.APPOINTMENT_BOOK)
    if row.status not in {Status.PENDING, Status.CONFIRMED} or row.arrived_at:
        raise WrongStatus(_("The patient of this visit is not awaited."))
    row.arrived_at = timezone.now()
    row.status = Status.CONFIRMED
    row.save()
    return row


@transaction.atomic
def not_arrived(*, appointment: Appointment, version: int | None = None, by) -> Appointment:
    """Take back that the patient is there, said by mistake. Raises `WrongStatus` for a visit that
    is closed, or whose patient is not said to be there."""
    row = locked(appointment, by, version)
    if tenancy.current().is_portal:
        raise Denied(Permission.APPOINTMENT_BOOK)
    if row.status not in {Status.PENDING, Status.CONFIRMED} or not row.arrived_at:
        raise WrongStatus(_("The patient of this visit is not said to be there."))
    row.arrived_at = None
    row.save()
    return row


def is_late(appointment: Appointment, now: datetime | None = None) -> bool:
    """Whether canceling it now is late, as its kind of visit says."""
    notice = timedelta(hours=appointment.appointment_type.cancel_hours)
    return appointment.start_datetime - (now or timezone.now()) < notice


def locked(appointment: Appointment, by, version: int | None) -> Appointment:
    """The visit under lock, within the actor's reach."""
    tenancy.current().require(Permission.APPOINTMENT_BOOK)
    row = calendar.visits(by).filter(pk=appointment.pk).select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There is no such visit."))
    proxy.require(row.patient_id, by=by)
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    return row


def _require_overbooking(reason: str) -> None:
    if not reason:
        return
    tenancy.current().require(Permission.APPOINTMENT_OVERBOOK)
    if len(reason.strip()) < 5:
        raise invalid("overbook", _("Say why the visit may overlap, in a few words."))


def _require_not_begun(appointment: Appointment) -> None:
    """What has begun is the clinic's to close; patients change only what is still to come."""
    if tenancy.current().is_portal and appointment.start_datetime <= timezone.now():
        raise WrongStatus(_("This visit has already begun. Please call the clinic."))
