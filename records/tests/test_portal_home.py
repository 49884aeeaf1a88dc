"""The first page: the next visit, what is to be done, what is new; of the person shown only."""

from clinic.security import tenancy
from records import charting
from records.models import Document
from scheduling.tests.hours import at, open_hours, visit


def document(cast, patient, by, **fields) -> Document:
    with tenancy.system(cast.harbor):
        return Document.objects.create(
            facility=cast.harbor, patient=patient, uploaded_by=by, mime_type="text/plain",
            file_size=1, checksum=fields.pop("checksum", "0" * 64), storage_name="none", **fields,
        )  # fmt: skip


def test_the_next_visit_comes_first(browse, cast):
    kind = open_hours(cast)
    visit(cast, kind, cast.mr_doe, at(11, days=3))
    visit(cast, kind, cast.mr_doe, at(10, days=2))
    visit(cast, kind, cast.mr_doe, at(9, days=1), status="Canceled")
    visit(cast, kind, cast.mrs_doe, at(9, days=1))
    answer = browse("john").get("/portal/")
    assert answer.context["next_appointment"].start_datetime == at(10, days=2)
    assert [row.title for row in answer.context["news"]] == ["A visit was canceled"]


def test_news_tells_that_a_note_is_there_but_not_what_it_says(browse, cast):
    with cast.acting("sarah"):
        charting.write(
            patient=cast.mr_doe, primary_diagnosis="Angina", notes="Draft", by=cast.sarah
        )
        charting.write(
            patient=cast.mr_doe, primary_diagnosis="Migraine", notes="Rest", final=True,
            by=cast.sarah,
        )  # fmt: skip
    answer = browse("john").get("/portal/")
    [row] = answer.context["news"]
    assert row.title.startswith("Note of your visit on ") and row.sub == "Written by Sarah Test"
    assert b"Migraine" not in answer.content and b"Angina" not in answer.content


def test_documents_are_new_when_somebody_else_added_them(browse, cast):
    document(cast, cast.mr_doe, cast.sarah, original_filename="letter.pdf", checksum="a" * 64)
    document(cast, cast.mr_doe, cast.john, original_filename="mine.pdf", checksum="b" * 64)
    document(
        cast, cast.mr_doe, cast.john, original_filename="torn.pdf", checksum="c" * 64,
        processing_status="error", error_reason="broken",
    )  # fmt: skip
    document(cast, cast.mrs_doe, cast.sarah, original_filename="janes.pdf")
    answer = browse("john").get("/portal/")
    assert ["letter.pdf" in row.sub for row in answer.context["news"]] == [True]
    assert [row.sub for row in answer.context["todo"]][-1] == "torn.pdf"
    assert b"mine.pdf" not in answer.content and b"janes.pdf" not in answer.content


def test_the_account_is_to_be_protected_until_it_is(browse, cast):
    browser = browse("john")
    assert "Protect your account" in [row.title for row in browser.get("/portal/").context["todo"]]
    browser.post(f"/portal/person/{cast.jimmy.pk}/")
    assert browser.get("/portal/").context["todo"] == []
