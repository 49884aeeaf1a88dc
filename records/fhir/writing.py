"""Charts to a FHIR R4 bundle."""

import json

from records.fhir.facts import (
    AllergyFacts,
    Chart,
    ConditionFacts,
    EncounterFacts,
    ImmunizationFacts,
    MedicationFacts,
    PatientFacts,
    ProcedureFacts,
    ReadingFacts,
    ReportFacts,
)
from records.fhir.resources import (
    allergy,
    condition,
    encounter,
    immunization,
    medication,
    observation,
    patient,
    procedure,
    report,
)
from records.fhir.resources.datatypes import Json, compact, write_url

WRITERS = {
    PatientFacts: patient.write,
    EncounterFacts: encounter.write,
    ConditionFacts: condition.write,
    AllergyFacts: allergy.write,
    MedicationFacts: medication.write,
    ImmunizationFacts: immunization.write,
    ReadingFacts: observation.write,
    ProcedureFacts: procedure.write,
    ReportFacts: report.write,
}


def write(chart: Chart) -> bytes:
    """The chart as a collection bundle in UTF-8 JSON; reading it gives the same facts."""
    return json.dumps(bundle(chart), ensure_ascii=False, indent=1).encode()


def bundle(chart: Chart) -> Json:
    """The chart as a collection bundle."""
    resources = [WRITERS[type(facts)](facts) for facts in chart.facts()]
    entries = [compact(fullUrl=write_url(item["id"]), resource=item) for item in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
