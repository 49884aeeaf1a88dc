"""Handing messages over: what each service answers, and that each goes out once whatever dies."""

import smtplib
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core import mail
from django.utils import timezone

from clinic.channels import Unreached, Unsure, Unwanted, sms, whatsapp
from clinic.security import tenancy
from clinic.tests.services import TAKEN
from scheduling.messages import planning, sending
from scheduling.models import Message
from scheduling.tests.messaging import (
    later,
    notices,
    reached_by,
    rows,
    told,
    work,
)
from scheduling.tests.test_messages import book

LOST = {"minutes": 3}
LONG_LOST = {"minutes": 11}


@pytest.fixture
def clinic(telling):
    return telling


class Killed(BaseException):
    """As if the worker had been killed there."""


def killed_at(name: str):
    """The worker dies when it comes to that function of `sending`."""
    return patch.object(sending, name, side_effect=Killed)


def state(cast) -> tuple[str, str]:
    (row,) = rows(cast)
    return row.status, row.failure


@pytest.fixture
def by_text(clinic):
    reached_by(clinic, "john", "sms")
    book(clinic)
    return clinic


@pytest.fixture
def by_whatsapp(clinic):
    reached_by(clinic, "john", "whatsapp")
    book(clinic)
    return clinic


class TestOnce:
    def test_a_second_run_finds_nothing(self, by_text):
        work(by_text)
        work(by_text)
        (row,) = rows(by_text)
        assert len(by_text.text.took) == 1
        assert (row.status, row.reference) == ("sent", by_text.text.took[0]["sid"])
        assert row.address == "+16175550178" and row.text == by_text.text.took[0]["body"]

    def test_died_before_it_was_handed_over(self, by_text):
        with killed_at("_hand_over"), pytest.raises(Killed):
            work(by_text)
        work(by_text)
        assert by_text.text.took == [] and state(by_text) == ("sending", "")
        later(by_text, rows(by_text)[0], **LOST)
        work(by_text)
        work(by_text)
        assert len(by_text.text.took) == 1 and state(by_text) == ("sent", "")

    def test_died_after_it_was_handed_over(self, by_text):
        with killed_at("_settle"), pytest.raises(Killed):
            work(by_text)
        later(by_text, rows(by_text)[0], **LOST)
        work(by_text)
        assert len(by_text.text.took) == 1 and by_text.text.asked == 1
        (row,) = rows(by_text)
        assert (row.status, row.reference) == ("sent", by_text.text.took[0]["sid"])

    def test_the_line_broke_and_the_service_has_it(self, by_text):
        by_text.text.troubles.append(TAKEN)
        work(by_text)
        assert state(by_text) == ("sending", "")
        later(by_text, rows(by_text)[0], **LOST)
        work(by_text)
        assert len(by_text.text.took) == 1 and state(by_text) == ("sent", "")

    def test_a_service_that_cannot_be_asked_is_asked_later(self, by_text):
        by_text.text.troubles.append(TAKEN)
        work(by_text)
        for trouble in ((503, {}), (429, {})):
            later(by_text, rows(by_text)[0], **LOST)
            by_text.text.troubles.append(trouble)
            work(by_text)
            assert state(by_text) == ("sending", "")
        later(by_text, rows(by_text)[0], **LOST)
        work(by_text)
        assert len(by_text.text.took) == 1 and state(by_text) == ("sent", "")

    def test_two_messages_with_the_same_words_are_two(self, clinic):
        """Two of a family share a number: that one has its message tells nothing of the other."""
        reached_by(clinic, "john", "sms")
        reached_by(clinic, "jane", "sms", phone="+1 617 555 0178")
        book(clinic)
        with clinic.acting("fred"):
            from scheduling import booking
            from scheduling.tests.hours import at

            booking.book(
                patient=clinic.mrs_doe, specialist=clinic.specialists["omar"],
                appointment_type=clinic.kind, start=at(9, days=7), by=clinic.fred,
            )  # fmt: skip
        clinic.text.troubles.append(TAKEN)  # the first arrives and nobody knows
        with tenancy.system(clinic.harbor):
            planning.plan()
            first, second = sending.due()
            sending.deliver(first)
        with killed_at("_hand_over"), pytest.raises(Killed), tenancy.system(clinic.harbor):
            sending.deliver(second)
        for row in rows(clinic):
            later(clinic, row, **LOST)
        work(clinic)
        assert len(clinic.text.took) == 2 and len({one["body"] for one in clinic.text.took}) == 1
        assert {row.status for row in rows(clinic)} == {"sent"}
        assert len({row.reference for row in rows(clinic)}) == 2

    def test_whatsapp_tells_what_was_lost(self, by_whatsapp, client):
        by_whatsapp.whatsapp.troubles.append(TAKEN)
        work(by_whatsapp)
        (made,) = by_whatsapp.whatsapp.took
        post_whatsapp(client, by_whatsapp.whatsapp.state(made))
        (row,) = rows(by_whatsapp)
        assert (row.status, row.reference) == ("sent", made["id"])
        later(by_whatsapp, row, **LONG_LOST)
        work(by_whatsapp)
        assert len(by_whatsapp.whatsapp.took) == 1

    def test_whatsapp_is_waited_for_longer_and_then_sent_again(self, by_whatsapp):
        with killed_at("_hand_over"), pytest.raises(Killed):
            work(by_whatsapp)
        later(by_whatsapp, rows(by_whatsapp)[0], **LOST)
        work(by_whatsapp)
        assert by_whatsapp.whatsapp.took == []
        later(by_whatsapp, rows(by_whatsapp)[0], **LONG_LOST)
        work(by_whatsapp)
        assert len(by_whatsapp.whatsapp.took) == 1 and state(by_whatsapp) == ("sent", "")

    def test_a_letter_goes_again_under_its_name(self, clinic):
        reached_by(clinic, "john", "email")
        book(clinic)
        with killed_at("_settle"), pytest.raises(Killed):
            work(clinic)
        later(clinic, rows(clinic)[0], **LOST)
        work(clinic)
        names = {letter.extra_headers["Message-ID"] for letter in mail.outbox}
        assert len(mail.outbox) == 2 and names == {f"<{rows(clinic)[0].pk}@localhost>"}

    def test_what_stands_in_the_portal_stands_there_once(self, clinic):
        reached_by(clinic, "john", "portal")
        book(clinic)
        saved = Message.save

        def dies(self, *args, **kwargs):
            saved(self, *args, **kwargs)
            if self.status == "sent":
                raise Killed

        with patch.object(Message, "save", dies), pytest.raises(Killed):
            work(clinic)
        assert notices(clinic, "john") == []
        work(clinic)
        work(clinic)
        assert len(notices(clinic, "john")) == 1 and state(clinic) == ("sent", "")

    def test_one_that_is_lost_and_no_news_any_more_is_not_sent(self, by_text):
        with killed_at("_hand_over"), pytest.raises(Killed):
            work(by_text)
        row = rows(by_text)[0]
        later(by_text, row, **LOST)
        with tenancy.system(by_text.harbor):
            Message.objects.filter(pk=row.pk).update(expires_at=timezone.now())
        work(by_text)
        assert by_text.text.took == [] and state(by_text) == ("dropped", "")


