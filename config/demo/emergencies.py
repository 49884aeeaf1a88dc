"""Two emergencies at Harbor: one that was reviewed, one that waits."""

from datetime import timedelta

from django.utils import timezone

from clinic.models import Facility, User
from clinic.security.permissions import Category
from compliance.breakglass import LASTS, REVIEW_WITHIN
from compliance.models import EmergencyAccess
from patients.models import Patient

SUMMARY = [Category.VIEW.value, Category.SUMMARY.value]


def happened(facility: Facility, *, by: User, reviewer: User, to: list[Patient]) -> None:
    """A specialist opened two patients whom he does not treat: last month, and this morning."""
    first, second = to
    kinds, outcomes = EmergencyAccess.Reason, EmergencyAccess.Outcome
    _opened(
        facility, by, first, timedelta(days=30), kinds.ACUTE,
        "Collapsed in the waiting room, short of breath; no physician was in the house.",
        outcome=outcomes.JUSTIFIED, reviewed_by=reviewer,
        review_note="Spoke with him the same day. He called the ambulance as well.",
    )  # fmt: skip
    _opened(
        facility, by, second, timedelta(hours=5), kinds.UNCONSCIOUS,
        "Found confused outside the practice, could not say which medicines she takes.",
    )  # fmt: skip


def _opened(facility, by, patient, ago: timedelta, kind: str, reason: str, **review) -> None:
    start = timezone.now() - ago
    if review:
        review["reviewed_at"] = start + timedelta(hours=7)
    EmergencyAccess.objects.create(
        facility=facility, patient=patient, user=by, category=kind, reason=reason, scope=SUMMARY,
        opened_at=start, expires_at=start + LASTS, ended_at=start + timedelta(minutes=18),
        review_due_at=start + REVIEW_WITHIN, **review,
    )  # fmt: skip
