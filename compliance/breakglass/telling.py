"""Who hears of an emergency access at once: administrators, the patient, a minor's guardians."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from clinic import notifications
from clinic.models import User
from clinic.security.permissions import Permission
from compliance.models import EmergencyAccess
from patients import access

KIND = notifications.Kind.EMERGENCY


def opened(row: EmergencyAccess) -> None:
    _tell(
        row,
        to_clinic=(
            _("%(who)s opened a patient in an emergency"),
            _("%(kind)s. Review it within 24 hours."),
        ),
        to_patient=(
            _("A record was opened in an emergency"),
            _("%(who)s opened the emergency summary of %(patient)s. The reason given: %(kind)s."
              " The clinic reviews each such access."),
        ),
    )  # fmt: skip


def widened(row: EmergencyAccess) -> None:
    _tell(
        row,
        to_clinic=(
            _("%(who)s asked for more in an emergency"),
            _("%(kind)s. More than the emergency summary is open now."),
        ),
        to_patient=(
            _("More of a record was opened in an emergency"),
            _("%(who)s opened more of the record of %(patient)s. The reason given: %(kind)s."
              " The clinic reviews each such access."),
        ),
    )  # fmt: skip


def late(row: EmergencyAccess) -> None:
    """The review is late: the administrators again, and who reads the trail."""
    values = {"who": row.user.get_full_name()}
    reviewers = set(notifications.holders_of(Permission.EMERGENCY_REVIEW)) - {row.user}
    overseers = set(notifications.holders_of(Permission.TRAIL_VIEW)) - reviewers - {row.user}
    title = _("The review of an emergency access is late")
    text = _("%(who)s opened a patient more than 24 hours ago, and nobody has reviewed it.")
    trail = f"{reverse('admin:trail')}?flag=break_glass"
    for people, link in ((reviewers, _review_address(row)), (overseers, trail)):
        notifications.notify(
            people, KIND, title=title, text=text, values=values, link=link,
            patient_id=row.patient_id,
        )  # fmt: skip


def _tell(row: EmergencyAccess, *, to_clinic: tuple, to_patient: tuple) -> None:
    values = {
        "who": row.user.get_full_name(),
        "kind": row.get_category_display(),
        "patient": row.patient.full_name,
    }
    overseers = notifications.holders_of(Permission.EMERGENCY_REVIEW).exclude(pk=row.user_id)
    for people, (title, text), link in (
        (overseers, to_clinic, _review_address(row)),
        (_of_the_patient(row), to_patient, reverse("portal:access")),
    ):
        notifications.notify(
            people, KIND, title=title, text=text, values=values, link=link,
            patient_id=row.patient_id,
        )  # fmt: skip


def _of_the_patient(row: EmergencyAccess) -> set[User]:
    """The patient's account, and who decides for the patient: a minor's guardians."""
    deciding = access.deciders(row.patient).values("user_id")
    people = User.objects.filter(pk__in=deciding, is_active=True)
    return {*people, *([row.patient.user] if row.patient.user_id else [])}


def _review_address(row: EmergencyAccess) -> str:
    return reverse("admin:emergency_review", args=[row.pk])
