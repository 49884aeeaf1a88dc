"""Bundles for the tests of FHIR: the demo charts of the tree, and small ones made here.

`ada()` is a bundle of one patient with one resource of each kind that the chart keeps.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

DEMO = sorted((Path(__file__).parents[1] / "demo_charts").glob("*.json.gz"))
SHARED = Path(__file__).parents[3] / "shared" / "data" / "synthea"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the Synthea bundles are not at {SHARED}"
)


def shared() -> list[Path]:
    """All bundles of the shared data; empty where the folder is absent."""
    return sorted(SHARED.glob("*.json"))


def packed(*resources: dict[str, Any], kind: str = "collection") -> bytes:
    """A bundle of the resources."""
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()


def concept(system: str, code: str, text: str) -> dict[str, Any]:
    coding = {"system": system, "code": code, "display": text}
    return {"coding": [coding], "text": text}


def of_ada(kind: str, **items: Any) -> dict[str, Any]:
    """A resource about Ada."""
    return {"resourceType": kind, "subject": {"reference": "Patient/ada"}, **items}


PATIENT = {
    "resourceType": "Patient",
    "id": "ada",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123-45-6789"}],
    "name": [{"use": "official", "family": "Núñez", "given": ["Ada", "Maria"]}],
    "telecom": [
        {"system": "phone", "value": "555-0100", "use": "work"},
        {"system": "phone", "value": "555-0199", "use": "mobile"},
    ],
    "gender": "female",
    "birthDate": "1970-03-04",
    "address": [{"line": ["1 High Street", "Flat 2"], "city": "Boston", "postalCode": "02108"}],
    "contact": [
        {
            "relationship": [{"text": "Daughter"}],
            "name": {"text": "Eva Núñez"},
            "telecom": [{"system": "phone", "value": "555-0111"}],
        }
    ],
    "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "pt-BR"}]}}],
}
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
CLINICAL = "http://terminology.hl7.org/CodeSystem/"
RESOURCES = [
    PATIENT,
    of_ada(
        "Encounter",
        id="visit",
        status="finished",
        **{"class": {"system": CLINICAL + "v3-ActCode", "code": "AMB"}},
        type=[concept(SNOMED, "185349003", "Check up")],
        participant=[{"individual": {"reference": "Practitioner/doc"}}],
        period={"start": "2020-05-01T09:00:00-04:00", "end": "2020-05-01T09:30:00-04:00"},
        serviceProvider={"display": "Harbor Hospital"},
        reasonCode=[concept(SNOMED, "444814009", "Viral sinusitis")],
    ),
    {
        "resourceType": "Practitioner",
        "id": "doc",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
        "name": [{"prefix": ["Dr."], "given": ["Ana"], "family": "Sá"}],
    },
    of_ada(
        "Condition",
        id="problem",
        clinicalStatus={"coding": [{"system": CLINICAL + "condition-clinical", "code": "relapse"}]},
        code=concept(SNOMED, "444814009", "Viral sinusitis"),
        onsetDateTime="2020-05-01T01:00:00Z",
    ),
    {
        "resourceType": "AllergyIntolerance",
        "id": "allergy",
        "patient": {"reference": "Patient/ada"},
        "category": ["medication"],
        "code": concept(SNOMED, "294505008", "Allergy to penicillin"),
        "reaction": [
            {"manifestation": [{"text": "Hives"}], "severity": "mild"},
            {"manifestation": [concept(SNOMED, "39579001", "Anaphylaxis")], "severity": "severe"},
        ],
    },
    of_ada(
        "MedicationRequest",
        id="order",
        status="active",
        intent="order",
        contained=[
            {
                "resourceType": "Medication",
                "id": "med",
                "code": concept(
                    "http://www.nlm.nih.gov/research/umls/rxnorm", "313782", "Acetaminophen 325 MG"
                ),
            }
        ],
        medicationReference={"reference": "#med"},
        authoredOn="2020-05-01",
        requester={"reference": "Practitioner/doc"},
        reasonReference=[{"reference": "Condition/problem"}],
        dosageInstruction=[
            {
                "timing": {"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}},
                "asNeededBoolean": True,
                "route": {"text": "by mouth"},
                "doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}],
            }
        ],
    ),
    {
        "resourceType": "Immunization",
        "id": "shot",
        "status": "completed",
        "patient": {"reference": "Patient/ada"},
        "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "140", "Influenza"),
        "occurrenceDateTime": "2020-05-01T09:10:00-04:00",
        "protocolApplied": [{"doseNumberPositiveInt": 2}],
    },
    of_ada(
        "Observation",
        id="pressure",
        status="final",
        category=[concept(CLINICAL + "observation-category", "vital-signs", "vital-signs")],
        code=concept(LOINC, "85354-9", "Blood pressure panel"),
        encounter={"reference": "Encounter/visit"},
        effectiveDateTime="2020-05-01T09:05:00-04:00",
        component=[
            {
                "code": concept(LOINC, "8462-4", "Diastolic Blood Pressure"),
                "valueQuantity": {"value": 82.12052766189335, "unit": "mm[Hg]"},
            },
            {
                "code": concept(LOINC, "8480-6", "Systolic Blood Pressure"),
                "valueQuantity": {"value": 121, "unit": "mm[Hg]"},
            },
        ],
    ),
    of_ada(
        "Observation",
        id="potassium",
        status="preliminary",
        code=concept(LOINC, "6298-4", "Potassium"),
        effectiveDateTime="2020-05-01T09:05:00-04:00",
        valueQuantity={
            "value": 5.31,
            "unit": "mmol/L",
            "system": "http://unitsofmeasure.org",
            "code": "mmol/L",
        },
        interpretation=[concept(CLINICAL + "v3-ObservationInterpretation", "H", "High")],
        referenceRange=[
            {"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.1, "unit": "mmol/L"}}
        ],
    ),
    of_ada(
        "Observation",
        id="troponin",
        status="final",
        code=concept(LOINC, "6598-7", "Troponin T"),
        effectiveDateTime="2020-05-01T09:05:00-04:00",
        valueQuantity={"value": 0.01, "comparator": "<", "unit": "ng/mL"},
    ),
    of_ada(
        "Observation",
        id="smoking",
        status="final",
        category=[concept(CLINICAL + "observation-category", "survey", "survey")],
        code=concept(LOINC, "72166-2", "Tobacco smoking status"),
        effectiveDateTime="2020-05-01T09:05:00-04:00",
        valueCodeableConcept=concept(SNOMED, "266919005", "Never smoker"),
    ),
    of_ada(
        "Procedure",
        id="suture",
        status="completed",
        code=concept(SNOMED, "288086009", "Suture open wound"),
        encounter={"reference": "Encounter/visit"},
        performedPeriod={
            "start": "2020-05-01T09:10:00-04:00",
            "end": "2020-05-01T09:20:00-04:00",
        },
    ),
    of_ada(
        "DiagnosticReport",
        id="panel",
        status="final",
        code=concept(LOINC, "51990-0", "Basic Metabolic Panel"),
        issued="2020-05-01T10:00:00.453-04:00",
        result=[{"reference": "Observation/potassium"}],
        presentedForm=[{"contentType": "text/plain", "data": "QWxsIHdlbGwu"}],
    ),
]


def verified(kind: str, *codes: str) -> dict[str, Any]:
    """How sure a fact is; `kind` is the code system's, as FHIR R4 names it."""
    system = f"{CLINICAL}{kind}"
    return {"verificationStatus": {"coding": [{"system": system, "code": c} for c in codes]}}


def ada(**changes: dict[str, Any]) -> bytes:
    """The bundle of Ada; `changes` names resources by id, and the items that they get."""
    resources = copy.deepcopy(RESOURCES)
    for resource in resources:
        resource |= changes.get(resource["id"], {})
    return packed(*resources)
