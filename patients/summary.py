"""The summary for an emergency: what a stranger must know of a patient to do no harm."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet

from clinic.security.permissions import Category
from patients import access
from patients.models import Allergy, BloodType, Condition, Medication, Patient

# As the policies have it (`summary=` in the migration), for who reads more of the patient.
CAN_KILL = Q(severity__in=[Allergy.Severity.SEVERE, Allergy.Severity.ANAPHYLACTIC]) | Q(
    criticality=Allergy.Criticality.HIGH
)


@dataclass(frozen=True, slots=True)
class Summary:
    """The parts in the order in which they are asked for."""

    critical: list[Allergy]
    medications: list[Medication]
    conditions: list[Condition]
    blood_type: BloodType | None
    contact: dict[str, str]

    @property
    def facts(self) -> tuple[list, ...]:
        """Allergies, medicines, problems, blood groups."""
        groups = [self.blood_type] if self.blood_type else []
        return self.critical, self.medications, self.conditions, groups


def of(patient: Patient, *, by) -> Summary:
    """The summary as far as it is open to the person. Costs four queries; notes nothing."""
    newest = F("active_from").desc(nulls_last=True)
    return Summary(
        critical=list(rows(Allergy, by).filter(CAN_KILL, patient=patient).order_by("-id")),
        medications=list(rows(Medication, by).filter(patient=patient).order_by(newest, "-id")),
        conditions=list(
            rows(Condition, by)
            .filter(patient=patient, status=Condition.Status.ACTIVE)
            .order_by(F("onset_date").desc(nulls_last=True), "-id")
        ),
        blood_type=rows(BloodType, by)
        .filter(patient=patient)
        .order_by(F("determined_on").desc(nulls_last=True), "-id")
        .first(),
        contact=patient.emergency_contact or {},
    )


def rows(model, by) -> QuerySet[Any]:
    """What holds now of one kind, as far as the summary is open to the person."""
    return access.visible(model.objects.active(), by, category=Category.SUMMARY)
