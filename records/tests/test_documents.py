"""Documents: taken in sealed, read once however often the worker is asked, refused when hostile."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clinic.errors import Conflict, Invalid, Missing
from clinic.models import LogEntry
from clinic.security import keyring, tenancy
from clinic.security.permissions import Category, Denied
from clinic.tests.programs import wrong_fields
from patients import consent, family
from records import documents, ocr, storage
from records.models import Document, DocumentPage

LETTER_TEXT = "Ferritin is 18 ng/mL, which is low.\nThe next colonoscopy is due in 2029.\n"
LETTER = LETTER_TEXT.encode()
HIV = {"sensitivity": "confidential", "confidential_kind": "hiv"}


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path):
    settings.DOCUMENT_STORAGE_URL = f"file://{tmp_path}"
    return tmp_path


def upload(cast, data=LETTER, name="letter.txt", patient=None, by="sarah", **kwargs):
    return documents.upload(
        patient=patient or cast.mr_doe, data=data, filename=name, by=cast.people[by], **kwargs
    )


def hide(cast) -> Document:
    """A letter about John that he has marked."""
    with cast.acting("john", portal=True):
        return upload(cast, by="john", **HIV)


def relative(cast, level: str, categories) -> None:
    with tenancy.system(cast.harbor):
        wife = family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse", level=level)
    with cast.acting("john", portal=True):
        consent.give(member=wife, categories=categories, by=cast.john)


def test_a_text_is_read_page_by_page(cast):
    with cast.acting("sarah"):
        document = upload(cast, document_type="lab_result")
        assert (document.processing_status, document.progress) == ("pending", 0.0)
        assert documents.read(document.pk) is True
        document.refresh_from_db()
        assert (document.processing_status, document.progress) == ("completed", 1.0)
        assert document.ocr_confidence == 1.0 and document.mime_type == "text/plain"
        assert "Ferritin is 18" in document.pages.get().text
        assert documents.read(document.pk) is False
        assert DocumentPage.objects.filter(document=document).count() == 1


def test_the_file_lies_sealed_and_opens_only_in_its_place(cast, own_store):
    with cast.acting("sarah"):
        document = upload(cast)
        (path,) = [p for p in own_store.rglob("*") if p.is_file()]
        raw = path.read_bytes()
        assert b"Ferritin" not in raw and raw.startswith(b"CR1")
        assert documents.content(document=document, by=cast.sarah) == LETTER
        other = upload(cast, data=b"Another letter.", name="other.txt")
        store = storage.store()
        store.put(other.storage_name, raw)
        with pytest.raises(keyring.SealBroken):
            documents.content(document=other, by=cast.sarah)
        store.put(document.storage_name, raw[:-1] + bytes([raw[-1] ^ 1]))
        with pytest.raises(keyring.SealBroken):
            documents.content(document=document, by=cast.sarah)


def test_a_download_is_on_the_trail(cast):
    with cast.acting("sarah"):
        document = upload(cast)
        documents.content(document=document, by=cast.sarah)
    with cast.acting("alma"):
        entry = LogEntry.entries.reads().filter(resource="records.document").get()
    assert entry.additional_data["how"] == "download" and entry.patient_id == cast.mr_doe.pk


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a" + b"\0" * 60, b"<svg xmlns='http://www.w3.org/2000/svg'/>",
             b"PK\x03\x04" + b"\0" * 60, b"\xff\xfe\x00", b"MZ" + b"\0" * 100],
)  # fmt: skip
def test_what_is_no_document_is_refused_and_nothing_is_stored(cast, own_store, data):
    with cast.acting("sarah"):
        with pytest.raises(Invalid) as refused:
            upload(cast, data=data, name="letter.pdf")
        assert list(refused.value.fields) == ["file"]
        assert not Document.objects.exists()
    assert not [p for p in own_store.rglob("*") if p.is_file()]


def test_a_broken_file_ends_as_an_error_with_a_reason_and_the_next_is_read(cast):
    with cast.acting("sarah"):
        broken = upload(cast, data=b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", name="scan.pdf")
        fine = upload(cast)
        documents.read(broken.pk)
        documents.read(fine.pk)
        broken.refresh_from_db()
        fine.refresh_from_db()
    assert broken.processing_status == "error"
    assert broken.error_reason in set(ocr.Reason)
    assert fine.processing_status == "completed"


def test_the_same_file_is_kept_once_for_a_patient(cast):
    with cast.acting("sarah"):
        first = upload(cast)
        with pytest.raises(documents.AlreadyThere) as there:
            upload(cast, name="again.txt")
        assert there.value.document.pk == first.pk
        upload(cast, patient=cast.mrs_doe)
        assert Document.objects.count() == 2


@pytest.mark.parametrize("level", ["limited", "full"])
def test_the_twin_of_a_hidden_file_tells_nothing_of_it(cast, level):
    """Who adds a file that is there, and hidden from her, is answered as if it were not."""
    hidden = hide(cast)
    relative(cast, level, [Category.DOCUMENTS])
    with cast.acting("jane", portal=True):
        if level == "limited":
            with pytest.raises(Denied):
                upload(cast, by="jane")
        else:
            assert upload(cast, by="jane").pk != hidden.pk
            with pytest.raises(documents.AlreadyThere) as there:
                upload(cast, by="jane")
            assert there.value.document.pk != hidden.pk
    with tenancy.system(cast.harbor):
        assert Document.objects.get(pk=hidden.pk).kept == HIV
        assert Document.objects.count() == (2 if level == "full" else 1)


def test_of_each_way_of_being_kept_there_is_one(cast):
    hidden = hide(cast)
    with cast.acting("sarah"):
        open_to_all = upload(cast)
    with cast.acting("john", portal=True):
        with pytest.raises(documents.AlreadyThere) as there:
            documents.classify(document=open_to_all, by=cast.john, **HIV)
        assert there.value.document.pk == hidden.pk
        with pytest.raises(documents.AlreadyThere):
            documents.classify(
                document=hidden, by=cast.john, sensitivity="internal", confidential_kind=""
            )
    with tenancy.system(cast.harbor):
        kinds = Document.objects.values_list("pk", "confidential_kind")
        assert set(kinds) == {(hidden.pk, "hiv"), (open_to_all.pk, "")}


def test_a_relative_opens_nothing_to_the_clinic(cast, api):
    """Whatever is open to her, also where she acts for him: he decides."""
    hidden = hide(cast)
    relative(cast, "full", [Category.DOCUMENTS, Category.HIV])
    for change in ({"sensitivity": "internal"}, {"confidential_kind": "confidential"}):
        answer = api("jane").patch(f"documents/{hidden.pk}/", change)
        assert wrong_fields(answer) == {"sensitivity"}
    with tenancy.system(cast.harbor):
        assert Document.objects.get(pk=hidden.pk).kept == HIV
    for name in ("phil", "sarah", "alma"):
        assert str(hidden.pk) not in api(name).get("documents/").content.decode()
    answer = api("john").patch(f"documents/{hidden.pk}/", {"sensitivity": "internal"})
    assert answer.status_code == 200, answer.content
    assert str(hidden.pk) in api("phil").get("documents/").content.decode()


def test_a_reading_that_was_cut_off_is_taken_up_again(cast):
    with cast.acting("sarah"):
        document = upload(cast)
        assert documents._claim(document.pk) is not None
        assert documents.read(document.pk) is False, "another worker has it"
        Document.objects.filter(pk=document.pk).update(
            claimed_at=timezone.now() - timedelta(hours=1)
        )
        assert list(documents.unread()) == [document]
        assert documents.read(document.pk) is True
        assert DocumentPage.objects.filter(document=document).count() == 1


def test_only_what_failed_is_tried_again(cast):
    with cast.acting("sarah"):
        document = upload(cast)
        with pytest.raises(Conflict):
            documents.retry(document=document, by=cast.sarah)
        Document.objects.filter(pk=document.pk).update(processing_status="error")
        assert documents.retry(document=document, by=cast.sarah).processing_status == "pending"


def test_who_may_not_upload_or_see_gets_nothing(cast):
    with cast.acting("sarah"):
        document = upload(cast)
    with cast.acting("fred"), pytest.raises(Denied):
        upload(cast, by="fred")
    with cast.acting("jane", portal=True):
        with pytest.raises(Missing):
            documents.content(document=document, by=cast.jane)
        with pytest.raises(Missing):
            upload(cast, by="jane", data=b"Not hers to add to.")
    with cast.acting("john", portal=True):
        assert documents.content(document=document, by=cast.john) == LETTER
        upload(cast, by="john", data=b"A note of my own.")
    with cast.acting("sarah"):
        assert Document.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\scans\\a.pdf", "a.pdf"), ("a\r\nb.txt", "ab.txt"),
     ("invoice\u202efdp.exe", "invoicefdp.exe"), ("", "document"), ("x" * 300, "x" * 200)],
)  # fmt: skip
def test_file_names_are_only_names(name, kept):
    assert documents.clean_name(name) == kept
