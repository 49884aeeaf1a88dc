"""Documents in the portal: added, watched, read, opened; by those who may and nobody else."""

from unittest.mock import patch

import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile

from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from records import documents
from records.models import Document

PAGE = "/portal/documents/"
LETTER = b"Dear John,\nyour blood test was fine. Come back in May.\n"


@pytest.fixture
def stored(settings, tmp_path):
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()


def a_file(data=LETTER, name="letter.txt"):
    return SimpleUploadedFile(name, data)


def add(browser, data=LETTER, name="letter.txt", **fields):
    form = {"document_type": "referral", "file": a_file(data, name)} | fields
    return browser.post(PAGE, form, follow=True)


def the_document(cast) -> Document:
    with tenancy.system(cast.harbor):
        return Document.objects.get()


def noted(cast, person, resource="records.document") -> list[str]:
    with tenancy.system(cast.harbor):
        rows = LogEntry.entries.reads().filter(actor=person, resource=resource)
        return list(rows.order_by("id").values_list("additional_data__how", flat=True))


def test_a_document_is_added_read_and_opened(browse, cast, stored):
    browser = browse("john")
    answer = add(browser)
    document = the_document(cast)
    assert answer.redirect_chain == [(f"{PAGE}{document.pk}/", 302)]
    assert b"We are reading this document" in answer.content
    assert (document.patient_id, document.uploaded_by_id) == (cast.mr_doe.pk, cast.john.pk)
    with tenancy.system(cast.harbor):
        documents.read(document.pk)
    page = browser.get(f"{PAGE}{document.pk}/").content.decode()
    assert "Come back in May" in page and 'id="page-1"' in page
    file = browser.get(f"{PAGE}{document.pk}/file/")
    assert file.content == LETTER
    assert file["Content-Disposition"] == 'attachment; filename="letter.txt"'
    assert file["X-Content-Type-Options"] == "nosniff" and file["Content-Type"] == "text/plain"
    assert noted(cast, cast.john) == ["detail", "detail", "download"]


def test_nobody_else_reaches_it(browse, cast, stored):
    add(browse("john"))
    pk = the_document(cast).pk
    for name in ("jane", "ana"):
        browser = browse(name)
        assert b"letter.txt" not in browser.get(PAGE).content
        for address in (f"{PAGE}{pk}/", f"{PAGE}{pk}/file/"):
            assert browser.get(address).status_code == 404
        assert browser.post(f"{PAGE}{pk}/retry/").status_code == 404
    assert noted(cast, cast.jane) == []


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [(b"", "empty.txt", "empty"), (b"MZ\x90\x00\x03\x00", "report.pdf", "cannot be read"),
     (b"<html>hello</html>", "page.pdf", "cannot be read")],
)  # fmt: skip
def test_a_file_that_cannot_be_taken_is_refused_by_its_content(
    browse, cast, stored, data, name, message
):
    answer = add(browse("john"), data, name)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "There is a problem" in page and message in page and 'href="#id_file"' in page
    with tenancy.system(cast.harbor):
        assert not Document.objects.exists()


def test_nothing_chosen_and_an_unknown_kind_are_said(browse, cast, stored):
    answer = browse("john").post(PAGE, {"document_type": "passport"})
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) == {"file", "document_type"}


def test_a_file_that_is_too_large_is_named_as_such(browse, cast, stored, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = settings.UPLOAD_BYTES = 1000
    answer = add(browse("john"), b"a" * 3000)
    assert answer.status_code == 400 and b"larger than 25 MB" in answer.content
    assert configured.UPLOAD_BYTES == 1000


def test_the_same_file_again_leads_to_the_one_that_is_there(browse, cast, stored):
    browser = browse("john")
    add(browser)
    answer = add(browser)
    assert answer.redirect_chain == [(f"{PAGE}{the_document(cast).pk}/", 302)]
    assert b"already among" in answer.content


def test_the_list_refreshes_itself_and_is_one_look(browse, cast, stored):
    browser = browse("john")
    add(browser)
    assert b'hx-trigger="every 2s"' in browser.get(PAGE).content
    for _n in range(3):
        part = browser.get(PAGE, headers={"HX-Request": "true"})
        assert part.status_code == 200 and b"<html" not in part.content
    assert noted(cast, cast.john) == ["detail", "list"]


def test_a_header_alone_hides_no_look(browse, cast, stored):
    add(browse("john"))
    browse("john").get(PAGE, headers={"HX-Request": "true"})
    assert noted(cast, cast.john) == ["detail", "list"]


def test_progress_is_shown_in_pages(browse, cast, stored):
    add(browse("john"))
    with tenancy.system(cast.harbor):
        Document.objects.update(processing_status="processing", pages_done=2, pages_total=5)
    for address in (PAGE, f"{PAGE}{the_document(cast).pk}/"):
        assert b"2 of 5" in browse("john").get(address).content


@pytest.mark.parametrize(
    ("reason", "words"),
    [("encrypted", "protected by a password"), ("too_many_attempts", "failed several times"),
     ("something_new", "could not be read")],
)  # fmt: skip
def test_why_a_document_could_not_be_read_is_said_and_it_can_be_tried_again(
    browse, cast, stored, reason, words
):
    browser = browse("john")
    add(browser)
    pk = the_document(cast).pk
    with tenancy.system(cast.harbor):
        Document.objects.update(processing_status="error", error_reason=reason)
    assert words in browser.get(f"{PAGE}{pk}/").content.decode()
    browser.post(f"{PAGE}{pk}/retry/")
    assert the_document(cast).processing_status == "pending"


def test_a_file_that_is_gone_is_said_calmly(browse, cast, stored):
    browser = browse("john")
    add(browser)
    pk = the_document(cast).pk
    with patch("records.storage.FolderStore.get", side_effect=documents.storage.NotStored):
        answer = browser.get(f"{PAGE}{pk}/file/", follow=True)
    assert b"We cannot find this file" in answer.content


def test_the_file_of_a_document_that_does_not_exist(browse):
    assert browse("john").get(f"{PAGE}{nobody_id()}/file/").status_code == 404


def test_the_childs_documents_go_to_the_child(browse, cast, stored):
    browser = browse("john")
    browser.post(f"/portal/person/{cast.jimmy.pk}/")
    add(browser, **{"for": cast.jimmy.pk})
    assert the_document(cast).patient_id == cast.jimmy.pk
    other = add(browser, b"Another letter.", **{"for": cast.mr_doe.pk})
    assert b"Nothing was changed" in other.content
    assert the_document(cast).patient_id == cast.jimmy.pk


def test_a_long_list_asks_no_more(browse, cast, stored, django_assert_max_num_queries):
    with tenancy.system(cast.harbor):
        for number in range(20):
            Document.objects.create(
                facility=cast.harbor, patient=cast.mr_doe, original_filename=f"{number}.pdf",
                mime_type="text/plain", file_size=1, checksum=f"{number:064}", storage_name="x",
            )  # fmt: skip
    browser = browse("john")
    with django_assert_max_num_queries(21):
        page = browser.get(PAGE).context["documents"]
    assert len(page) == 15 and page.has_next()
