"""The calendar file that goes with a message about a visit.

It is published, not a request: mail programs add it with one press, and ask nobody to answer to an
address that nobody reads. The same visit always has the same UID and each change a higher SEQUENCE,
so a later file moves the entry, and that of a canceled visit takes it away.
"""

from dataclasses import replace
from email.utils import parseaddr

from django.conf import settings
from django.utils import translation

from clinic.models import Facility
from scheduling.ics import entries, writing
from scheduling.models import Appointment


def of(visit: Appointment, *, language: str) -> bytes:
    """The visit as an `.ics` file in a language, for the patient or who acts for her. It tells no
    name, kind or reason."""
    facility = Facility.objects.get(pk=visit.facility_id)
    with translation.override(language or facility.language):
        entry = entries.for_patient(visit, facility)
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return writing.calendar_of(
        [replace(entry, organizer=(facility.name, address))],
        name="",
        zone=facility.zone,
        method=_method(visit),
    )


def media_type(visit: Appointment) -> str:
    """What the file is, for the message that it is attached to."""
    return f"text/calendar; charset=utf-8; method={_method(visit)}"


def _method(visit: Appointment) -> str:
    return "CANCEL" if visit.status == Appointment.Status.CANCELED else "PUBLISH"
