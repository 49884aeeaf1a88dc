"""Asking in the portal: an answer with its place, or none; from the record shown and no other."""

import pytest

from chat import indexing
from chat.models import Conversation, Message
from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from records import documents

ASK = "/portal/ask/"
LETTER = (
    b"Harbor Family Clinic\n\nDear John,\n\nYour blood pressure was 150 over 95 in March. "
    b"We started amlodipine 5 mg, one tablet each morning. "
    b"Please come back for a blood pressure check on 12 May 2026.\n\nDr Sarah Smith\n"
)


@pytest.fixture
def written(cast, settings, tmp_path):
    """John has a letter that was read and indexed."""
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    with cast.acting("sarah"):
        cast.letter = documents.upload(
            patient=cast.mr_doe, data=LETTER, filename="letter.txt", by=cast.sarah
        )
    with tenancy.system(cast.harbor):
        documents.read(cast.letter.pk)
        indexing.index(cast.letter.pk)
    return cast


def ask(browser, question):
    return browser.post(ASK, {"question": question}, follow=True)


def test_an_answer_names_the_page_that_it_comes_from(browse, written):
    answer = ask(browse("john"), "What dose of amlodipine do I take?")
    page = answer.content.decode()
    assert "amlodipine 5 mg" in page and "Not checked yet" in page
    shown = answer.context["answer"]
    assert not shown.abstained
    assert shown.claims and all(claim.numbers for claim in shown.claims)
    assert {source.title for source in shown.sources} == {"letter.txt"}
    assert shown.sources[0].href == f"/portal/documents/{written.letter.pk}/#page-1"
    with tenancy.system(written.harbor):
        hows = LogEntry.entries.reads().filter(actor=written.john, resource="records.document")
        assert [entry.additional_data["how"] for entry in hows] == ["answer"]


def test_where_the_record_says_nothing_the_answer_says_so(browse, written):
    page = ask(browse("john"), "When was my left hip replaced?").content.decode()
    assert "Nothing in the documents answers this." in page and "cr-sources" not in page


def test_what_was_not_read_by_then_is_said(browse, written):
    question = "When was my left hip replaced?"
    assert "not part of this answer" not in ask(browse("john"), question).content.decode()
    with written.acting("sarah"):
        documents.upload(
            patient=written.mr_doe, data=LETTER + b"!", filename="b.txt", by=written.sarah
        )
    page = ask(browse("john"), question).content.decode()
    assert "1 document of this record is not part of this answer" in page


def test_the_record_of_another_answers_nobody(browse, written):
    for name in ("jane", "ana"):
        answer = ask(browse(name), "What dose of amlodipine do I take?")
        assert answer.context["answer"].abstained and b"one tablet" not in answer.content
    browser = browse("john")
    browser.post(f"/portal/person/{written.jimmy.pk}/")
    childs = ask(browser, "What dose of amlodipine do I take?")
    assert childs.context["answer"].abstained and b"one tablet" not in childs.content


def test_what_was_asked_is_for_the_one_who_asked(browse, written):
    browser = browse("john")
    address = ask(browser, "What dose of amlodipine do I take?").redirect_chain[-1][0]
    assert browser.get(address).status_code == 200
    assert browse("jane").get(address).status_code == 404
    browser.post(f"/portal/person/{written.jimmy.pk}/")
    assert browser.get(address).status_code == 404
    assert browser.get(f"{ASK}{nobody_id()}/").status_code == 404


def test_earlier_questions_are_listed(browse, written):
    browser = browse("john")
    ask(browser, "What dose of amlodipine do I take?")
    second = ask(browser, "When should I come back?")
    assert [one["question"] for one in second.context["earlier"]] == [
        "What dose of amlodipine do I take?"
    ]
    assert len(browser.get(ASK).context["earlier"]) == 2
    with tenancy.system(written.harbor):
        assert Conversation.objects.count() == 1


@pytest.mark.parametrize(
    ("question", "words"),
    [("", "Write your question first"), ("   ", "Write your question first"),
     ("a" * 4001, "at most 4,000 characters")],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_comes_back(browse, cast, question, words):
    answer = browse("john").post(ASK, {"question": question})
    page = answer.content.decode()
    assert answer.status_code == 400 and words in page and 'href="#id_question"' in page
    with tenancy.system(cast.harbor):
        assert not Message.objects.exists()


def test_an_answer_outlives_its_document_without_a_broken_link(browse, written):
    browser = browse("john")
    address = ask(browser, "What dose of amlodipine do I take?").redirect_chain[-1][0]
    with tenancy.system(written.harbor):
        message = Message.objects.filter(message_type="ai_response").get()
        message.citations = [c | {"document": str(nobody_id())} for c in message.citations]
        message.save()
    page = browser.get(address).content.decode()
    assert "A document that is gone" in page and 'href=""' not in page
