"""What the chart gets from a bundle: every resource of each kind, in the chart's own words."""

import json
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from records.fhir.facts import Chart
from records.fhir.parsing import decompressed
from records.fhir.reader import CHARTED
from records.fhir.reading import read
from records.tests.bundles import DEMO, ada, needs_shared, of_ada, packed, shared, verified

NEW_YORK = ZoneInfo("America/New_York")
EDT = timezone(timedelta(hours=-4))


def kinds(data: bytes) -> Counter[str]:
    """A naive count, by nothing but `resourceType`."""
    entries = json.loads(decompressed(data))["entry"]
    return Counter(entry["resource"]["resourceType"] for entry in entries)


def check_complete(data: bytes) -> None:
    started = time.perf_counter()
    reading = read(data)
    assert time.perf_counter() - started < 10
    expected = kinds(data)
    counted = Counter(facts.resource_type for chart in reading.charts for facts in chart.facts())
    assert counted == {kind: n for kind, n in expected.items() if kind in CHARTED}
    reported = {loss.type: (loss.present, loss.kept) for loss in reading.loss.types}
    assert {kind: present for kind, (present, _kept) in reported.items()} == expected | {
        "Bundle": 1
    }
    assert all(reported[kind] == (n, n) for kind, n in counted.items())
    assert not reading.loss.dangling
    assert not reading.loss.set_aside
    assert not reading.loss.doubts


@needs_shared
@pytest.mark.parametrize("path", shared(), ids=lambda path: path.name[:20])
def test_every_shared_bundle_is_read_whole(path):
    check_complete(path.read_bytes())


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.name)
def test_every_demo_chart_is_read_whole(path):
    check_complete(path.read_bytes())


def test_the_demo_charts_are_varied():
    patients = [read(path.read_bytes()).charts[0].patient for path in DEMO]
    names = {f"{patient.first_name} {patient.last_name}" for patient in patients}
    assert {"Agustín Fonseca", "Gustavo Mejía"} <= names
    assert {patient.gender for patient in patients} == {"female", "male"}
    births = sorted(patient.date_of_birth for patient in patients)
    assert births[0].year < 1965
    assert births[-1].year > 2010


@pytest.fixture(scope="module")
def chart() -> Chart:
    (chart,) = read(ada(), zone=NEW_YORK).charts
    return chart


def test_a_patient(chart):
    patient = chart.patient
    assert (patient.first_name, patient.last_name) == ("Ada Maria", "Núñez")
    assert patient.date_of_birth == date(1970, 3, 4)
    assert (patient.gender, patient.ssn) == ("female", "123-45-6789")
    assert patient.phone == "555-0199", "the mobile before the one at work"
    assert patient.address == {
        "line1": "1 High Street",
        "line2": "Flat 2",
        "city": "Boston",
        "zip_code": "02108",
    }
    contact = {"name": "Eva Núñez", "relationship": "Daughter", "phone": "555-0111"}
    assert patient.emergency_contact == contact
    assert patient.preferred_language == "pt-BR"


def test_a_visit(chart):
    (visit,) = chart.encounters
    assert (visit.display, visit.code, visit.encounter_class) == ("Check up", "185349003", "AMB")
    assert visit.started_at == datetime(2020, 5, 1, 9, 0, tzinfo=EDT)
    assert visit.ended_at - visit.started_at == timedelta(minutes=30)
    assert (visit.attending_name, visit.attending_npi) == ("Dr. Ana Sá", "1234567893")
    assert (visit.provider_name, visit.reason) == ("Harbor Hospital", "Viral sinusitis")


def test_a_problem_with_its_day_in_the_facility(chart):
    (problem,) = chart.conditions
    assert problem.onset_date == date(2020, 4, 30), "one o'clock UTC is the evening before"
    assert (problem.status, problem.is_active) == ("active", True)
    assert problem.code_system == "http://snomed.info/sct"


def test_an_allergy_with_its_worst_reaction(chart):
    (allergy,) = chart.allergies
    assert (allergy.allergen, allergy.allergen_category) == ("Allergy to penicillin", "medication")
    assert allergy.reactions == ["Hives", "Anaphylaxis"]
    assert allergy.severity == "anaphylactic"


@pytest.mark.parametrize("criticality", ["low", "high", "unable-to-assess"])
def test_an_allergy_with_its_criticality(criticality):
    (allergy,) = read(ada(allergy={"criticality": criticality})).charts[0].allergies
    assert allergy.criticality == criticality


def test_a_criticality_of_nobodys_is_none_and_reported():
    reading = read(ada(allergy={"criticality": "deadly"}))
    assert reading.charts[0].allergies[0].criticality == ""
    assert [note.path for note in reading.loss.doubts] == ["AllergyIntolerance.criticality"]


