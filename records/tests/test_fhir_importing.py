"""Taking a bundle into the chart: whole, once, and in the facility's own hands."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction

from clinic.errors import Invalid
from clinic.models import LogEntry
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import Denied
from clinic.tests.people import found_facility
from patients import health, readings, registration, search
from patients.models import (
    Allergy,
    Condition,
    Immunization,
    Medication,
    Patient,
    Reading,
    Source,
)
from patients.registration import NumberTaken
from records import timeline
from records.fhir.exporting import chart_of, export_bundle
from records.fhir.importing import Outcome, import_bundle
from records.fhir.parsing import NotFHIR
from records.fhir.reading import read
from records.models import Encounter, Procedure, Report
from records.tests.bundles import (
    DEMO,
    RESOURCES,
    ada,
    needs_shared,
    packed,
    shared,
    verified,
)

MODELS = (
    Patient,
    Encounter,
    Condition,
    Allergy,
    Medication,
    Immunization,
    Reading,
    Procedure,
    Report,
)


def take_in(cast, data: bytes, by: str = "sarah") -> Outcome:
    with cast.acting(by):
        return import_bundle(data=data, facility=cast.harbor, by=cast.people[by])


def rows(facility) -> dict[str, int]:
    with tenancy.system(facility):
        return {model.__name__: model.objects.count() for model in MODELS}


def in_order(chart):
    """The chart's facts by kind and id: rows have no order of their own."""
    return sorted(chart.facts(), key=lambda facts: (facts.resource_type, facts.fhir_id))


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.name)
def test_a_demo_chart_is_stored_whole_and_comes_out_the_same(cast, path):
    data = path.read_bytes()
    outcome = take_in(cast, data)
    (chart,) = read(data, zone=cast.harbor.zone).charts
    assert outcome.created == len(list(chart.facts()))
    assert (outcome.updated, outcome.unchanged) == (0, 0)
    with cast.acting("sarah"):
        patient = Patient.objects.get(pk=outcome.patient.pk)
        assert in_order(chart_of(patient)) == in_order(chart)
        name = f"{chart.patient.first_name} {chart.patient.last_name}"
        assert patient in search.find(cast.sarah, name)


@needs_shared
def test_every_shared_bundle_is_imported(cast):
    for path in shared():
        data = path.read_bytes()
        outcome = take_in(cast, data)
        charts = read(data).charts
        assert outcome.created == sum(len(list(chart.facts())) for chart in charts), path.name
        assert len(outcome.patients) == len(charts) == (0 if "Information" in path.name else 1)
    with cast.acting("sarah"):
        allergies = Allergy.objects.values_list("criticality", "verification_status")
        assert Counter(allergies) == {("low", "confirmed"): 17}
        problems = Condition.objects.values_list("verification_status", flat=True)
        assert Counter(problems) == {"confirmed": 62}


def test_the_same_bundle_again_changes_nothing(cast):
    first = take_in(cast, ada())
    before, entries = rows(cast.harbor), written_entries(cast.harbor)
    again = take_in(cast, ada())
    assert again.patient == first.patient
    assert (again.created, again.updated, again.unchanged) == (0, 0, first.created)
    assert rows(cast.harbor) == before
    assert written_entries(cast.harbor) == entries, "nothing was even written"


def written_entries(facility) -> int:
    with tenancy.system(facility):
        return LogEntry.objects.exclude(action=LogEntry.Action.ACCESS).count()


def test_a_changed_bundle_updates_what_changed(cast):
    patient = take_in(cast, ada()).patient
    changed = ada(
        ada={"telecom": [{"system": "phone", "value": "555-0777"}]},
        potassium={"valueQuantity": {"value": 4.2, "unit": "mmol/L"}, "status": "final"},
        allergy={"clinicalStatus": {"coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
             "code": "resolved"}]}},
    )  # fmt: skip
    outcome = take_in(cast, changed)
    assert (outcome.created, outcome.updated) == (0, 3)
    with cast.acting("sarah"):
        patient.refresh_from_db()
        assert patient.phone == "555-0777"
        assert patient in search.find(cast.sarah, "5550777")
        potassium = Reading.objects.get(fhir_id="potassium")
        assert (potassium.value, potassium.version) == (Decimal("4.2"), 2)
        assert not Allergy.objects.get(patient=patient).is_active


