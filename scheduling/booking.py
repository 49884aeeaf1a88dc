"""Booking visits. Rivals for one time are settled by the database's exclusion constraints."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, Stale, invalid
from clinic.models import Specialist
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, Category, Denied, Permission
from patients import access
from patients.models import Patient
from scheduling import availability, calendar
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


@transaction.atomic
def book(
    *,
    patient: Patient,
    specialist: Specialist,
    appointment_type: AppointmentType,
    start: datetime,
    end: datetime | None = None,
    reason: str = "",
    by,
) -> Appointment:
    """Book a visit that begins at the aware instant `start` and takes the type's length.

    Raises `Invalid` (times; a kind that patients may not book), `NotOffered` (outside the
    specialist's hours) and `SlotTaken`; of any number of rivals one wins, and nothing is stored for
    the others.
    """
    _authorise(patient)
    if _from_portal() and not appointment_type.portal_bookable:
        raise invalid("appointment_type", _("Please call the clinic for this kind of visit."))
    start, end = check_times(start, end, appointment_type)
    require_offered(specialist, start, end)
    appointment = Appointment(
        facility_id=tenancy.current().facility_id,
        patient=patient,
        specialist=specialist,
        appointment_type=appointment_type,
        start_datetime=start,
        end_datetime=end,
        reason=reason,
        booked_by_id=by.pk,
    )
    return _stored(appointment)


@transaction.atomic
def reschedule(
    *,
    appointment: Appointment,
    start: datetime,
    end: datetime | None = None,
    specialist: Specialist | None = None,
    version: int | None = None,
    by,
) -> Appointment:
    """Move a visit in one step: it stands at the new time or, refused, still at the old."""
    appointment = _locked(appointment, by, version)
    if appointment.status not in {Status.PENDING, Status.CONFIRMED}:
        raise WrongStatus(_("Only a visit that is still to come can be moved."))
    start, end = check_times(start, end, appointment.appointment_type)
    specialist = specialist or appointment.specialist
    require_offered(specialist, start, end)
    appointment.specialist = specialist
    appointment.start_datetime, appointment.end_datetime = start, end
    return _stored(appointment)


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
    portal = _from_portal()
    if portal and to != Status.CANCELED:
        raise Denied(Permission.APPOINTMENT_BOOK)
    if portal and appointment.start_datetime <= timezone.now():
        raise WrongStatus(_("This visit has already begun. Please call the clinic."))
    appointment.status = to
    if to == Status.CANCELED:
        appointment.cancel_reason = reason
    appointment.save()
    return appointment


def check_times(start: datetime, end: datetime | None, kind: AppointmentType):
    """The start and end of a visit; raises `Invalid` naming the field that cannot be."""
    if timezone.is_naive(start):
        raise invalid(
            "start_datetime", _("Give the time with its offset, like 2026-11-24T10:00-05:00.")
        )
    expected = start + timedelta(minutes=kind.minutes)
    end = end or expected
    if end <= start:
        raise invalid("end_datetime", _("The end must be after the start."))
    if end != expected:
        raise invalid("end_datetime", _("This kind of visit takes %d minutes.") % kind.minutes)
    if start <= timezone.now():
        raise invalid("start_datetime", _("Choose a time in the future."))
    if start > timezone.now() + HORIZON:
        raise invalid("start_datetime", _("Choose a time within the next two years."))
    return start, end


def require_offered(specialist: Specialist, start: datetime, end: datetime) -> None:
    """Raise `NotOffered` unless the specialist works from start to end."""
    zone, hours = calendar.facility().zone, calendar.hours_of(specialist)
    spans = availability.open_spans(start, end, hours, zone)
    if not any(span.start <= start and end <= span.end for span in spans):
        raise NotOffered(_("The specialist does not receive visits at that time."))


def _from_portal() -> bool:
    """Whether a patient or a relative acts, and nobody of the clinic."""
    roles = tenancy.current().roles
    return bool(roles) and roles <= PORTAL_ROLES


def _authorise(patient: Patient) -> None:
    actor = tenancy.current()
    actor.require(Permission.APPOINTMENT_BOOK)
    access.require_reach(patient, Category.APPOINTMENTS)


def _locked(appointment: Appointment, by, version: int | None) -> Appointment:
    tenancy.current().require(Permission.APPOINTMENT_BOOK)
    row = calendar.visits(by).filter(pk=appointment.pk).select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There is no such visit."))
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    return row


def _stored(appointment: Appointment) -> Appointment:
    try:
        with transaction.atomic():
            appointment.save()
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""
        if name.startswith("one_visit_at_a_time_for_a_specialist"):
            raise SlotTaken(_("This time has just been taken. Choose another one.")) from error
        if name.startswith("one_visit_at_a_time_for_a_patient"):
            raise SlotTaken(_("The patient has another visit at that time.")) from error
        raise
    return appointment
