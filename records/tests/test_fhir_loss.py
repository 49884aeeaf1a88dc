"""The loss report: what was kept and what was lost make the whole, and every loss is named."""

import json
from collections import Counter
from datetime import UTC, date
from typing import Any

import pytest

from records.fhir.bundle import Bundle
from records.fhir.loss import LossReport, combined
from records.fhir.printing import as_text
from records.fhir.reader import CHARTED, Reader
from records.fhir.reading import read
from records.tests.bundles import DEMO, RESOURCES, ada, needs_shared, shared, verified


def paths(value: Any, path: tuple = ()) -> list[tuple]:
    """A naive list of all paths to a scalar."""
    if isinstance(value, dict):
        return [below for name in value for below in paths(value[name], (*path, name))]
    if isinstance(value, list):
        return [below for n, item in enumerate(value) for below in paths(item, (*path, n))]
    return [] if value is None else [path]


def check_adds_up(data: bytes) -> None:
    """Kept and lost paths are all paths: counted naively, by the marks, and by the report."""
    bundle = Bundle.read(data)
    reader = Reader(bundle, UTC)
    for entry in bundle.entries:
        if entry.type in CHARTED:
            reader.read(entry)
    everything, kept, of_kept = 0, 0, Counter()
    for entry in bundle.entries:
        resource = {name: entry.resource.peek(name) for name in entry.resource._json}
        found = paths(resource)
        marked = entry.resource.marks.kept
        assert marked <= set(found), "nothing is kept that is not there"
        everything += len(found)
        if reader.facts.get(entry.name) is None:
            assert not marked, "of what is not kept, nothing is"
        else:
            kept += len(marked)
            of_kept[entry.type] += len(found) - len(marked)
    lost = lost_values(read(data).loss)
    lost.pop("Bundle", None)
    assert lost == +of_kept
    unkept = sum(
        len(paths(entry.resource._json))
        for entry in bundle.entries
        if reader.facts.get(entry.name) is None
    )
    assert kept + lost.total() + unkept == everything


def lost_values(loss: LossReport) -> Counter[str]:
    return +Counter({kind.type: sum(field.lost for field in kind.fields) for kind in loss.types})


@needs_shared
@pytest.mark.parametrize("path", shared(), ids=lambda path: path.name[:20])
def test_kept_and_lost_paths_of_the_shared_bundles_are_all_paths(path):
    check_adds_up(path.read_bytes())


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.name)
def test_kept_and_lost_paths_of_the_demo_charts_are_all_paths(path):
    check_adds_up(path.read_bytes())


def lost_fields(data: bytes) -> dict[str, tuple[int, int]]:
    kinds = read(data).loss.types
    return {field.path: (field.lost, field.present) for kind in kinds for field in kind.fields}


def test_every_field_that_is_not_kept_is_named():
    assert set(lost_fields(ada())) == {
        "Bundle.type",
        "Patient.name[official].use",
        "Patient.telecom[phone].use",
        "Patient.telecom[phone].value",
        "Patient.telecom[phone].system",
        "Encounter.reasonCode.coding.code",
        "Encounter.reasonCode.coding.system",
        "Practitioner.id",
        "Practitioner.identifier[us-npi]",
        "AllergyIntolerance.reaction.severity",
        "Observation.category.coding.display",
        "Observation.category.text",
        "Observation.interpretation.coding.display",
        "Observation.interpretation.text",
        "Observation.valueCodeableConcept.coding.code",
        "Observation.valueCodeableConcept.coding.system",
    }


def test_how_sure_and_how_dangerous_is_not_lost():
    allergy = {"criticality": "high"} | verified("allergyintolerance-verification", "unconfirmed")
    problem = verified("condition-ver-status", "provisional")
    assert lost_fields(ada(allergy=allergy, problem=problem)) == lost_fields(ada())
    own_words = {"verificationStatus": {"text": "suspected", "coding": [{"code": "maybe"}]}}
    fields = lost_fields(ada(problem=own_words))
    assert fields["Condition.verificationStatus"] == (2, 2), "it is unconfirmed; its words are lost"


