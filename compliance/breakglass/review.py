"""What the clinic makes of emergency accesses: each is reviewed within a day, by somebody else."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import words
from clinic.errors import Conflict, Missing, invalid
from clinic.models import LogEntry, User
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission
from compliance.breakglass import telling
from compliance.models import EmergencyAccess
from patients.models import AccessGrant

Outcome = EmergencyAccess.Outcome
# What opening itself leaves on the trail beside the access: no look at the patient.
CEREMONY = ("compliance.emergencyaccess", AccessGrant._meta.label_lower, "clinic.notification")


def visible_to(user: User) -> QuerySet[EmergencyAccess]:
    """All emergency accesses of the clinic for who reviews them, one's own for who opens patients;
    raises `Denied` for others."""
    actor = tenancy.current()
    rows = EmergencyAccess.objects.filter(facility_id__in=actor.facilities)
    rows = rows.select_related("user", "reviewed_by")
    if actor.may(Permission.EMERGENCY_REVIEW):
        return rows.select_related("patient")
    actor.require(Permission.EMERGENCY_OPEN)
    # Without the patient, whom she may not see any more: a join would hide her own row.
    return rows.filter(user_id=user.pk)


@transaction.atomic
@tenancy.by_verb()
def review(
    *, emergency: EmergencyAccess, outcome: str, note: str = "", by: User
) -> EmergencyAccess:
    """Record what a review found, once. Nobody reviews herself; all but “justified” needs a note.

    Raises `Invalid`, `Conflict`, `Denied`.
    """
    actor = tenancy.current()
    actor.require(Permission.EMERGENCY_REVIEW)
    rows = EmergencyAccess.objects.select_for_update()
    row = rows.filter(pk=emergency.pk, facility_id__in=actor.facilities).first()
    if row is None:
        raise Missing(_("There is no such emergency access."))
    if row.user_id == by.pk:
        raise Denied(Permission.EMERGENCY_REVIEW)
    if row.reviewed_at is not None:
        raise Conflict(_("It was reviewed already."))
    if outcome not in Outcome.values:
        raise invalid("outcome", _("Choose what the review found."))
    if outcome != Outcome.JUSTIFIED and not words.shown(note):
        raise invalid("note", _("Write what was found, and what follows."))
    row.outcome, row.review_note = outcome, note.strip()
    row.reviewed_at, row.reviewed_by_id = timezone.now(), by.pk
    row.save(update_fields=["outcome", "review_note", "reviewed_at", "reviewed_by"])
    return row


@transaction.atomic
def escalate() -> int:
    """Tell again of each access whose review is late, once; answers how many there were."""
    late = EmergencyAccess.objects.late().filter(escalated_at=None)
    rows = list(late.select_for_update())
    for row in rows:
        row.escalated_at = timezone.now()
        row.save(update_fields=["escalated_at"])
        telling.late(row)
    return len(rows)


def seen_under(row: EmergencyAccess) -> QuerySet[LogEntry]:
    """What she looked at and wrote under the access, in the order of time."""
    tenancy.current().require(Permission.EMERGENCY_REVIEW)
    return LogEntry.entries.filter(
        facility_id=row.facility_id,
        patient_id=row.patient_id,
        actor_id=row.user_id,
        timestamp__gte=row.opened_at,
        timestamp__lte=row.ends_at,
        compliance_flags__contains=["break_glass"],
    ).exclude(resource__in=CEREMONY).order_by("id")  # fmt: skip
