"""A chart written as FHIR is valid, and read again it is the same chart."""

import json
from datetime import UTC, datetime

import pytest

from records.fhir.bundle import Bundle
from records.fhir.element import leaves
from records.fhir.reader import CHARTED, Reader
from records.fhir.reading import read
from records.fhir.writing import write
from records.tests.bundles import DEMO, ada, needs_shared, shared, verified

ADA = ada()


def check_round_trip(data: bytes) -> None:
    for chart in read(data).charts:
        written = write(chart)
        again = read(written)
        assert again.charts == (chart,)
        assert not again.loss.dangling
        assert not again.loss.set_aside
        assert write(again.charts[0]) == written


def check_valid(data: bytes) -> None:
    model = pytest.importorskip("fhir.resources.R4B.bundle", reason="fhir-resources is missing")
    for chart in read(data).charts:
        bundle = model.Bundle.model_validate_json(write(chart))
        assert len(bundle.entry) == len(list(chart.facts()))


@needs_shared
@pytest.mark.parametrize("path", shared(), ids=lambda path: path.name[:20])
def test_the_shared_bundles_come_back_the_same(path):
    check_round_trip(path.read_bytes())


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.name)
def test_the_demo_charts_come_back_the_same(path):
    check_round_trip(path.read_bytes())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"allergy": {"reaction": [{"severity": "moderate"}]}},
        {"allergy": {"category": [], "reaction": []}},
        {"allergy": {"clinicalStatus": {"coding": []}}},
        {"allergy": {"criticality": "unable-to-assess"}},
        {"allergy": verified("allergyintolerance-verification", "unconfirmed")},
        {"allergy": verified("allergyintolerance-verification", "presumed")},
        {"problem": verified("condition-ver-status", "differential")},
        {"problem": {"verificationStatus": {"text": "suspected"}}},
        {"visit": {"class": {}, "type": [], "status": None}},
        {"order": {"dosageInstruction": [{"text": "one in the morning, two at night"}]}},
        {"order": {"status": "completed"}},
        {"potassium": {"valueQuantity": {"value": 0.00001, "unit": "mg"}}},
        {"potassium": {"valueQuantity": {"value": 7}}},
        {"potassium": {"valueQuantity": None, "valueString": "5"}},
        {"potassium": {"valueQuantity": None, "valueInteger": 5}},
        {"potassium": {"valueQuantity": None, "valueBoolean": False}},
        {"potassium": {"code": {"text": "Something of ours"}}},
        {"shot": {"occurrenceDateTime": None}},
        {"pressure": {"valueString": "sitting"}},
        {"ada": {"deceasedDateTime": "2021-01-01", "communication": [], "contact": []}},
        {"ada": {"name": [{"text": "Ada Núñez"}]}},
    ],
    ids=str,
)  # fmt: skip
def test_unusual_charts_come_back_the_same_and_valid(changes):
    check_round_trip(ada(**changes))
    check_valid(ada(**changes))


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.name)
def test_the_demo_charts_are_written_as_valid_r4(path):
    check_valid(path.read_bytes())


# What the chart keeps in another form than its source's: a fact instead of a code or a link.
IN_OTHER_WORDS = {
    "MedicationRequest.dosageInstruction.asNeededBoolean",
    "MedicationRequest.dosageInstruction.timing.repeat.frequency",
    "MedicationRequest.dosageInstruction.timing.repeat.period",
    "MedicationRequest.dosageInstruction.timing.repeat.periodUnit",
    "MedicationRequest.medicationReference.reference",
    "Observation.category.coding.code",
    "Observation.category.coding.system",
    "DiagnosticReport.presentedForm.contentType",
    "DiagnosticReport.presentedForm.data",
}


def check_kept_comes_out(data: bytes) -> None:
    """Each value that the report counts as kept, and kept whole, stands in the export."""
    bundle = Bundle.read(data)
    reader = Reader(bundle, UTC)
    entries = [e for e in bundle.entries if e.type in CHARTED and reader.read(e) is not None]
    (chart,) = read(data).charts
    written = write(chart).decode()
    exported = {plain(value) for _path, _label, value in leaves(json.loads(written))}
    missing = []
    for entry in entries:
        marks = entry.resource.marks
        for path, label, value in entry.resource.leaves():
            name = ".".join((entry.type, *label))
            whole = path in marks.kept and path not in marks.reduced
            found = plain(value) in exported or str(value) in written
            if whole and not found and name not in IN_OTHER_WORDS and "contained" not in path:
                missing.append((name, value))
    assert not missing


def plain(value) -> str:
    """A value so that two ways to write one number or one instant are the same."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    except (TypeError, ValueError):
        return str(value).casefold()


@needs_shared
@pytest.mark.parametrize(
    "path", [p for p in shared() if "Information" not in p.name], ids=lambda path: path.name[:20]
)
def test_whatever_counts_as_kept_comes_out_again(path):
    check_kept_comes_out(path.read_bytes())


def test_whatever_counts_as_kept_of_every_field_that_is_read_comes_out_again():
    check_kept_comes_out(ADA)


def test_a_certainty_that_r4_does_not_know_stands_beside_one_that_it_does():
    presumed = verified("allergyintolerance-verification", "presumed")
    document = json.loads(write(read(ada(allergy=presumed)).charts[0]))
    resources = (entry["resource"] for entry in document["entry"])
    (allergy,) = (one for one in resources if one["resourceType"] == "AllergyIntolerance")
    both = verified("allergyintolerance-verification", "presumed", "unconfirmed")
    assert allergy["verificationStatus"] == both["verificationStatus"]
    assert not any("verification" in field.path for field in lost(json.dumps(document).encode()))


def lost(data: bytes):
    return [field for kind in read(data).loss.types for field in kind.fields]


def test_the_bundle_is_a_collection_whose_references_stay_inside():
    document = json.loads(write(read(DEMO[0].read_bytes()).charts[0]))
    assert (document["resourceType"], document["type"]) == ("Bundle", "collection")
    addresses = [entry["fullUrl"] for entry in document["entry"]]
    assert len(addresses) == len(set(addresses))