def test_what_was_suspected_and_is_confirmed_later_is_brought_up_to_date(cast):
    take_in(cast, ada(problem=verified("condition-ver-status", "provisional")))
    with cast.acting("sarah"):
        assert Condition.objects.get(fhir_id="problem").is_uncertain
    confirmed = ada(problem=verified("condition-ver-status", "confirmed"))
    assert take_in(cast, confirmed).updated == 1
    with cast.acting("sarah"):
        assert not Condition.objects.get(fhir_id="problem").is_uncertain


def test_what_a_bundle_no_longer_says_stays(cast):
    take_in(cast, ada())
    before = rows(cast.harbor)
    silent = {"telecom": [], "address": [], "identifier": [], "gender": None}
    resource = next(resource for resource in RESOURCES if resource["id"] == "ada") | silent
    outcome = take_in(cast, packed(resource))
    assert (outcome.created, outcome.updated) == (0, 0)
    assert rows(cast.harbor) == before
    with cast.acting("sarah"):
        assert Patient.objects.get(pk=outcome.patient.pk).phone == "555-0199"


def test_what_a_clinician_verified_is_not_overwritten(cast):
    take_in(cast, ada())
    with cast.acting("sarah"):
        allergy = Allergy.objects.get(fhir_id="allergy")
        allergy.allergen, allergy.verified_by = "Penicillin V", cast.sarah
        allergy.save()
    outcome = take_in(cast, ada())
    assert (outcome.updated, outcome.verified) == (0, 1)
    with cast.acting("sarah"):
        assert Allergy.objects.get(fhir_id="allergy").allergen == "Penicillin V"


TAKEN_BACK = [
    ("visit", Encounter, {"status": "entered-in-error"}),
    ("problem", Condition, verified("condition-ver-status", "refuted")),
    ("problem", Condition, verified("condition-ver-status", "entered-in-error")),
    ("allergy", Allergy, verified("allergyintolerance-verification", "refuted")),
    ("order", Medication, {"status": "cancelled"}),
    ("shot", Immunization, {"status": "not-done"}),
    ("potassium", Reading, {"status": "cancelled"}),
    ("suture", Procedure, {"status": "not-done"}),
    ("panel", Report, {"status": "cancelled"}),
]


@pytest.mark.parametrize(("name", "model", "changes"), TAKEN_BACK)
def test_what_the_source_takes_back_holds_no_longer(cast, name, model, changes):
    patient = take_in(cast, ada()).patient
    outcome = take_in(cast, ada(**{name: changes}))
    assert (outcome.created, outcome.taken_back) == (0, 1)
    with cast.acting("sarah"):
        row = model.objects.get(fhir_id=name)
        assert row.is_active is False and row.verified_by is None
        shown = health.of(patient, by=cast.sarah)
        assert row not in [*shown.allergies, *shown.conditions, *shown.medications]
        assert row not in readings.visible_to(cast.sarah)
        assert row not in timeline.encounters(patient, by=cast.sarah, most=50)
        assert name not in {facts.fhir_id for facts in chart_of(patient).facts() if
                            not facts.resource_type.startswith("Medication")}  # fmt: skip
    entries = written_entries(cast.harbor)
    assert take_in(cast, ada(**{name: changes})).taken_back == 0
    assert written_entries(cast.harbor) == entries, "told again, nothing is written"
    assert take_in(cast, ada()).updated >= 1
    with cast.acting("sarah"):
        assert model.objects.get(fhir_id=name).is_active, "and it may come back"


def test_what_a_clinician_verified_is_not_taken_back(cast):
    take_in(cast, ada())
    with cast.acting("sarah"):
        health.amend(fact=Allergy.objects.get(fhir_id="allergy"), by=cast.sarah, severity="severe")
    changes = verified("allergyintolerance-verification", "refuted")
    outcome = take_in(cast, ada(allergy=changes))
    assert (outcome.taken_back, outcome.verified) == (0, 1)
    with cast.acting("sarah"):
        assert Allergy.objects.get(fhir_id="allergy").is_active


