"""A visit as it stands in somebody's calendar.

Calendars leave the house: phones, families and employers read them, and companies keep them. So an
entry tells when and where, and neither why nor, to a specialist, with whom; the page behind its
link tells the rest to whoever signs in. Of relatives' visits the first name stands there, because
without it a parent could not tell one child's visit from another's.
"""

from dataclasses import replace

from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.channels import email
from clinic.models import Facility
from scheduling.ics.writing import Entry
from scheduling.models import Appointment

Status = Appointment.Status
IN_CALENDARS = {
    Status.PENDING: "TENTATIVE",
    Status.CONFIRMED: "CONFIRMED",
    Status.COMPLETED: "CONFIRMED",
    Status.NO_SHOW: "CONFIRMED",
    Status.CANCELED: "CANCELLED",
}


def for_patient(visit: Appointment, facility: Facility, name: str = "") -> Entry:
    """A visit as patients and relatives see it, in the language that is active; `name` says whose
    it is, where that is to be told."""
    said = {"clinic": facility.name, "name": name}
    text = _("%(name)s: visit at %(clinic)s") if name else _("Visit at %(clinic)s")
    return _entry(visit, facility, text % said, reverse("portal:visit", args=[visit.pk]))


def for_specialist(visit: Appointment, facility: Facility) -> Entry:
    """A visit as its specialist sees it, in the language that is active. All places of a group are
    one entry."""
    entry = _entry(visit, facility, _("Visit"), reverse("admin:visit", args=[visit.pk]))
    if visit.session_id is None:
        return entry
    return replace(entry, uid=_uid(visit.session_id), sequence=visit.session.version)


def _entry(visit: Appointment, facility: Facility, text: str, path: str) -> Entry:
    status = IN_CALENDARS[Status(visit.status)]
    if status == "CANCELLED":  # for programs that show the text alone
        text = _("Canceled: %(visit)s") % {"visit": text}
    return Entry(
        uid=_uid(visit.pk),
        start=visit.start_datetime,
        end=visit.end_datetime,
        sequence=visit.version,
        changed=visit.updated_at,
        status=status,
        summary=text,
        location=_place(visit, facility),
        url=email.address(path),
    )


def _uid(pk) -> str:
    return f"{pk}@chartroom"


def _place(visit: Appointment, facility: Facility) -> str:
    """Where to go; a video visit has no address, and its link is not for everybody's eyes."""
    if visit.appointment_type.telehealth_url:
        return _("Video visit")
    room = visit.appointment_type.place or (visit.room.name if visit.room else "")
    parts = (room, facility.name, facility.address_line1, facility.city)
    return ", ".join(part for part in parts if part)
