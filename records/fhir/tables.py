"""Which table of the chart keeps which facts. The columns are named as the facts' fields."""

from dataclasses import dataclass, fields
from typing import Any

from patients.models import Allergy, Condition, HealthFact, Immunization, Medication, Reading
from records.fhir.facts import (
    AllergyFacts,
    ConditionFacts,
    EncounterFacts,
    ImmunizationFacts,
    MedicationFacts,
    ProcedureFacts,
    ReadingFacts,
    ReportFacts,
)
from records.models import Encounter, Procedure, Report

# What a row says by its keys: the ids of its resource and its patient, and the user who attended.
KEYS = ("fhir_id", "patient_id", "attending_npi")


@dataclass(frozen=True)
class Table:
    """A table, the facts that it keeps, and their place in a `facts.Chart`."""

    place: str
    facts: type[Any]
    model: type[HealthFact]


TABLES = (
    Table("encounters", EncounterFacts, Encounter),
    Table("conditions", ConditionFacts, Condition),
    Table("allergies", AllergyFacts, Allergy),
    Table("medications", MedicationFacts, Medication),
    Table("immunizations", ImmunizationFacts, Immunization),
    Table("readings", ReadingFacts, Reading),
    Table("procedures", ProcedureFacts, Procedure),
    Table("reports", ReportFacts, Report),
)


def columns(facts: Any) -> list[str]:
    """The columns that keep the facts (an instance or its class), without the row's keys."""
    return [field.name for field in fields(facts) if field.name not in KEYS]
