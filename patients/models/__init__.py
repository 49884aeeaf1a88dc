from patients.models.access import AccessGrant
from patients.models.family import FamilyMember
from patients.models.health import (
    TAKEN_BACK,
    Allergy,
    Condition,
    HealthFact,
    Immunization,
    Medication,
    Reading,
    Source,
    VerifiableFact,
)
from patients.models.patient import Gender, Patient, PatientRow, SearchToken

__all__ = [
    "TAKEN_BACK",
    "AccessGrant",
    "Allergy",
    "Condition",
    "FamilyMember",
    "Gender",
    "HealthFact",
    "Immunization",
    "Medication",
    "Patient",
    "PatientRow",
    "Reading",
    "SearchToken",
    "Source",
    "VerifiableFact",
]