ALLERGY, PROBLEM = "allergyintolerance-verification", "condition-ver-status"


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("allergy", {}, ""),
        ("allergy", {"verificationStatus": None}, ""),
        ("allergy", verified(ALLERGY, "unconfirmed"), "unconfirmed"),
        ("allergy", verified(ALLERGY, "presumed"), "presumed"),
        ("allergy", verified(ALLERGY, "confirmed"), "confirmed"),
        ("allergy", verified(ALLERGY, "unconfirmed", "presumed"), "presumed"),
        ("allergy", verified(ALLERGY, "provisional"), "unconfirmed"),
        ("problem", verified(PROBLEM, "unconfirmed"), "unconfirmed"),
        ("problem", verified(PROBLEM, "unconfirmed", "provisional"), "provisional"),
        ("problem", verified(PROBLEM, "differential"), "differential"),
        ("problem", verified(PROBLEM, "confirmed"), "confirmed"),
        ("problem", verified(PROBLEM, "confirmed", "unconfirmed"), "unconfirmed"),
        ("problem", verified(PROBLEM, "presumed"), "unconfirmed"),
        ("problem", {"verificationStatus": {"coding": [{"code": "confirmed"}]}}, "confirmed"),
        ("problem", {"verificationStatus": {"text": "suspected"}}, "unconfirmed"),
        ("problem", {"verificationStatus": "confirmed"}, "unconfirmed"),
        ("problem", {"verificationStatus": {"coding": [{"code": ["confirmed"]}]}}, "unconfirmed"),
    ],
)
def test_what_is_not_said_to_be_sure_is_not_taken_for_sure(name, changes, expected):
    (chart,) = read(ada(**{name: changes})).charts
    (facts,) = chart.allergies if name == "allergy" else chart.conditions
    assert facts.verification_status == expected


def test_a_medicine_named_by_reference_with_its_reason(chart):
    (medicine,) = chart.medications
    assert (medicine.generic_name, medicine.code) == ("Acetaminophen 325 MG", "313782")
    assert medicine.dosage == "2 tablet"
    assert medicine.frequency == "1 per 8 hours, as needed"
    assert (medicine.route, medicine.indication) == ("by mouth", "Viral sinusitis")
    assert (medicine.prescribed_by, medicine.active_from) == ("Dr. Ana Sá", date(2020, 5, 1))


def test_a_vaccine(chart):
    (shot,) = chart.immunizations
    assert (shot.vaccine, shot.code, shot.dose_number) == ("Influenza", "140", 2)


def test_readings(chart):
    pressure, potassium, troponin, smoking = chart.readings
    assert (pressure.reading_type, pressure.value, pressure.unit) == (
        "blood_pressure",
        Decimal(121),
        "mm[Hg]",
    )
    (diastolic,) = pressure.components
    assert diastolic["value"] == "82.1205"
    assert diastolic["display"] == "Diastolic Blood Pressure"
    assert pressure.encounter_fhir_id == "visit"
    assert (potassium.value, potassium.unit) == (Decimal("5.31"), "mmol/L")
    assert (potassium.reference_low, potassium.reference_high) == (Decimal("3.5"), Decimal("5.1"))
    assert potassium.flags == ["preliminary", "H"]
    assert (troponin.value, troponin.text) == (None, "< 0.01"), "not as though it were 0.01"
    assert (smoking.reading_type, smoking.text) == ("survey", "Never smoker")


def test_a_procedure_and_a_report(chart):
    (suture,) = chart.procedures
    assert (suture.display, suture.encounter_fhir_id) == ("Suture open wound", "visit")
    assert suture.ended_at - suture.performed_at == timedelta(minutes=10)
    (panel,) = chart.reports
    assert (panel.results, panel.conclusion) == (["potassium"], "All well.")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"problem": {"verificationStatus": {"coding": [{"code": "refuted"}]}}}, "conditions"),
        (
            {"problem": {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}},
            "conditions",
        ),
        ({"problem": {"code": {}}}, "conditions"),
        ({"problem": {"subject": {"reference": "Patient/gone"}}}, "conditions"),
        ({"problem": {"subject": {"reference": "Encounter/visit"}}}, "conditions"),
        ({"problem": {"modifierExtension": [{"url": "x", "valueBoolean": True}]}}, "conditions"),
        ({"allergy": {"code": {"coding": [
            {"system": "http://snomed.info/sct", "code": "716186003"}]}}}, "allergies"),
        ({"order": {"doNotPerform": True}}, "medications"),
        ({"order": {"intent": "proposal"}}, "medications"),
        ({"order": {"status": "cancelled"}}, "medications"),
        ({"order": {"medicationReference": {"reference": "#none"}}}, "medications"),
        ({"order": {"dosageInstruction": [
            {"modifierExtension": [{"url": "x:not", "valueBoolean": True}]}]}}, "medications"),
        ({"shot": {"status": "not-done"}}, "immunizations"),
        ({"shot": {"status": "entered-in-error"}}, "immunizations"),
        ({"suture": {"status": "not-done"}}, "procedures"),
        ({"panel": {"status": "cancelled"}}, "reports"),
        ({"visit": {"status": "entered-in-error"}}, "encounters"),
    ],
)  # fmt: skip
def test_what_must_not_be_believed_is_set_aside(changes, place):
    reading = read(ada(**changes))
    assert getattr(reading.charts[0], place) == ()
    (note,) = reading.loss.set_aside
    assert note.resource.endswith(f"/{next(iter(changes))}")
    (loss,) = [loss for loss in reading.loss.types if loss.type == note.resource.split("/")[0]]
    assert (loss.present, loss.kept) == (1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "cancelled"},
        {"effectiveDateTime": None},
        {"effectiveDateTime": "2020-05"},
        {"valueQuantity": None},
        {"valueQuantity": None, "valueSampledData": {"data": "1 2"}},
        {"valueQuantity": {"value": "5"}},
        {"code": {"coding": []}},
    ],
)
def test_a_reading_without_what_when_or_how_much_is_set_aside(changes):
    reading = read(ada(potassium=changes))
    assert [facts.fhir_id for facts in reading.charts[0].readings] == [
        "pressure",
        "troponin",
        "smoking",
    ]
    assert [note.resource for note in reading.loss.set_aside] == ["Observation/potassium"]


