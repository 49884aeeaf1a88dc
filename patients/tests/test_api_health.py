"""The health profile in the API: recorded, corrected, retired; by whom, and by whom not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from patients import health
from patients.models import Allergy, Reading

NOW = timezone.now().isoformat(timespec="seconds")
FACTS = {
    "allergies": {
        "allergen": "Penicillin", "allergen_category": "medication", "severity": "anaphylactic",
        "criticality": "high", "verification_status": "presumed",
        "reactions": ["Hives", "Swelling"], "emergency_medication": "Epinephrine",
    },
    "medications": {
        "generic_name": "Metformin", "brand_name": "Glucophage", "dosage": "500 mg",
        "frequency": "twice a day", "route": "oral", "indication": "Diabetes",
        "prescribed_by": "Dr. Smith", "active_from": "2024-01-31", "active_until": "2099-01-31",
    },
    "conditions": {
        "display": "Hypertension", "code": "I10", "code_system": "ICD-10-CM", "status": "active",
        "verification_status": "provisional", "onset_date": "2020-02-29",
    },
    "readings": {
        "reading_type": "blood_pressure", "value": 128.5, "unit": "mmHg", "taken_at": NOW,
        "trend_direction": "rising",
        "components": [{"display": "Diastolic", "value": "82", "unit": "mmHg"}],
    },
    "immunizations": {"vaccine": "Influenza", "given_at": NOW, "dose_number": 1},
}  # fmt: skip
CHANGES = {
    "allergies": {"severity": "mild", "criticality": "", "verification_status": "confirmed"},
    "medications": {"dosage": "850 mg"},
    "conditions": {"status": "resolved", "abatement_date": "2024-01-01"},
    "readings": {"value": 131},
    "immunizations": {"dose_number": 2},
}  # fmt: skip


def test_each_kind_is_recorded_read_corrected_and_retired(api, cast):
    sarah = api("sarah")
    for kind, facts in FACTS.items():
        path = f"patients/{cast.mr_doe.pk}/{kind}/"
        made = sarah.post(path, facts)
        assert made.status_code == 201, (kind, made.content)
        body = made.json()
        sent = {name: body[name] for name in facts if not name.endswith("_at")}
        assert sent == {n: v for n, v in facts.items() if not n.endswith("_at")}
        assert body["source"] == "clinician" and body["verified_by"] == str(cast.sarah.pk)
        one = f"{path}{body['id']}/"
        assert sarah.get(one).json() == body
        changed = sarah.patch(one, CHANGES[kind], If_Match=made["ETag"])
        assert changed.status_code == 200, changed.content
        assert {n: changed.json()[n] for n in CHANGES[kind]} == CHANGES[kind]
        assert sarah.patch(one, CHANGES[kind], If_Match=made["ETag"]).status_code == 412
        assert [r["id"] for r in sarah.get(path).json()["results"]] == [body["id"]]
        assert sarah.delete(one, If_Match=made["ETag"]).status_code == 412
        assert sarah.delete(one).status_code == 204
        assert sarah.get(path, is_active="true").json()["results"] == []
        assert sarah.get(one).json()["is_active"] is False


def test_what_cannot_be_is_named(api, cast):
    nina = api("nina")
    ahead = (timezone.now() + timedelta(days=3)).isoformat()
    for kind, change, field in (
        ("allergies", {"allergen": ""}, "allergen"),
        ("allergies", {"severity": "deadly"}, "severity"),
        ("allergies", {"criticality": "deadly"}, "criticality"),
        ("allergies", {"criticality": None}, "criticality"),
        ("allergies", {"verification_status": "differential"}, "verification_status"),
        ("allergies", {"verification_status": "doubted"}, "verification_status"),
        ("allergies", {"reactions": "Hives"}, "reactions"),
        ("allergies", {"reactions": ["a\x00"]}, "reactions"),
        ("allergies", {"allergen": "x" * 201}, "allergen"),
        ("allergies", {"source": "patient"}, "source"), ("allergies", {"patient": "x"}, "patient"),
        ("allergies", {"verified_by": None}, "verified_by"),
        ("medications", {"active_until": "2023-01-01"}, "active_until"),
        ("conditions", {"verification_status": "presumed"}, "verification_status"),
        ("conditions", {"verification_status": True}, "verification_status"),
        ("conditions", {"abatement_date": "2019-01-01"}, "abatement_date"),
        ("conditions", {"onset_date": "2999-01-01"}, "onset_date"),
        ("readings", {"value": "128"}, "value"), ("readings", {"value": 10**20}, "value"),
        ("readings", {"value": 1.23456789}, "value"), ("readings", {"value": True}, "value"),
        ("readings", {"value": None}, "value"), ("readings", {"taken_at": ahead}, "taken_at"),
        ("readings", {"taken_at": "2026-01-01T10:00:00"}, "taken_at"),
        ("readings", {"reading_type": "weight", "unit": ""}, "unit"),
        ("readings", {"components": [{"value": "1"}]}, "components.0.display"),
        ("immunizations", {"dose_number": -1}, "dose_number"),
        ("immunizations", {"dose_number": 10**30}, "dose_number"),
        ("immunizations", {"given_at": "2026-13-01T10:00:00Z"}, "given_at"),
    ):  # fmt: skip
        path = f"patients/{cast.mr_doe.pk}/{kind}/"
        answer = nina.post(path, FACTS[kind] | change)
        found = wrong_fields(answer)
        assert any(name.startswith(field) for name in found), (kind, change, found)
        assert nina.get(path).json()["results"] == [], (kind, change)


def test_readings_are_newest_first_and_by_kind(api, cast):
    sarah, path = api("sarah"), f"patients/{cast.mr_doe.pk}/readings/"
    for day, kind in ((1, "heart_rate"), (3, "weight"), (2, "heart_rate")):
        taken = (timezone.now() - timedelta(days=day)).isoformat()
        body = {"reading_type": kind, "value": day, "unit": "x", "taken_at": taken}
        assert sarah.post(path, body).status_code == 201
    assert [r["value"] for r in sarah.get(path).json()["results"]] == [1, 2, 3]
    hearts = sarah.get(path, reading_type="heart_rate").json()["results"]
    assert [r["value"] for r in hearts] == [1, 2]
    assert "reading_type" in wrong_fields(sarah.get(path, reading_type="mood"))


def test_who_reads_no_clinical_content_gets_none(api, cast):
    path = f"patients/{cast.mr_doe.pk}/allergies/"
    made = api("sarah").post(path, FACTS["allergies"]).json()
    for name, reading, writing in (
        ("fred", 403, 403), ("aud", 403, 403), ("omar", 404, 404), ("lucia", 404, 404),
        ("ana", 404, 403), ("jane", 404, 403), ("john", 200, 403),
    ):  # fmt: skip
        program = api(name)
        for address in (path, f"{path}{made['id']}/"):
            answer = program.get(address)
            assert answer.status_code == reading, (name, address)
            assert reading == 200 or b"Penicillin" not in answer.content
        assert program.post(path, FACTS["allergies"]).status_code == writing, name
        change = program.patch(f"{path}{made['id']}/", {"allergen": "Planted"})
        assert change.status_code == writing, name
        assert program.delete(f"{path}{made['id']}/").status_code == writing, name
    with cast.acting("sarah"):
        assert [a.allergen for a in Allergy.objects.all()] == ["Penicillin"]


def test_a_fact_is_found_below_its_own_patient_only(api, cast):
    sarah = api("sarah")
    made = sarah.post(f"patients/{cast.mr_doe.pk}/readings/", FACTS["readings"]).json()
    for patient in (cast.jimmy.pk, cast.dona_ana.pk, nobody_id(), "nonsense"):
        for answer in (
            sarah.get(f"patients/{patient}/readings/{made['id']}/"),
            sarah.patch(f"patients/{patient}/readings/{made['id']}/", {"value": 1}),
            sarah.delete(f"patients/{patient}/readings/{made['id']}/"),
        ):
            assert answer.status_code == 404
    with cast.acting("sarah"):
        assert float(Reading.objects.get(pk=made["id"]).value) == 128.5


@pytest.mark.parametrize("kind", ["allergies", "conditions"])
@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_what_is_refuted_holds_no_longer(api, cast, kind, status):
    path, sarah = f"patients/{cast.mr_doe.pk}/{kind}/", api("sarah")
    made = sarah.post(path, FACTS[kind]).json()
    where = f"{path}{made['id']}/"
    taken_back = sarah.patch(where, {"verification_status": status}).json()
    assert taken_back["is_active"] is False
    assert sarah.patch(where, {"is_active": True}).json()["is_active"] is False
    with cast.acting("sarah"):
        profile = health.of(cast.mr_doe, by=cast.sarah)
        shown = [*profile.allergies, *profile.conditions]
        assert made["id"] not in {str(fact.pk) for fact in shown}
    again = {"verification_status": "confirmed", "is_active": True}
    assert sarah.patch(where, again).json()["is_active"] is True
