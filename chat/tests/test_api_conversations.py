"""Conversations, questions and search in the API; for whom, and for whom not."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chat import indexing
from chat.models import Conversation, Message
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from patients import access
from patients.models import AccessGrant
from records import documents
from records.models import Document

LETTER = b"""Dear colleague,

Mr Doe has been treated for hypertension since 2019. He takes lisinopril 10 mg once a day.
His blood pressure at the last visit was 128 over 82.
"""


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.DOCUMENT_STORAGE_URL = f"file://{tmp_path}"


@pytest.fixture
def letter(cast, api) -> str:
    """The id of a letter about John Doe that was read and indexed."""
    form = {"file": SimpleUploadedFile("letter.txt", LETTER), "patient": str(cast.mr_doe.pk)}
    document_id = api("sarah").upload("documents/", form).json()["id"]
    with tenancy.system(cast.harbor):
        documents.read(document_id)
        indexing.index(document_id)
    return document_id


def begin(program, patient, **body) -> dict:
    answer = program.post("conversations/", {"patient": str(patient.pk)} | body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_question_is_answered_with_its_source(api, cast, letter):
    sarah = api("sarah")
    about = begin(sarah, cast.mr_doe, title="Blood pressure", tags=["follow-up"])
    assert about["conversation_type"] == "patient_specific" and about["status"] == "active"
    path = f"conversations/{about['id']}/"
    body = sarah.post(f"{path}ask/", {"question": "Which dose of lisinopril does he take?"}).json()
    assert body["abstained"] is False and "10 mg" in body["answer"]
    assert 0 < body["confidence"] <= 1 and body["model"]
    for citation in body["citations"]:
        assert citation["document"] == letter and citation["page"] == 1
        assert (
            citation["quote"] in LETTER.decode().replace("\n", " ")
            or citation["quote"] in LETTER.decode()
        )
    messages = sarah.get(f"{path}messages/").json()["results"]
    assert [m["message_type"] for m in messages] == ["text", "ai_response"]
    assert (
        messages[1]["id"] == body["message"] and messages[1]["parent_message"] == messages[0]["id"]
    )
    assert messages[1]["citations"] == body["citations"]
    assert messages[0]["urgency"] is messages[0]["intent"] is None


def test_what_the_documents_do_not_say_is_not_answered(api, cast, letter):
    sarah = api("sarah")
    about = begin(sarah, cast.jimmy)
    asked = {"question": "Which dose of lisinopril does he take?"}
    body = sarah.post(f"conversations/{about['id']}/ask/", asked).json()
    assert body["abstained"] is True and body["citations"] == []
    assert "10 mg" not in body["answer"], "another patient's letter is no source"


def test_messages_are_kept_in_order(api, cast):
    sarah = api("sarah")
    about = begin(sarah, cast.mr_doe)
    path = f"conversations/{about['id']}/messages/"
    first = sarah.post(path, {"content": "Remember the scan."})
    assert first.status_code == 201
    reply = sarah.post(path, {"content": "Done.", "parent_message": first.json()["id"]}).json()
    assert reply["parent_message"] == first.json()["id"]
    rows = sarah.get(path, limit=1).json()
    assert rows["results"][0]["content"] == "Remember the scan."
    assert sarah.get(rows["next"]).json()["results"][0]["content"] == "Done."


def test_what_cannot_be_is_named(api, cast):
    sarah = api("sarah")
    about = begin(sarah, cast.mr_doe)
    other = begin(sarah, cast.jimmy)
    elsewhere = sarah.post(f"conversations/{other['id']}/messages/", {"content": "x"}).json()["id"]
    for path, body, field in (
        ("conversations/", {"patient": str(cast.dona_ana.pk)}, "patient"),
        ("conversations/", {"patient": str(nobody_id())}, "patient"),
        ("conversations/", {"conversation_type": "patient_specific"}, "patient"),
        ("conversations/", {"conversation_type": "gossip"}, "conversation_type"),
        ("conversations/", {"title": "x" * 256}, "title"),
        ("conversations/", {"status": "archived"}, "status"),
        ("conversations/", {"tags": "a,b"}, "tags"),
        ("conversations/", {"priority": 9}, "priority"),
        (f"conversations/{about['id']}/messages/", {}, "content"),
        (f"conversations/{about['id']}/messages/", {"content": "x" * 4001}, "content"),
        (f"conversations/{about['id']}/messages/", {"content": "a\x00"}, "content"),
        (f"conversations/{about['id']}/messages/", {"content": "x", "ai_model": "m"}, "ai_model"),
        (f"conversations/{about['id']}/messages/",
         {"content": "x", "parent_message": elsewhere}, "parent_message"),
        (f"conversations/{about['id']}/ask/", {"question": ""}, "question"),
        (f"conversations/{about['id']}/ask/", {"question": ["why"]}, "question"),
        (f"conversations/{about['id']}/ask/", {"q": "why"}, "q"),
    ):  # fmt: skip
        assert wrong_fields(sarah.post(path, body)) == {field}, (path, body)
    general = sarah.post("conversations/", {}).json()
    asked = sarah.post(f"conversations/{general['id']}/ask/", {"question": "Why?"})
    assert wrong_fields(asked) == {"question"}
    with cast.acting("sarah"):
        assert (Conversation.objects.count(), Message.objects.count()) == (3, 1)


def test_a_conversation_is_its_owners(api, cast):
    about = begin(api("sarah"), cast.mr_doe, title="Planted title")
    path = f"conversations/{about['id']}/"
    for name, status in (
        ("nina", 404), ("alma", 404), ("john", 404), ("lucia", 404), ("fred", 403), ("aud", 403),
    ):  # fmt: skip
        program = api(name)
        for answer in (
            program.get(path), program.get(f"{path}messages/"),
            program.post(f"{path}messages/", {"content": "x"}),
            program.post(f"{path}ask/", {"question": "Why?"}),
        ):  # fmt: skip
            assert answer.status_code == status, name
        assert b"Planted" not in program.get("conversations/").content
    with cast.acting("sarah"):
        assert not Message.objects.exists()


def test_a_patient_asks_about_her_own_and_about_nobody_else(api, cast, letter):
    asked = {"question": "Which dose of lisinopril do I take?"}
    about = begin(api("john"), cast.mr_doe)
    body = api("john").post(f"conversations/{about['id']}/ask/", asked).json()
    assert "10 mg" in body["answer"]
    for name in ("jane", "omar", "lucia"):
        refused = api(name).post("conversations/", {"patient": str(cast.mr_doe.pk)})
        assert wrong_fields(refused) == {"patient"}, name


def test_search_finds_passages_within_reach(api, cast, letter):
    found = api("sarah").get("search/", q="lisinopril dose", patient=cast.mr_doe.pk).json()
    hit = found["results"][0]
    assert (hit["document"], hit["page"], hit["patient"]) == (letter, 1, str(cast.mr_doe.pk))
    words = {hit["text"][h["start"] : h["end"]].lower() for h in hit["highlights"]}
    assert "lisinopril" in words and isinstance(hit["score"], float)
    assert api("sarah").get("search/", q="lisinopril").json()["results"]
    assert (
        api("sarah").get("search/", q="lisinopril", patient=cast.jimmy.pk).json()["results"] == []
    )
    for name in ("jane", "omar", "lucia"):
        assert api(name).get("search/", q="lisinopril").json()["results"] == [], name
        foreign = api(name).get("search/", q="lisinopril", patient=cast.mr_doe.pk)
        nobody = api(name).get("search/", q="lisinopril", patient=nobody_id())
        assert wrong_fields(foreign) == {"patient"} and foreign.content == nobody.content
    for name in ("fred", "aud"):
        assert api(name).get("search/", q="lisinopril").status_code == 403
    for query, field in (
        ({"q": " "}, "q"),
        ({"q": "x" * 1001}, "q"),
        ({"q": "a", "limit": "51"}, "limit"),
    ):
        assert wrong_fields(api("sarah").get("search/", **query)) == {field}


@pytest.mark.parametrize("name", ["john", "omar"])
def test_a_chart_that_is_closed_closes_what_was_asked_about_it(api, cast, letter, name):
    """Answers quote the letters: they are read as long as the letters are."""
    source = AccessGrant.Source.SELF if name == "john" else AccessGrant.Source.CARE_TEAM
    person, program = cast.people[name], api(name)
    with tenancy.system(cast.harbor):
        access.grant(patient=cast.mr_doe, user=person, source=source)
    path = f"conversations/{begin(program, cast.mr_doe)['id']}/"
    question = {"question": "Which dose of lisinopril does he take?"}
    asked = program.post(f"{path}ask/", question, Idempotency_Key="once")
    assert asked.json()["citations"] and b"10 mg" in asked.content
    with tenancy.system(cast.harbor):
        access.revoke(patient=cast.mr_doe, user=person, source=source)
        kept = Message.objects.count()
    for answer in (
        program.get(path), program.get(f"{path}messages/"), program.post(f"{path}ask/", question),
        program.post(f"{path}ask/", question, Idempotency_Key="once"),
        program.post(f"{path}messages/", {"content": "x"}), program.get("conversations/"),
    ):  # fmt: skip
        assert answer.status_code == (200 if answer.request["PATH_INFO"].endswith("ns/") else 404)
        assert b"10 mg" not in answer.content
    assert program.get("conversations/").json()["results"] == []
    with cast.acting(name, portal=name == "john"):
        assert not Message.objects.exists() and not Conversation.objects.exists()
    with tenancy.system(cast.harbor):
        assert Message.objects.count() == kept


def test_an_answer_is_closed_with_the_letter_that_it_quotes(api, cast, letter):
    """The letter becomes confidential after it was asked about: her kept answer closes, too."""
    sarah = api("sarah")
    path = f"conversations/{begin(sarah, cast.mr_doe)['id']}/"
    question = {"question": "Which dose of lisinopril does he take?"}
    asked = sarah.post(f"{path}ask/", question, Idempotency_Key="once")
    assert b"10 mg" in asked.content
    assert sarah.post(f"{path}ask/", question, Idempotency_Key="once").content == asked.content
    with cast.acting("john", portal=True):
        documents.classify(
            document=Document.objects.get(pk=letter), by=cast.john,
            sensitivity="confidential", confidential_kind="hiv",
        )  # fmt: skip
    again = sarah.post(f"{path}ask/", question, Idempotency_Key="once")
    assert again.status_code == 422 and b"10 mg" not in again.content
    assert b"10 mg" not in sarah.get(f"{path}messages/").content
    with tenancy.system(cast.harbor):
        assert Message.objects.count() == 2
