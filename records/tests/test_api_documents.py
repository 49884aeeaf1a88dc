"""Documents in the API: sent in, read, downloaded; by whom, and by whom not."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from records import documents
from records.models import Document

TEXT = b"Dear colleague,\n\nMr Doe takes metformin 500 mg twice a day.\n"


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.DOCUMENT_STORAGE_URL = f"file://{tmp_path}"
    return tmp_path


def file(data=TEXT, name="letter.txt", kind="text/plain"):
    return SimpleUploadedFile(name, data, kind)


def form(cast, **change) -> dict:
    return {"file": file(), "document_type": "referral", "patient": str(cast.mr_doe.pk)} | change


def stored(cast) -> int:
    with cast.acting("alma"):
        return Document.objects.count()


def test_sent_in_read_and_downloaded(api, cast):
    nina = api("nina")
    made = nina.upload("documents/", form(cast))
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["processing_status"], body["progress"]) == ("pending", 0.0)
    assert (body["original_filename"], body["mime_type"]) == ("letter.txt", "text/plain")
    assert body["file_size"] == len(TEXT) and len(body["checksum"]) == 64
    assert body["uploaded_by"] == str(cast.nina.pk) and body["ocr_text"] == ""
    with tenancy.system(cast.harbor):
        documents.read(body["id"])
    path = f"documents/{body['id']}/"
    read = nina.get(path).json()
    assert (read["processing_status"], read["progress"]) == ("completed", 1.0)
    assert "metformin 500 mg" in read["ocr_text"] and read["ocr_confidence"] is not None
    assert read["extracted_metadata"] == {}
    listed = nina.get("documents/", patient=cast.mr_doe.pk)
    assert [d["id"] for d in listed.json()["results"]] == [body["id"]]
    assert b"metformin" not in listed.content, "a list does not carry the texts"
    content = nina.get(f"{path}content/")
    assert content.content == TEXT and content["Content-Type"] == "text/plain"
    assert content["Content-Disposition"] == 'attachment; filename="letter.txt"'
    assert content["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in content["Cache-Control"]
    with cast.acting("alma"):
        reads = LogEntry.entries.reads().filter(object_pk=body["id"]).order_by("id")
        assert [r.additional_data["how"] for r in reads] == ["detail", "list", "download"]


def test_a_name_cannot_break_the_answer(api, cast):
    nasty = 'a"b\r\nX-Evil: 1 ü\u202e.txt'
    made = api("nina").upload("documents/", form(cast, file=file(name=nasty)))
    assert made.status_code == 201
    content = api("nina").get(f"documents/{made.json()['id']}/content/")
    assert content["Content-Disposition"].startswith("attachment; ")
    assert "X-Evil" not in content.headers


def test_what_cannot_be_is_named_and_nothing_is_stored(api, cast, store):
    nina = api("nina")
    for change, field in (
        ({"file": file(b"")}, "file"), ({"file": file(b"MZ\x00\x01program")}, "file"),
        ({"file": "just text"}, "file"), ({"file": ""}, "file"),
        ({"file": file(b"PK\x03\x04zip", "scan.pdf", "application/pdf")}, "file"),
        ({"document_type": "poem"}, "document_type"),
        ({"document_type": "a\x00b"}, "document_type"),
        ({"patient": "Doe"}, "patient"), ({"patient": ""}, "patient"),
        ({"patient": str(cast.dona_ana.pk)}, "patient"), ({"patient": str(nobody_id())}, "patient"),
        ({"checksum": "x"}, "checksum"), ({"processing_status": "completed"}, "processing_status"),
    ):  # fmt: skip
        assert wrong_fields(nina.upload("documents/", form(cast, **change))) == {field}, change
    assert wrong_fields(nina.upload("documents/", {})) == {"file", "patient"}
    assert nina.post("documents/", {"file": "x"}).status_code == 415
    assert wrong_fields(nina.raw("POST", "documents/", b"nonsense", "multipart/form-data")) == {
        "body"
    }
    named = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xff\xfe.txt"'
    cut = named + b"\r\n\r\nText\r\n--x--"
    found = wrong_fields(nina.raw("POST", "documents/", cut, "multipart/form-data; boundary=x"))
    assert "file" in found
    assert stored(cast) == 0 and not list(store.rglob("*"))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(api, cast, settings):
    settings.UPLOAD_BYTES = 1000
    assert api("nina").upload("documents/", form(cast, file=file(b"a" * 70_000))).status_code == 413
    refused = api("nina").upload("documents/", form(cast, file=file(b"a" * 1001)))
    assert wrong_fields(refused) == {"file"}
    assert stored(cast) == 0


def test_the_same_file_is_kept_once_and_a_key_replays(api, cast):
    nina, key = api("nina"), str(uuid.uuid4())
    first = nina.upload("documents/", form(cast), Idempotency_Key=key)
    again = nina.upload("documents/", form(cast), Idempotency_Key=key)
    assert (first.status_code, again.status_code) == (201, 201) and again.json() == first.json()
    other = form(cast, file=file(TEXT + b"More."))
    assert nina.upload("documents/", other, Idempotency_Key=key).status_code == 422
    assert nina.upload("documents/", form(cast)).status_code == 409
    assert nina.upload("documents/", form(cast, patient=str(cast.jimmy.pk))).status_code == 201
    assert stored(cast) == 2


def test_out_of_reach_reads_like_not_there(api, cast):
    made = api("nina").upload("documents/", form(cast)).json()
    for name, status in (
        ("john", 200), ("sarah", 200), ("jane", 404), ("omar", 404), ("lucia", 404), ("fred", 403),
        ("aud", 403),
    ):  # fmt: skip
        for step in ("", "content/"):
            answer = api(name).get(f"documents/{made['id']}/{step}")
            assert answer.status_code == status, (name, step)
            assert status == 200 or b"metformin" not in answer.content
        listed = api(name).get("documents/")
        assert listed.status_code == (200 if status == 404 else status)
        assert status == 200 or b"letter.txt" not in listed.content
    for name, status in (("fred", 403), ("aud", 403), ("jane", 400), ("omar", 400), ("lucia", 400)):
        assert api(name).upload("documents/", form(cast)).status_code == status, name
    assert stored(cast) == 1
    assert (
        api("john").upload("documents/", form(cast, file=file(b"My own letter."))).status_code
        == 201
    )


def test_only_what_failed_is_tried_again(api, cast):
    nina = api("nina")
    made = nina.upload("documents/", form(cast)).json()
    path = f"documents/{made['id']}/retry/"
    assert nina.post(path).status_code == 409
    with tenancy.system(cast.harbor):
        Document.objects.filter(pk=made["id"]).update(
            processing_status="error", error_reason="broken"
        )
    assert api("omar").post(path).status_code == 404
    assert api("fred").post(path).status_code == 403
    again = nina.post(path)
    assert (again.status_code, again.json()["processing_status"]) == (200, "pending")


def test_a_file_that_was_altered_in_the_store_is_not_shown(api, cast, store):
    made = api("nina").upload("documents/", form(cast)).json()
    path = next(p for p in store.rglob("*") if p.is_file())
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    answer = api("nina").get(f"documents/{made['id']}/content/")
    assert answer.status_code == 500 and answer["Content-Type"] == "application/problem+json"
    path.unlink()
    assert api("nina").get(f"documents/{made['id']}/content/").status_code == 500
