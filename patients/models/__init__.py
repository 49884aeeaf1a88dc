from patients.models.access import AccessGrant
from patients.models.family import Consent, FamilyAccount, FamilyMember
from patients.models.health import (
    TAKEN_BACK,
    Allergy,
    BloodType,
    Condition,
    HealthFact,
    Immunization,
    Medication,
    Reading,
    Source,
    VerifiableFact,
)
from patients.models.patient import Gender, Patient, PatientRow, SearchToken
from patients.models.question import LookQuestion
from patients.models.relationship import CareRelationship
from patients.models.sensitivity import Kept, confidential_has_a_kind

__all__ = [
    "TAKEN_BACK",
    "AccessGrant",
    "Allergy",
    "BloodType",
    "CareRelationship",
    "Condition",
    "Consent",
    "FamilyAccount",
    "FamilyMember",
    "Gender",
    "HealthFact",
    "Immunization",
    "Kept",
    "LookQuestion",
    "Medication",
    "Patient",
    "PatientRow",
    "Reading",
    "SearchToken",
    "Source",
    "VerifiableFact",
    "confidential_has_a_kind",
]