def test_a_bundle_takes_nothing_back_of_another_patient(cast):
    take_in(cast, ada())
    bob = {"id": "bob", "identifier": [], "name": [{"family": "Ray", "given": ["Bob"]}]}
    ada_, *rest = (resource for resource in RESOURCES)
    allergy = next(one for one in rest if one["id"] == "allergy")
    allergy = allergy | {"patient": {"reference": "Patient/bob"}}
    allergy |= verified("allergyintolerance-verification", "refuted")
    for resources in ((ada_ | bob, allergy), (ada_, ada_ | bob, allergy)):
        assert take_in(cast, packed(*resources)).taken_back == 0
    with cast.acting("sarah"):
        assert Allergy.objects.get(fhir_id="allergy").is_active


def test_rows_say_that_they_were_imported_and_who_did_it(cast):
    patient = take_in(cast, ada()).patient
    with cast.acting("sarah"):
        assert {row.source for row in Condition.objects.filter(patient=patient)} == {Source.IMPORT}
    with cast.acting("aud"):
        entries = LogEntry.objects.filter(patient_id=patient.pk, action=LogEntry.Action.CREATE)
        resources = {entry.resource for entry in entries}
        assert {"patients.patient", "patients.reading", "records.encounter"} <= resources
        assert {entry.actor_id for entry in entries} == {cast.sarah.pk}


def test_an_attending_practitioner_is_found_among_the_users_by_npi(cast):
    with tenancy.system(cast.harbor):
        cast.omar.npi_number = "1234567893"
        cast.omar.save()
    patient = take_in(cast, ada()).patient
    with cast.acting("sarah"):
        visit = Encounter.objects.get(patient=patient)
        assert (visit.attending_id, visit.attending_name) == (cast.omar.pk, "Dr. Ana Sá")
        exported = json.loads(export_bundle(patient=patient, by=cast.sarah))
    (encounter,) = resources_of(exported, "Encounter")
    assert encounter["participant"][0]["individual"]["identifier"]["value"] == "1234567893"


def test_a_practitioner_of_another_facility_is_not_found(cast):
    with tenancy.system(cast.austa):
        cast.lucia.npi_number = "1234567893"
        cast.lucia.save()
    patient = take_in(cast, ada()).patient
    with cast.acting("sarah"):
        assert Encounter.objects.get(patient=patient).attending_id is None


def resources_of(bundle: dict, kind: str) -> list[dict]:
    resources = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in resources if resource["resourceType"] == kind]


def test_the_same_person_in_two_facilities_is_two_charts(cast):
    here = take_in(cast, ada()).patient
    with cast.acting("lucia"):
        there = import_bundle(data=ada(), facility=cast.austa, by=cast.lucia).patient
        assert here.pk != there.pk
        assert list(Patient.objects.filter(fhir_id="ada")) == [there]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"birthDate": "1970"}, Invalid),
        ({"birthDate": "1790-01-01"}, Invalid),
        ({"name": [{"family": "Núñez"}]}, Invalid),
        ({"gender": "\x00"}, NotFHIR),
    ],
)
def test_a_refused_bundle_stores_nothing(cast, changes, refusal):
    before = rows(cast.harbor)
    with pytest.raises(refusal):
        take_in(cast, ada(ada=changes))
    assert rows(cast.harbor) == before


def test_the_number_of_another_patient_is_refused(cast):
    with cast.acting("sarah"):
        registration.register(
            by=cast.sarah, first_name="Eva", last_name="Roe", date_of_birth=date(1970, 1, 1),
            ssn="123456789",
        )  # fmt: skip
    before = rows(cast.harbor)
    with pytest.raises(NumberTaken):
        take_in(cast, ada())
    assert rows(cast.harbor) == before