def test_nothing_is_hung_on_another_patient():
    other = {"resourceType": "Patient", "id": "bob", "name": [{"text": "Bob Roe"}]}
    theirs = of_ada("Encounter", id="theirs", status="finished") | {
        "subject": {"reference": "Patient/bob"}
    }
    entries = json.loads(ada(pressure={"encounter": {"reference": "Encounter/theirs"}}))["entry"]
    resources = [entry["resource"] for entry in entries]
    first, second = read(packed(*resources, other, theirs)).charts
    assert first.readings[0].encounter_fhir_id == "", "a visit of somebody else's"
    assert [facts.fhir_id for facts in second.encounters] == ["theirs"]
    assert second.readings == ()


@pytest.mark.parametrize(
    ("written", "value", "text"),
    [
        (178.69452709041775, "178.6945", ""),
        (0.00001, None, "0.00001"),  # four decimals would make it nothing
        (12345678901, None, "12345678901"),  # more digits than the column has
        (-3, "-3", ""),
        (0, "0", ""),
    ],
)
def test_a_number_is_rounded_only_where_that_changes_nothing(written, value, text):
    quantity = {"valueQuantity": {"value": written, "unit": "mg"}}
    reading = read(ada(potassium=quantity)).charts[0].readings[1]
    assert reading.value == (None if value is None else Decimal(value))
    assert reading.text == text


def test_the_unit_is_the_ucum_code_where_there_is_one():
    ucum = "http://unitsofmeasure.org"
    quantity = {"value": 72, "unit": "beats/minute", "system": ucum, "code": "/min"}
    assert read(ada(potassium={"valueQuantity": quantity})).charts[0].readings[1].unit == "/min"
    quantity = {"value": 72, "unit": "beats/minute", "system": "urn:own", "code": "bpm"}
    reading = read(ada(potassium={"valueQuantity": quantity})).charts[0].readings[1]
    assert reading.unit == "beats/minute"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-02-30", None),
        ("2020-02", None),
        ("2020", None),
        ("9999-12-31", None),
        ("0001-01-01", None),
        ("yesterday", None),
        ("2020-05-01", datetime(2020, 5, 1, tzinfo=NEW_YORK)),
        ("2020-05-01T09:05", datetime(2020, 5, 1, 9, 5, tzinfo=NEW_YORK)),
        ("2020-05-01T09:05:06.123456789Z", datetime(2020, 5, 1, 9, 5, 6, 123456, tzinfo=UTC)),
    ],
)
def test_times_as_they_are_written_in_practice(written, expected):
    changes = {"occurrenceDateTime": written}
    assert read(ada(shot=changes), zone=NEW_YORK).charts[0].immunizations[0].given_at == expected


def test_an_identity_that_cannot_be_is_not_kept():
    identifiers = [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "12"},
        {"system": "urn:oid:2.16.840.1.113883.13.237", "value": "111.111.111-11"},
    ]
    reading = read(ada(ada={"identifier": identifiers, "gender": "F"}))
    patient = reading.charts[0].patient
    assert (patient.ssn, patient.cpf, patient.gender) == ("", "", "unknown")
    assert {note.path for note in reading.loss.doubts} == {
        "Patient.identifier[0].value",
        "Patient.identifier[1].value",
        "Patient.gender",
    }


def test_hospitals_and_practitioners_alone_make_no_chart():
    practitioner = {"resourceType": "Practitioner", "id": "1", "name": [{"family": "Sá"}]}
    reading = read(packed(practitioner))
    assert reading.charts == ()
    assert [(loss.type, loss.present, loss.kept) for loss in reading.loss.types] == [
        ("Bundle", 1, 1),
        ("Practitioner", 1, 0),
    ]
