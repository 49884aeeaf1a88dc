"""Addresses to which letters go that open a record. Who holds the letter is believed, so one that
goes where nothing on the patient's file has long pointed is said aloud."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import notifications
from clinic.models import Invitation, LogEntry, User
from clinic.security import tenancy, trail
from clinic.security.permissions import Permission
from patients.models import Patient

NEW = "new_address"  # the flag on the trail
SETTLED = timedelta(days=30)  # for so long after it was changed an address counts as new


def tell_of_a_new_one(patient: Patient, invitation: Invitation, *, by: User) -> None:
    """Where the letter goes to an address that is not the patient's on file, or has come there
    lately: flag it on the trail, and tell the administrators."""
    if is_settled(patient, invitation.email):
        return
    trail.note(
        Invitation._meta.label_lower,
        action=trail.CREATE,
        object_pk=invitation.pk,
        patient_id=patient.pk,
        flags=[NEW],
    )
    notifications.notify(
        notifications.holders_of(Permission.STAFF_MANAGE).exclude(pk=by.pk),
        notifications.Kind.SHARING,
        title=_("A record is opened by a letter to a new address"),
        text=_(
            "%(name)s invited somebody to a patient’s record by an address that is not on the"
            " patient’s file, or has come there lately. If you doubt that it is right, ask the"
            " patient."
        ),
        values={"name": by.get_full_name()},
        link=reverse("admin:patient_family", args=[patient.pk]),
        patient_id=patient.pk,
    )


def is_settled(patient: Patient, email: str) -> bool:
    """Whether the address is on the patient's file, and was there before these last days or from
    the beginning."""
    if not patient.email or patient.email.strip().lower() != email.lower():
        return False
    with tenancy.whole_facility(clinical=True):  # the desk does not read the trail
        changes = LogEntry.entries.about(patient).filter(
            resource=Patient._meta.label_lower,
            action=LogEntry.Action.UPDATE,
            changes__has_key="email",
            timestamp__gt=timezone.now() - SETTLED,
        )
        return not changes.exists()