def test_dangling_references_are_reported_and_the_rest_is_stored(cast):
    gone = {"reference": "Encounter/gone"}
    outcome = take_in(cast, ada(pressure={"encounter": gone}, suture={"subject": gone}))
    assert len(outcome.loss.dangling) == 2
    assert [note.resource for note in outcome.loss.set_aside] == ["Procedure/suture"]
    with cast.acting("sarah"):
        assert Reading.objects.get(fhir_id="pressure").encounter_fhir_id == ""
        assert not Procedure.objects.filter(patient=outcome.patient).exists()


@pytest.mark.parametrize("name", ["fred", "omar", "phil", "aud"])
def test_who_may_not_register_and_write_charts_may_not_import(cast, name):
    before = rows(cast.harbor)
    with pytest.raises(Denied):
        take_in(cast, ada(), by=name)
    assert rows(cast.harbor) == before


def test_nobody_imports_into_a_facility_that_is_not_acted_in(cast):
    with cast.acting("sarah"), pytest.raises(tenancy.MissingFacility):
        import_bundle(data=ada(), facility=cast.austa, by=cast.sarah)
    with pytest.raises(Denied):
        import_bundle(data=ada(), facility=cast.harbor, by=None)


def test_several_patients_of_one_bundle_are_all_taken_in(cast):
    bob = {"resourceType": "Patient", "id": "bob", "birthDate": "1981-02-03",
           "name": [{"given": ["Bob"], "family": "Roe"}]}  # fmt: skip
    outcome = take_in(cast, packed(*RESOURCES, bob))
    assert [patient.first_name for patient in outcome.patients] == ["Ada Maria", "Bob"]
    assert outcome.patient is None


def test_what_was_written_here_is_exported_and_found_again(cast):
    with cast.acting("sarah"):
        Allergy.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, allergen="Latex", severity="severe",
            reactions=["Swelling"], criticality="high", verification_status="presumed",
        )  # fmt: skip
        data = export_bundle(patient=cast.mr_doe, by=cast.sarah)
        before = rows(cast.harbor)
        outcome = import_bundle(data=data, facility=cast.harbor, by=cast.sarah)
    assert outcome.patient == cast.mr_doe
    assert (outcome.created, outcome.updated, outcome.unchanged) == (0, 0, 2)
    assert rows(cast.harbor) == before


def test_an_export_is_on_the_trail(cast):
    with cast.acting("sarah"):
        export_bundle(patient=cast.mr_doe, by=cast.sarah)
    with cast.acting("aud"):
        entry = LogEntry.objects.filter(action=LogEntry.Action.ACCESS).latest("timestamp")
        assert (entry.patient_id, entry.actor_id) == (cast.mr_doe.pk, cast.sarah.pk)
        assert entry.additional_data["how"] == "download"


def test_a_retracted_reading_is_not_exported(cast):
    patient = take_in(cast, ada()).patient
    with cast.acting("sarah"):
        Reading.objects.filter(fhir_id="potassium").update(is_active=False)
        exported = json.loads(export_bundle(patient=patient, by=cast.sarah))
    found = [resource["id"] for resource in resources_of(exported, "Observation")]
    assert sorted(found) == ["pressure", "smoking", "troponin"]


def test_who_may_not_read_charts_may_not_export(cast):
    with cast.acting("fred"), pytest.raises(Denied):
        export_bundle(patient=cast.mr_doe, by=cast.fred)


@pytest.fixture
def standing_facility(django_db_setup, django_db_blocker):
    """A facility that is committed, so that other connections see it too; it stays, in its own."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            facility = found_facility(f"twice-{uuid7().hex[-8:]}", "Twice", "UTC")
        yield facility
        connection.close()


def test_imports_at_once_make_one_patient(standing_facility):
    def once(_number: int) -> tuple[int, int]:
        try:
            with tenancy.system(standing_facility):
                outcome = import_bundle(data=ada(), facility=standing_facility, by=None)
            return outcome.created, outcome.unchanged
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        results = sorted(threads.map(once, range(4)))
    everything = len(RESOURCES) - 1
    assert results == [(0, everything)] * 3 + [(everything, 0)]
    with tenancy.system(standing_facility), transaction.atomic():
        assert Patient.objects.count() == 1
