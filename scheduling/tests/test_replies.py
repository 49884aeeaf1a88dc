"""Answers by phone: what they do, what they do not, and who may post them."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

import pytest
from django.test import Client

from clinic.models import LogEntry, Notification
from clinic.security import tenancy
from clinic.tests.services import payload
from scheduling.models import Appointment, Message
from scheduling.tests.hours import at
from scheduling.tests.messaging import (
    change,
    reached_by,
    rows,
    work,
)
from scheduling.tests.test_messages import book, cancel
from scheduling.tests.test_sending import post_whatsapp

JOHN = "+16175550178"
REAL = Path(__file__).parents[3] / "shared" / "data" / "whatsapp"


@pytest.fixture
def clinic(telling):
    return telling


@pytest.fixture
def pending(clinic):
    """John was asked by text message and by WhatsApp to confirm a visit."""
    reached_by(clinic, "john", "sms", "whatsapp")
    clinic.visit = book(clinic)
    change(clinic, clinic.visit, status="Pending")
    work(clinic)
    return clinic


def text(body: str, *, number: str = JOHN, sid: str = "SM1", token: str = "text-token", **more):
    """What Twilio posts of an answer, signed."""
    form = {"MessageSid": sid, "From": number, "To": "+15550100100", "Body": body} | more
    return post_text(form, token=token)


def post_text(form: dict, *, path: str = "/webhooks/sms/", token: str = "text-token"):
    url = f"https://chartroom.example.org{path}"
    said = url + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.digest(token.encode(), said.encode(), hashlib.sha1)).decode()
    return Client(raise_request_exception=False).post(
        path, form, headers={"X-Twilio-Signature": signature}
    )


def whatsapp(body: str, *, number: str = JOHN, name: str = "wamid.A", age: int = 0, **more) -> dict:
    event = {
        "from": number.removeprefix("+"), "id": name, "timestamp": str(int(time.time()) - age),
        "type": "text", "text": {"body": body},
    }  # fmt: skip
    return payload("messages", event | more)


def status(cast) -> str:
    with tenancy.system(cast.harbor):
        return Appointment.objects.get(pk=cast.visit.pk).status


def desk(cast) -> list[tuple[str, str]]:
    with tenancy.system(cast.harbor):
        found = Notification.objects.filter(user=cast.fred, kind="visit")
        return [(row.title, row.text) for row in found]


class TestYes:
    @pytest.mark.parametrize("said", ["1", " 1. ", "Yes!", "SIM", "si", "Sí", "1\n"])
    def test_confirms_once_and_the_trail_says_how(self, pending, said):
        assert text(said).status_code == 200
        assert status(pending) == "Confirmed" and desk(pending) == []
        with tenancy.system(pending.harbor):
            entries = LogEntry.objects.filter(
                object_pk=str(pending.visit.pk), surface="reply", actor=None
            )
            (entry,) = entries
            assert entry.changes["status"] == ["Pending", "Confirmed"]
        (row,) = rows(pending, channel="sms")
        assert row.answered_at and row.answer_reference == "SM1"

    def test_by_whatsapp_and_by_its_button(self, pending, client):
        answer = post_whatsapp(
            client,
            whatsapp("", type="button", button={"payload": "1", "text": "Confirm"}),
        )
        assert answer.status_code == 200 and status(pending) == "Confirmed"

    def test_that_comes_twice_confirms_no_other_visit(self, pending):
        other = book(pending, start=at(10, days=7))
        change(pending, other, status="Pending")
        work(pending)
        for _time in range(3):
            assert text("1").status_code == 200
        with tenancy.system(pending.harbor):
            found = Appointment.objects.filter(status="Pending").count()
        assert found == 1
        text("1", sid="SM2")
        with tenancy.system(pending.harbor):
            assert not Appointment.objects.filter(status="Pending").exists()

    def test_is_for_a_visit_that_still_stands(self, pending):
        cancel(pending, pending.visit)
        work(pending)
        text("1")
        assert status(pending) == "Canceled" and len(desk(pending)) == 1

    def test_from_another_number_confirms_nothing(self, pending):
        assert text("1", number="+16175559999").status_code == 200
        assert status(pending) == "Pending" and desk(pending) == []

    def test_is_found_in_the_facility_that_sent(self, pending):
        """The neighbour clinic has a patient of the same number, and sent nothing."""
        with tenancy.system(pending.austa):
            pending.ana.phone = JOHN
            pending.ana.save()
        text("1")
        assert status(pending) == "Confirmed"
        with tenancy.system(pending.austa):
            assert not Message.objects.exists()
            assert not Notification.objects.filter(kind="visit").exists()


class TestAnythingElse:
    @pytest.mark.parametrize("said", ["2", "no", "Não.", "NAO"])
    def test_no_is_told_to_the_desk_and_changes_nothing(self, pending, said):
        text(said)
        assert status(pending) == "Pending"
        ((title, words),) = desk(pending)
        assert title == "“No” to a visit" and "09:00" in words

    def test_other_words_are_told_as_they_came(self, pending):
        text("Can I come at 10% less?")
        assert status(pending) == "Pending"
        assert desk(pending) == [("An answer to a message", "By phone: “Can I come at 10% less?”")]

    def test_neither_a_patient_nor_a_clinician_is_told(self, pending):
        text("hello")
        with tenancy.system(pending.harbor):
            told = set(
                Notification.objects.filter(kind="visit").values_list("user__email", flat=True)
            )
        assert told == {"fred@harbor.test", "alma@harbor.test"}

    def test_nothing_is_sent_back(self, pending):
        before = len(pending.text.took) + len(pending.whatsapp.took)
        answer = text("hello")
        assert answer.content.endswith(b"<Response></Response>")
        work(pending)
        assert len(pending.text.took) + len(pending.whatsapp.took) == before


class TestWhoMayPost:
    def test_only_the_service(self, pending):
        unsigned = Client().post("/webhooks/sms/", {"From": JOHN, "Body": "1", "MessageSid": "S"})
        forged = text("1", token="another")
        for answer in (unsigned, forged):
            assert answer.status_code == 403
        assert status(pending) == "Pending" and not rows(pending, answer_reference="SM1")

    def test_a_form_that_was_changed_on_its_way(self, pending):
        form = {"MessageSid": "SM1", "From": JOHN, "Body": "2"}
        url = "https://chartroom.example.org/webhooks/sms/"
        said = url + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.digest(b"text-token", said.encode(), hashlib.sha1))
        answer = Client().post(
            "/webhooks/sms/", form | {"Body": "1"},
            headers={"X-Twilio-Signature": signature.decode()},
        )  # fmt: skip
        assert answer.status_code == 403 and status(pending) == "Pending"

    def test_without_the_service_nobody(self, pending, settings):
        settings.SMS, settings.WHATSAPP_APP_SECRET = {}, ""
        assert text("1", token="").status_code == 403
        assert post_whatsapp(Client(), whatsapp("1"), secret="").status_code == 403
        assert status(pending) == "Pending"

    def test_whatsapp_unsigned_or_old(self, pending, client):
        unsigned = client.post(
            "/webhooks/whatsapp/", json.dumps(whatsapp("1")), content_type="application/json"
        )
        assert unsigned.status_code == 403
        assert post_whatsapp(client, whatsapp("1"), secret="another").status_code == 403
        assert post_whatsapp(client, whatsapp("1", age=90_000)).status_code == 403
        assert status(pending) == "Pending" and desk(pending) == []

    @pytest.mark.parametrize(
        "body", [{}, [], {"entry": [1]}, {"entry": [{"changes": [{"field": "messages"}]}]}, 7]
    )
    def test_what_is_no_payload_is_refused(self, pending, client, body):
        answer = post_whatsapp(client, body)
        assert answer.status_code == 400 and status(pending) == "Pending"

    def test_a_form_is_no_payload(self, pending, client):
        assert client.post("/webhooks/whatsapp/", {"entry": "1"}).status_code == 403
        assert client.post("/webhooks/sms/", "{}", "application/json").status_code == 403

    def test_meta_asks_whether_the_address_is_ours(self, pending, client):
        asked = {"hub.mode": "subscribe", "hub.challenge": "42", "hub.verify_token": "verify-me"}
        answer = client.get("/webhooks/whatsapp/", asked)
        assert (answer.status_code, answer.content) == (200, b"42")
        for wrong in ({"hub.verify_token": "x"}, {"hub.mode": "unsubscribe"}):
            assert client.get("/webhooks/whatsapp/", asked | wrong).status_code == 403

    def test_without_a_word_agreed_on_nobody_is_answered(self, pending, client, settings):
        settings.WHATSAPP_VERIFY_TOKEN = ""
        asked = {"hub.mode": "subscribe", "hub.challenge": "42", "hub.verify_token": ""}
        assert client.get("/webhooks/whatsapp/", asked).status_code == 403


class TestStates:
    def test_a_text_message_that_was_not_delivered(self, pending):
        (row,) = rows(pending, channel="sms")
        path = pending.text.took[0]["callback"].removeprefix("https://chartroom.example.org")
        form = {"MessageSid": row.reference, "MessageStatus": "delivered"}
        assert post_text(form, path=path).status_code == 200
        assert rows(pending, channel="sms")[0].status == "sent"
        failed = form | {"MessageStatus": "undelivered", "ErrorCode": "30005"}
        assert post_text(failed, path=path).status_code == 200
        (row,) = rows(pending, channel="sms")
        assert (row.status, row.failure) == ("failed", "no_address")

    def test_of_a_message_that_is_not_there(self, pending):
        form = {"MessageSid": "SM1", "MessageStatus": "failed"}
        for name in ("", "x:y", f"{pending.harbor.pk}:{pending.harbor.pk}"):
            path = f"/webhooks/sms/?message={name}"
            assert post_text(form, path=path).status_code == 200
        assert {row.status for row in rows(pending)} == {"sent"}

    def test_a_number_that_whatsapp_knows_otherwise_answers_all_the_same(self, pending, client):
        """Brazilian numbers lose a digit there."""
        (made,) = pending.whatsapp.took
        post_whatsapp(client, pending.whatsapp.state(made, recipient_id="551755550178"))
        post_whatsapp(client, whatsapp("1", number="+551755550178"))
        assert status(pending) == "Confirmed"


@pytest.mark.parametrize(
    "name",
    ["message.json", "message_status.json", "callback_button.json", "template_status_update.json",
     "deleted_message.json", "edited_message.json"],
)  # fmt: skip
def test_real_payloads_are_understood(pending, client, name):
    if not REAL.exists():
        pytest.skip(f"{REAL} is not here: the payloads that Meta really posts.")
    cases = json.loads((REAL / name).read_text())
    now = str(int(time.time()))
    for case in cases.values():
        for entry in case.get("entry", []):
            for change_ in entry["changes"]:
                value = change_["value"]
                for event in [*value.get("messages", []), *value.get("statuses", [])]:
                    event["timestamp"] = now
        assert post_whatsapp(client, case).status_code == 200
    assert status(pending) == "Pending"
