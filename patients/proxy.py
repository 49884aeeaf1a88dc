"""Who acts for a patient in the portal, and does not only see what is shared: the patient of age,
a minor's guardians, and relatives whom she lets act for her.

In the clinic, roles say who does what, and nothing here is asked.
"""

from uuid import UUID

from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Denied
from patients.models import FamilyMember, Patient

FULL = FamilyMember.PermissionLevel.FULL


def acts(patient_id: UUID, level: str = "") -> bool:
    """Whether the acting person, a relative of that level, acts for the patient."""
    return patient_id in tenancy.current().stewarded or level == FULL


def require(patient: Patient | UUID, *, by: User) -> None:
    """Raise `Denied` where the person sees this patient's record in the portal, but does not act
    for the patient. Whether she sees it is asked apart."""
    actor = tenancy.current()
    patient_id = getattr(patient, "pk", patient)
    if not actor.is_portal or acts(patient_id):
        return
    mine = FamilyMember.objects.filter(
        patient_id=patient_id, user=by, ended_at=None, facility_id__in=actor.facilities
    )
    if by.pk != actor.user_id or not mine.filter(permission_level=FULL).exists():
        raise Denied()
