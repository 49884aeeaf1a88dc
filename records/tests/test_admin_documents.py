"""Documents in the staff's site: added, watched while they are read, shown with their text."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clinic.models import LogEntry
from clinic.security import tenancy
from records import documents
from records.models import Document

LIST = "/admin/documents/"
LETTER = b"Dear John, the knee is better. Come back in March 2027."
HTMX = {"HX-Request": "true"}


@pytest.fixture
def letter(cast, settings, tmp_path):
    """A letter of John that nobody has read yet."""
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    with cast.acting("sarah"):
        return documents.upload(
            patient=cast.mr_doe, data=LETTER, filename="letter.txt", by=cast.sarah
        )


def read(cast, letter) -> None:
    with tenancy.system(cast.harbor):
        documents.read(letter.pk)


def page_of(letter) -> str:
    return reverse("admin:document", args=[letter.pk])


def looks(cast, name: str) -> int:
    """How often the person is on the trail as a reader of documents."""
    with tenancy.system(cast.harbor):
        rows = LogEntry.entries.reads().filter(actor=cast.people[name])
        return rows.filter(resource="records.document").count()


def upload(name="scan.txt", data=b"New words.") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_a_document_is_added_by_the_record_number(browse, cast, letter):
    said = {"patient": cast.mr_doe.mrn.lower(), "file": upload(), "document_type": "referral"}
    answer = browse("nina").post(LIST, said)
    with cast.acting("nina"):
        added = Document.objects.exclude(pk=letter.pk).get()
        assert (added.original_filename, added.document_type) == ("scan.txt", "referral")
        assert added.patient_id == cast.mr_doe.pk
    assert answer["Location"] == page_of(added)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"patient": "ZZ999999"}, "patient"),
        ({"patient": ""}, "patient"),
        ({"file": SimpleUploadedFile("empty.pdf", b"")}, "file"),
        ({"file": SimpleUploadedFile("tool.pdf", b"MZ\x90\x00\x03\x00\x00\x00" * 40)}, "file"),
        ({"document_type": "spell"}, "document_type"),
    ],
)
def test_what_cannot_be_taken_in_is_named(browse, cast, letter, wrong, field):
    said = {"patient": cast.mr_doe.mrn, "file": upload(), "document_type": "other"} | wrong
    answer = browse("nina").post(LIST, said)
    assert answer.status_code == 400 and field in answer.context["form"].errors
    with cast.acting("nina"):
        assert Document.objects.count() == 1


def test_another_clinics_record_number_is_nobodys(browse, cast, letter):
    from patients import registration

    with tenancy.system(cast.austa):
        registration.register(
            by=None, mrn="XX000777", first_name="Rui", last_name="Sá",
            date_of_birth=cast.dona_ana.date_of_birth,
        )  # fmt: skip
    said = {"patient": "XX000777", "file": upload(), "document_type": "other"}
    assert browse("nina").post(LIST, said).status_code == 400


def test_the_same_file_again_leads_to_the_one_that_is_there(browse, cast, letter):
    said = {"patient": cast.mr_doe.mrn, "file": upload("copy.txt", LETTER),
            "document_type": "other"}  # fmt: skip
    assert browse("nina").post(LIST, said)["Location"] == page_of(letter)


@pytest.mark.parametrize("place", ["list", "document", "chart"])
def test_watching_is_light_until_something_moves(
    browse, cast, letter, place, django_assert_max_num_queries
):
    address = {
        "list": LIST, "document": page_of(letter),
        "chart": reverse("admin:chart", args=[cast.mr_doe.pk]),
    }[place]  # fmt: skip
    browser = browse("sarah")
    page = browser.get(address)
    state = page.context["state"]
    assert f"state={state}" in page.content.decode()
    before = looks(cast, "sarah")
    for _again in range(3):
        with django_assert_max_num_queries(14):
            answer = browser.get(address, {"state": state}, headers=HTMX)
        assert answer.status_code == 204 and not answer.cookies
    assert looks(cast, "sarah") == before
    read(cast, letter)
    moved = browser.get(address, {"state": state}, headers=HTMX)
    assert moved.status_code == 200 and b"<html" not in moved.content
    assert looks(cast, "sarah") == before + 1


def test_a_watcher_without_a_state_is_noted(browse, cast, letter):
    before = looks(cast, "sarah")
    assert browse("sarah").get(LIST, headers=HTMX).status_code == 200
    assert looks(cast, "sarah") == before + 1


def test_the_text_stands_page_by_page_and_a_passage_is_marked(browse, cast, letter):
    read(cast, letter)
    start = LETTER.index(b"the knee")
    query = {"page": 1, "start": start, "end": start + len("the knee is better")}
    body = browse("sarah").get(page_of(letter), query).content.decode()
    assert '<mark class="cr-mark">the knee is better</mark>' in body
    for nonsense in ({"page": "x"}, {"page": 1, "start": 9, "end": 3}, {"page": 1, "start": -1}):
        body = browse("sarah").get(page_of(letter), nonsense).content.decode()
        assert "the knee is better" in body and "<mark" not in body


def test_the_file_comes_as_it_was_and_is_noted(browse, cast, letter):
    answer = browse("sarah").get(reverse("admin:document_file", args=[letter.pk]))
    assert answer.content == LETTER
    assert answer["Content-Disposition"].startswith("attachment")
    with tenancy.system(cast.harbor):
        hows = LogEntry.entries.reads().filter(actor=cast.sarah, object_pk=str(letter.pk))
        assert "download" in [entry.additional_data["how"] for entry in hows]


def test_a_file_that_is_gone_is_told_not_a_fault(browse, cast, letter, settings, tmp_path):
    settings.DOCUMENT_STORAGE_URL = (tmp_path / "elsewhere").as_uri()
    answer = browse("sarah").get(reverse("admin:document_file", args=[letter.pk]), follow=True)
    assert answer.status_code == 200 and "gone or damaged" in answer.content.decode()


def test_a_document_that_failed_says_why_and_is_read_again(browse, cast, letter):
    with tenancy.system(cast.harbor):
        Document.objects.filter(pk=letter.pk).update(
            processing_status="error", error_reason="too_many_attempts"
        )
    browser = browse("sarah")
    assert "could not be read" in browser.get(page_of(letter)).content.decode()
    browser.post(page_of(letter), {"read_again": "1"})
    with cast.acting("sarah"):
        letter.refresh_from_db()
        assert letter.processing_status == "pending"
    again = browser.post(page_of(letter), {"read_again": "1"}, follow=True)
    assert "Only a document that could not be read" in again.content.decode()