class TestFailures:
    @pytest.mark.parametrize("trouble", [(429, {})])
    def test_a_busy_service_is_tried_again_each_time_later(self, by_text, trouble):
        pauses = []
        for _try in range(4):
            by_text.text.troubles.append(trouble)
            before = timezone.now()
            work(by_text)
            (row,) = rows(by_text)
            assert row.status == "waiting"
            pauses.append(round((row.due_at - before).total_seconds() / 30))
            later(by_text, row, seconds=1)
        assert pauses == [1, 2, 4, 8]
        work(by_text)
        assert state(by_text) == ("sent", "")

    def test_one_that_would_come_too_late_has_failed(self, by_text):
        with tenancy.system(by_text.harbor):
            planning.plan()
            soon = timezone.now() + timedelta(seconds=20)
            Message.objects.update(expires_at=soon)
        by_text.text.troubles.append((429, {}))
        with patch.object(sending, "is_news", return_value=True):
            work(by_text)
        assert state(by_text) == ("failed", "unreachable")

    @pytest.mark.parametrize(
        ("code", "failure"),
        [(21211, "no_address"), (21614, "no_address"), (21610, "refused"), (20003, "not_set_up")],
    )
    def test_what_the_service_never_takes(self, by_text, code, failure):
        by_text.text.troubles.append((400, {"code": code}))
        work(by_text)
        work(by_text)
        assert state(by_text) == ("failed", failure) and by_text.text.took == []

    @pytest.mark.parametrize(
        ("code", "failure"), [(131026, "no_address"), (132001, "not_set_up"), (131047, "refused")]
    )
    def test_what_whatsapp_never_takes(self, by_whatsapp, code, failure):
        by_whatsapp.whatsapp.troubles.append((400, {"error": {"code": code}}))
        work(by_whatsapp)
        assert state(by_whatsapp) == ("failed", failure)

    def test_a_number_that_is_none(self, clinic):
        reached_by(clinic, "john", "sms", phone="call my sister")
        book(clinic)
        work(clinic)
        assert state(clinic) == ("failed", "no_address") and clinic.text.took == []

    def test_a_service_that_the_clinic_has_not(self, clinic, settings):
        settings.SMS = {}
        reached_by(clinic, "john", "sms")
        book(clinic)
        work(clinic)
        assert state(clinic) == ("failed", "not_set_up")

    @pytest.mark.parametrize(
        ("error", "status", "failure"),
        [
            (ConnectionRefusedError(), "waiting", ""),
            (smtplib.SMTPServerDisconnected(), "waiting", ""),
            (smtplib.SMTPRecipientsRefused({"x": (450, b"later")}), "waiting", ""),
            (smtplib.SMTPRecipientsRefused({"x": (550, b"no such")}), "failed", "no_address"),
            (smtplib.SMTPDataError(554, b"spam"), "failed", "refused"),
            (smtplib.SMTPAuthenticationError(535, b"who"), "failed", "not_set_up"),
        ],
    )
    def test_what_a_mail_server_says(self, clinic, error, status, failure):
        reached_by(clinic, "john", "email")
        book(clinic)
        with patch("django.core.mail.EmailMultiAlternatives.send", side_effect=error):
            work(clinic)
        assert state(clinic) == (status, failure)

    def test_a_failed_one_holds_no_other_up(self, clinic):
        reached_by(clinic, "john", "sms", "email", "portal")
        clinic.text.troubles.append((400, {"code": 21211}))
        book(clinic)
        work(clinic)
        assert told(clinic) == {
            ("John", "booked", "sms", "failed"), ("John", "booked", "email", "sent"),
            ("John", "booked", "portal", "sent"),
        }  # fmt: skip

    def test_what_was_not_delivered_after_all(self, by_whatsapp, client):
        work(by_whatsapp)
        (made,) = by_whatsapp.whatsapp.took
        event = by_whatsapp.whatsapp.state(made, "failed", errors=[{"code": 131026}])
        post_whatsapp(client, event)
        assert state(by_whatsapp) == ("failed", "no_address")