def test_a_field_nobody_has_heard_of_is_named_too():
    extension = [
        {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race/", "valueCode": "x"},
        {"url": "urn:other", "extension": [{"url": "text", "valueString": "y"}]},
    ]
    fields = lost_fields(ada(ada={"extension": extension, "favourite": {"colour": ["red"]}}))
    assert fields["Patient.extension[us-core-race]"] == (2, 2)
    assert fields["Patient.extension[urn:other]"] == (3, 3)
    assert fields["Patient.favourite"] == (1, 1)


def test_what_is_kept_of_some_resources_only_is_counted():
    fields = lost_fields(ada(smoking={"effectiveDateTime": 7, "issued": "2020-05-01T09:05:00Z"}))
    assert fields["Observation.effectiveDateTime"] == (1, 4)


def test_a_strangers_field_name_cannot_draw_on_the_terminal():
    fields = lost_fields(ada(ada={"\x1b[2Jgone\n": 1}))
    assert "Patient.?[2Jgone?" in fields


def test_what_is_kept_in_part_is_told():
    reduced = {
        (item.path, item.how): item.values
        for kind in read(ada()).loss.types
        for item in kind.reduced
    }
    assert reduced == {
        ("Encounter.participant.individual.reference", "kept as a name"): 1,
        ("MedicationRequest.requester.reference", "kept as a name"): 1,
        ("MedicationRequest.reasonReference.reference", "kept as a name"): 1,
        ("Condition.clinicalStatus.coding.code", "kept as active"): 1,
        ("Condition.onsetDateTime", "kept as a day, without the time"): 1,
        ("Observation.component.valueQuantity.value", "rounded to four decimals"): 1,
    }


def test_references_that_lead_nowhere_are_reported_and_the_rest_is_read():
    gone = {"reference": "Encounter/gone"}
    reading = read(ada(pressure={"encounter": gone}, panel={"result": [gone], "encounter": gone}))
    assert [(note.resource, note.path) for note in reading.loss.dangling] == [
        ("Observation/pressure", "Observation.encounter.reference"),
        ("DiagnosticReport/panel", "DiagnosticReport.result[0].reference"),
        ("DiagnosticReport/panel", "DiagnosticReport.encounter.reference"),
    ]
    assert "Encounter/gone" in reading.loss.dangling[0].reason
    assert reading.charts[0].readings[0].encounter_fhir_id == ""
    assert sum(kind.kept for kind in reading.loss.types) == len(RESOURCES) + 1
    lost = {field.path for kind in reading.loss.types for field in kind.fields}
    assert {"DiagnosticReport.result", "DiagnosticReport.encounter"} <= lost


def test_values_that_are_hard_to_believe_are_kept_flagged_and_reported():
    loinc = {"coding": [{"system": "http://loinc.org", "code": "8302-2"}], "text": "Height"}
    height = {"code": loinc, "valueQuantity": {"value": 1800, "unit": "cm"}}
    low = [{"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": "mm[Hg]"}}
           for code, value in (("8480-6", 60), ("8462-4", 90))]  # fmt: skip
    data = ada(
        potassium=height,
        pressure={"component": low},
        visit={"period": {"start": "2020-05-01", "end": "2020-04-01"}},
        shot={"occurrenceDateTime": "1960-01-01"},
        problem={"onsetDateTime": "2031-01-01"},
        order={"authoredOn": "1870-01-01"},
    )
    reading = read(data, today=date(2030, 1, 1))
    assert {(note.resource, note.path, note.reason) for note in reading.loss.doubts} == {
        ("Observation/potassium", "Observation.value", "1800.0000 is outside 20 to 280 cm"),
        ("Observation/pressure", "Observation.value",
         "the systolic pressure is below the diastolic"),
        ("Encounter/visit", "Encounter.ended_at", "before its start"),
        ("Immunization/shot", "Immunization.given_at", "before the patient was born"),
        ("Condition/problem", "Condition.onset_date", "in the future"),
        ("MedicationRequest/order", "MedicationRequest.active_from", "before 1880"),
    }  # fmt: skip
    flags = {facts.fhir_id: facts.flags for facts in reading.charts[0].readings}
    assert flags["potassium"] == ["preliminary", "H", "implausible"]
    assert flags["troponin"] == []


def test_no_name_or_number_of_the_patient_is_in_the_report():
    gone = {"reference": "Encounter/gone"}
    wrong = {"birthDate": "4 March 1970", "gender": "Lady"}
    text = json.dumps(read(ada(ada=wrong, pressure={"encounter": gone})).loss.as_json())
    assert "gone" in text
    for secret in ("Ada", "Núñez", "N\\u00fa", "123-45", "555-01", "High Street", "March", "Lady"):
        assert secret not in text


def test_the_report_as_text():
    text = as_text(read(ada(pressure={"encounter": {"reference": "Encounter/gone"}})).loss)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Resource type in the file kept not kept" in lines
    assert "Observation 4 4 0" in lines
    assert "Practitioner.identifier[us-npi] 2 2" in lines
    assert "Condition.onsetDateTime 1 kept as a day, without the time" in lines
    assert any("Encounter/gone is not in this bundle" in line for line in lines)


def test_long_lists_are_cut_in_the_text_but_not_in_json():
    result = [{"reference": f"Observation/gone{n}"} for n in range(60)]
    loss = read(ada(panel={"result": result})).loss
    assert "and 10 more" in as_text(loss)
    assert len(loss.as_json()["dangling"]) == 60


def test_reports_add_up_over_files():
    one = read(ada()).loss
    both = combined([one, one])
    assert [(kind.present, kind.kept) for kind in both.types] == [
        (2 * kind.present, 2 * kind.kept) for kind in one.types
    ]
    assert lost_values(both) == lost_values(one) + lost_values(one)
    assert [item.values for kind in both.types for item in kind.reduced] == [2] * 6
