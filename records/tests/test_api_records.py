"""Medical records in the API: written, changed, made final; by whom, and by whom not."""

from datetime import timedelta

from django.utils import timezone

from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from records.models import MedicalRecord
from scheduling.tests.hours import at, open_hours, visit

CONTENT = {
    "department": "Family medicine", "primary_diagnosis": "Acute sinusitis",
    "secondary_diagnoses": ["Allergic rhinitis"], "treatment": "Saline rinse", "notes": "Fever",
    "vital_signs": {"systolic": 120, "diastolic": 80, "temperature": 38.2},
}  # fmt: skip


def record(cast, **change) -> dict:
    return {"patient": str(cast.mr_doe.pk)} | CONTENT | change


def stored(cast) -> list[MedicalRecord]:
    with cast.acting("alma"):
        return list(MedicalRecord.objects.order_by("id"))


def test_a_record_from_its_draft_to_its_end(api, cast):
    sarah = api("sarah")
    appointment = visit(cast, open_hours(cast), cast.mr_doe, at(9, days=-1))
    made = sarah.post("medical-records/", record(cast, appointment=str(appointment.pk)))
    assert made.status_code == 201, made.content
    body = made.json()
    assert {n: body[n] for n in CONTENT} == CONTENT
    assert body["status"] == "draft" and body["author"] == str(cast.sarah.pk)
    assert body["signed_at"] is body["signature_valid"] is None
    assert body["visit_date"].startswith(appointment.start_datetime.strftime("%Y-%m-%d"))
    path = f"medical-records/{body['id']}/"
    changed = sarah.patch(path, {"notes": "No fever"}, If_Match=made["ETag"])
    assert changed.json()["notes"] == "No fever"
    assert sarah.post(f"{path}sign/", {}, If_Match=made["ETag"]).status_code == 412
    signed = sarah.post(f"{path}sign/", If_Match=changed["ETag"])
    assert signed.json()["status"] == "final"
    assert sarah.patch(path, {"notes": "Planted"}).status_code == 409
    assert sarah.post(f"{path}sign/").status_code == 409
    assert sarah.get(path).json()["notes"] == "No fever"
    listed = sarah.get("medical-records/", patient=cast.mr_doe.pk).json()["results"]
    assert [r["id"] for r in listed] == [body["id"]]
    assert sarah.get("medical-records/", patient=cast.jimmy.pk).json()["results"] == []


def test_what_cannot_be_is_named_and_nothing_is_stored(api, cast):
    sarah, kind = api("sarah"), open_hours(cast)
    other = visit(cast, kind, cast.jimmy, at(9, days=-1))
    ahead = (timezone.now() + timedelta(days=3)).isoformat()
    for change, field in (
        ({"primary_diagnosis": " "}, "primary_diagnosis"),
        ({"primary_diagnosis": 5}, "primary_diagnosis"),
        ({"visit_date": ahead}, "visit_date"),
        ({"visit_date": "2026-01-01T10:00:00"}, "visit_date"),
        ({"visit_date": "2026-01-01"}, "visit_date"),
        ({"vital_signs": {"mood": 3}}, "vital_signs"),
        ({"vital_signs": {"systolic": "120"}}, "vital_signs"),
        ({"vital_signs": {"systolic": 9000}}, "vital_signs"), ({"vital_signs": []}, "vital_signs"),
        ({"vital_signs": {"systolic": {"a": 1}}}, "vital_signs"),
        ({"vital_signs": {"systolic": 10**400}}, "body"),
        ({"secondary_diagnoses": "Cough"}, "secondary_diagnoses"),
        ({"notes": "x" * 20_001}, "notes"), ({"treatment": "a\x00"}, "treatment"),
        ({"status": "final"}, "status"), ({"author": str(cast.nina.pk)}, "author"),
        ({"signed_at": ahead}, "signed_at"), ({"appointment": str(other.pk)}, "appointment"),
        ({"appointment": str(nobody_id())}, "appointment"),
        ({"patient": str(cast.dona_ana.pk)}, "patient"), ({"patient": str(nobody_id())}, "patient"),
    ):  # fmt: skip
        answer = sarah.post("medical-records/", record(cast, **change))
        found = wrong_fields(answer)
        assert any(n.startswith(field) for n in found), (change, found)
    assert stored(cast) == []


def test_only_its_author_changes_a_draft(api, cast):
    made = api("sarah").post("medical-records/", record(cast)).json()
    path = f"medical-records/{made['id']}/"
    for name, status in (
        ("nina", 409),
        ("alma", 403),
        ("fred", 403),
        ("john", 403),
        ("omar", 404),
        ("lucia", 404),
    ):
        program = api(name)
        assert program.patch(path, {"notes": "Planted"}).status_code == status, name
        assert program.post(f"{path}sign/").status_code == status, name
    assert [(r.notes, r.status) for r in stored(cast)] == [("Fever", "draft")]
    moved = api("sarah").patch(path, {"patient": str(cast.jimmy.pk)})
    assert wrong_fields(moved) == {"patient"}


def test_records_are_read_within_reach_and_drafts_by_the_clinic(api, cast):
    sarah = api("sarah")
    made = sarah.post("medical-records/", record(cast)).json()
    path = f"medical-records/{made['id']}/"
    assert api("john").get(path).status_code == 404, "a draft is not the patient's yet"
    sarah.post(f"{path}sign/")
    for name, status in (
        ("john", 200), ("nina", 200), ("phil", 200), ("jane", 404), ("omar", 404), ("lucia", 404),
        ("fred", 403), ("aud", 403),
    ):  # fmt: skip
        answer = api(name).get(path)
        assert answer.status_code == status, name
        listed = api(name).get("medical-records/")
        assert (
            (b"sinusitis" in listed.content) is (b"sinusitis" in answer.content) is (status == 200)
        )


def test_who_may_not_write_does_not(api, cast):
    for name, status in (("phil", 403), ("fred", 403), ("john", 403), ("aud", 403), ("alma", 403)):
        assert api(name).post("medical-records/", record(cast)).status_code == status, name
    assert wrong_fields(api("omar").post("medical-records/", record(cast))) == {"patient"}
    assert stored(cast) == []