class TestServices:
    def test_one_that_is_not_there(self, clinic, settings):
        settings.SMS = clinic.text.settings | {"url": "http://127.0.0.1:9"}
        with pytest.raises(Unreached):
            sms.send(to="+16175550178", text="x")

    @pytest.mark.parametrize("status", [500, 503])
    def test_one_that_has_a_fault_of_its_own_may_have_it(self, clinic, status):
        clinic.text.troubles.append((status, {}))
        with pytest.raises(Unsure):
            sms.send(to="+16175550178", text="x")

    def test_a_wrong_token(self, clinic, settings):
        settings.SMS = clinic.text.settings | {"token": "another"}
        with pytest.raises(Unwanted) as caught:
            sms.send(to="+16175550178", text="x")
        assert caught.value.reason == "not_set_up"
        settings.WHATSAPP = clinic.whatsapp.settings | {"token": "another"}
        with pytest.raises(Unwanted) as caught:
            whatsapp.send(whatsapp.Template("a", "en", ("x",)), to="+16175550178", name="n")
        assert caught.value.reason == "not_set_up"

    def test_errors_say_nothing_of_whom_or_what(self, clinic, caplog):
        reached_by(clinic, "john", "sms", "email")
        clinic.text.troubles.append((400, {"code": 21211, "message": "+16175550178"}))
        book(clinic)
        work(clinic)
        assert "refused" in caplog.text
        for planted in ("6175550178", "john@", "John", "09:00"):
            assert planted not in caplog.text


def post_whatsapp(client, body: dict, secret: str = "app-secret"):
    """What Meta posts, signed."""
    import hashlib
    import hmac
    import json

    data = json.dumps(body).encode()
    signature = "sha256=" + hmac.digest(secret.encode(), data, hashlib.sha256).hex()
    return client.post(
        "/webhooks/whatsapp/", data, content_type="application/json",
        headers={"X-Hub-Signature-256": signature},
    )  # fmt: skip
