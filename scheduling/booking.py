"""Booking visits. Rivals for one time are settled by the database's exclusion constraints."""

from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from psycopg.errors import DeadlockDetected

from clinic.errors import Conflict, Invalid, Missing, Stale, invalid
from clinic.models import Specialist
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission
from patients import proxy
from patients.models import Patient
from scheduling import availability, calendar
from scheduling.availability import Hours
from scheduling.models import Appointment, AppointmentType

Status = Appointment.Status
HORIZON = timedelta(days=2 * 365)

# The stated transitions; whatever is not here is refused.
TRANSITIONS = {
    Status.PENDING: {Status.CONFIRMED, Status.CANCELED},
    Status.CONFIRMED: {Status.CANCELED, Status.COMPLETED, Status.NO_SHOW},
    Status.CANCELED: set(),
    Status.COMPLETED: set(),
    Status.NO_SHOW: {Status.COMPLETED},
}


class SlotTaken(Conflict):
    """Somebody has that time already."""


class NotOffered(Conflict):
    """The specialist does not work at that time."""


class WrongStatus(Conflict):
    """The visit is not in a state from which this can be done."""


def book(
    *,
    patient: Patient | UUID,
    specialist: Specialist | UUID,
    appointment_type: AppointmentType | UUID,
    start: datetime,
    end: datetime | None = None,
    reason: str = "",
    by,
) -> Appointment:
    """Book a visit that begins at the aware instant `start` and takes the type's length. Patient,
    specialist and type are objects or their ids.

    Raises `Invalid` (what does not exist or is out of reach; times; a kind that patients may not
    book), `Denied` (a relative who does not act for the patient), `NotOffered` (outside the
    specialist's hours) and `SlotTaken`; of any number of rivals one wins, and nothing is stored
    for the others.
    """
    actor = tenancy.current()
    actor.require(Permission.APPOINTMENT_BOOK)
    named = {
        "patient_id": getattr(patient, "pk", patient),
        "specialist_id": getattr(specialist, "pk", specialist),
        "appointment_type_id": getattr(appointment_type, "pk", appointment_type),
    }
    with rivals_refused(), transaction.atomic():
        offer = calendar.offer(**named)
        _require_known(offer)
        proxy.require(named["patient_id"], by=by)
        _require_open_to_portal(offer.portal_bookable)
        start, end = check_times(start, end, offer.minutes)
        require_within(start, end, offer.hours, offer.zone)
        return Appointment.objects.create(
            facility_id=actor.facility_id,
            start_datetime=start,
            end_datetime=end,
            reason=reason,
            booked_by_id=by.pk,
            **named,
        )


def reschedule(
    *,
    appointment: Appointment,
    start: datetime,
    end: datetime | None = None,
    specialist: Specialist | None = None,
    version: int | None = None,
    by,
) -> Appointment:
    """Move a visit in one step: it stands at the new time or, refused, still at the old.

    Raises what `book` and `change_status` raise: patients move what they may book and cancel.
    """
    with rivals_refused(), transaction.atomic():
        appointment = _locked(appointment, by, version)
        if appointment.status not in {Status.PENDING, Status.CONFIRMED}:
            raise WrongStatus(_("Only a visit that is still to come can be moved."))
        _require_not_begun(appointment)
        _require_open_to_portal(appointment.appointment_type.portal_bookable)
        start, end = check_times(start, end, appointment.appointment_type.minutes)
        specialist = specialist or appointment.specialist
        require_within(start, end, calendar.hours_of(specialist), calendar.facility().zone)
        appointment.specialist = specialist
        appointment.start_datetime, appointment.end_datetime = start, end
        appointment.save()
        return appointment


@transaction.atomic
def change_status(
    *,
    appointment: Appointment,
    to: Appointment.Status,
    reason: str = "",
    version: int | None = None,
    by,
) -> Appointment:
    """Confirm, cancel, complete or mark as missed, by the stated transitions."""
    appointment = _locked(appointment, by, version)
    allowed = TRANSITIONS[Status(appointment.status)]
    if to not in allowed:
        names = {"now": appointment.get_status_display(), "then": Status(to).label}
        raise WrongStatus(_("A visit that is “%(now)s” cannot become “%(then)s”.") % names)
    if tenancy.current().is_portal and to != Status.CANCELED:
        raise Denied(Permission.APPOINTMENT_BOOK)
    _require_not_begun(appointment)
    appointment.status = to
    if to == Status.CANCELED:
        appointment.cancel_reason = reason
    appointment.save()
    return appointment


def check_times(start: datetime, end: datetime | None, minutes: int):
    """The start and end of a visit of so many minutes; raises `Invalid` naming the wrong field."""
    if timezone.is_naive(start):
        raise invalid(
            "start_datetime", _("Give the time with its offset, like 2026-11-24T10:00-05:00.")
        )
    expected = start + timedelta(minutes=minutes)
    end = end or expected
    if end <= start:
        raise invalid("end_datetime", _("The end must be after the start."))
    if end != expected:
        raise invalid("end_datetime", _("This kind of visit takes %d minutes.") % minutes)
    if start <= timezone.now():
        raise invalid("start_datetime", _("Choose a time in the future."))
    if start > timezone.now() + HORIZON:
        raise invalid("start_datetime", _("Choose a time within the next two years."))
    return start, end


def require_within(start: datetime, end: datetime, hours: list[Hours], zone: ZoneInfo) -> None:
    """Raise `NotOffered` unless the hours hold from start to end."""
    spans = availability.open_spans(start, end, hours, zone)
    if not any(span.start <= start and end <= span.end for span in spans):
        raise NotOffered(_("The specialist does not receive visits at that time."))


@contextmanager
def rivals_refused():
    """Say `SlotTaken` where the database's exclusion constraints stopped the block.

    Two who come at the same moment can each wait for the other's visit to be kept or given up; then
    the database ends one of them as a deadlock, and the other goes on.
    """
    try:
        yield
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""
        if name.startswith("one_visit_at_a_time_for_a_specialist"):
            raise SlotTaken(_("This time has just been taken. Choose another one.")) from error
        if name.startswith("one_visit_at_a_time_for_a_patient"):
            raise SlotTaken(_("The patient has another visit at that time.")) from error
        raise
    except OperationalError as error:
        if isinstance(error.__cause__, DeadlockDetected):
            raise SlotTaken(_("This time has just been taken. Choose another one.")) from error
        raise


def _require_known(offer: calendar.Offer) -> None:
    wrong = {}
    if not offer.reached:
        wrong["patient"] = [_("There is no such patient.")]
    if not offer.receives:
        wrong["specialist"] = [_("There is no such specialist.")]
    if offer.minutes is None:
        wrong["appointment_type"] = [_("There is no such kind of visit.")]
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)


def _require_open_to_portal(portal_bookable: bool) -> None:
    if tenancy.current().is_portal and not portal_bookable:
        raise invalid("appointment_type", _("Please call the clinic for this kind of visit."))


def _require_not_begun(appointment: Appointment) -> None:
    """What has begun is the clinic's to close; patients change only what is still to come."""
    if tenancy.current().is_portal and appointment.start_datetime <= timezone.now():
        raise WrongStatus(_("This visit has already begun. Please call the clinic."))


def _locked(appointment: Appointment, by, version: int | None) -> Appointment:
    tenancy.current().require(Permission.APPOINTMENT_BOOK)
    row = calendar.visits(by).filter(pk=appointment.pk).select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There is no such visit."))
    proxy.require(row.patient_id, by=by)
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    return row
