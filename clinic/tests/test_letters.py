"""Letters: what stands in them, what does not, and that each goes out once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from threading import Barrier
from unittest.mock import patch

import pytest
from celery.exceptions import Retry
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import invitations, joining, notifications, tasks
from clinic.channels import email
from clinic.models import Invitation, Notification
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.tests.people import make_cast
from config import environment

SEND = "django.core.mail.EmailMultiAlternatives.send"


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = "https://chartroom.example.org"


def invited(cast, **more) -> Invitation:
    given = {"email": "gil@example.org", "role": Role.NURSE, "first_name": "Gil",
             "last_name": "Sá"}  # fmt: skip
    with cast.acting("alma"):
        return invitations.invite(**(given | more), by=cast.alma)


def noticed(cast, name="john", **more) -> Notification:
    given = {"title": _("Emergency access"), "text": "%(name)s was opened",
             "link": "/portal/access/", "values": {"name": "Jimmy Planted"}}  # fmt: skip
    with tenancy.system(cast.harbor):
        notifications.notify([cast.people[name]], notifications.Kind.EMERGENCY, **(given | more))
        return Notification.objects.get(user=cast.people[name])


def posted(cast, row) -> mail.EmailMessage | None:
    """The letter of a row, sent as the worker sends it."""
    mail.outbox.clear()
    facility = str(row.facility_id)
    if isinstance(row, Invitation):
        tasks.send_invitation(invitation_id=str(row.pk), facility_id=facility)
    else:
        tasks.send_notice(notification_id=str(row.pk), facility_id=facility)
    return mail.outbox[0] if mail.outbox else None


def whole(letter: mail.EmailMessage) -> str:
    return "\n".join([letter.subject, letter.body, str(letter.message())])


class TestWords:
    def test_an_invitation_to_work(self, cast):
        invitation = invited(cast)
        letter = posted(cast, invitation)
        assert letter.to == ["gil@example.org"]
        assert letter.subject == "Harbor Family Clinic invites you"
        assert letter.from_email == "Harbor Family Clinic <chartroom@localhost>"
        assert "Alma Test invites you to work at Harbor Family Clinic. Your role: Nurse." in (
            letter.body.replace("\n", " ")
        )
        links = [line for line in letter.body.splitlines() if line.startswith("https://")]
        start, key = links[0].split("/accounts/invitation/")
        assert start == "https://chartroom.example.org"
        assert joining.find(key.strip("/")).pk == invitation.pk
        (page,) = letter.alternatives
        assert page.mimetype == "text/html" and links[0] in page.content

    def test_it_is_in_the_readers_language(self, cast):
        with tenancy.system(cast.austa):
            cast.lucia.preferred_language = "pt-br"
            cast.lucia.save()
        letter = posted(cast, invited(cast, email=cast.lucia.email))
        (page,) = letter.alternatives
        assert '<html lang="pt-br">' in page.content

    @pytest.mark.parametrize("role", [Role.PATIENT, Role.FAMILY_MEMBER])
    def test_that_of_a_patient_or_relative_names_nobody(self, cast, role):
        with cast.acting("john", portal=True):
            invitation = invitations.write(
                email="kin@example.org", role=role, first_name="Planted", last_name="Name",
                by=cast.john,
            )  # fmt: skip
        said = whole(posted(cast, invitation))
        assert "portal" in said
        for planted in ("John", "Doe", "Test", "Planted", "Patient", "Family member"):
            assert planted not in said.replace("Harbor Family Clinic", ""), planted

    def test_a_notice_says_that_there_is_one_and_no_more(self, cast):
        said = whole(posted(cast, noticed(cast)))
        assert "A notice from Harbor Family Clinic" in said
        assert "https://chartroom.example.org/portal/notices/" in said
        for planted in ("Emergency", "Jimmy", "Planted", "opened", "/access/"):
            assert planted not in said, planted

    @pytest.mark.parametrize(
        ("name", "link", "where"),
        [("alma", "", "/admin/notices/"), ("john", "", "/portal/notices/"),
         ("alma", "/portal/access/", "/portal/notices/")],
    )  # fmt: skip
    def test_it_leads_to_where_she_reads_notices(self, cast, name, link, where):
        assert where in posted(cast, noticed(cast, name, link=link)).body

    def test_that_to_who_works_here_names_its_clinic(self, cast):
        letter = posted(cast, noticed(cast, "alma", link="/admin/emergencies/"))
        assert "https://chartroom.example.org/admin/notices/?clinic=harbor\n" in letter.body

    def test_a_name_ends_with_its_header(self, cast):
        with tenancy.system(cast.harbor):
            cast.harbor.name = "Harbor\r\nBcc: eve@example.org"
            cast.harbor.save()
        letter = posted(cast, invited(cast)).message()
        assert letter["Bcc"] is None and "Bcc: eve@example.org" in letter["From"]


class TestOnce:
    @pytest.mark.parametrize("make", [invited, noticed])
    def test_a_task_that_runs_twice_sends_once(self, cast, make):
        row = make(cast)
        assert posted(cast, row) is not None and posted(cast, row) is None

    @pytest.mark.parametrize("make", [invited, noticed])
    def test_what_the_server_refused_is_tried_again(self, cast, make):
        row = make(cast)
        with patch(SEND, side_effect=SMTPServerDisconnected), pytest.raises(OSError):
            posted(cast, row)
        with tenancy.system(cast.harbor):
            row.refresh_from_db()
            assert row.sent_at is None
        assert posted(cast, row) is not None

    def test_the_worker_tries_it_again_in_its_facility(self, cast):
        row = invited(cast)
        arguments = {"invitation_id": str(row.pk), "facility_id": str(row.facility_id)}
        task = tasks.send_invitation
        task.push_request(args=(), kwargs=arguments, called_directly=False, retries=0, id="1")
        try:
            with (
                patch(SEND, side_effect=SMTPServerDisconnected),
                patch("celery.canvas.Signature.apply_async", autospec=True) as again,
                pytest.raises(Retry) as retry,
            ):
                task(**arguments)
        finally:
            task.pop_request()
        (signature,) = again.call_args.args
        assert signature.kwargs == arguments and 0 <= retry.value.when <= 10

    def test_what_ended_meanwhile_or_was_read_is_not_sent(self, cast):
        withdrawn, read = invited(cast), noticed(cast)
        with cast.acting("alma"):
            invitations.take_back(invitation=withdrawn, by=cast.alma)
        with cast.acting("john", portal=True):
            notifications.mark_read(read, by=cast.john)
        assert posted(cast, withdrawn) is None and posted(cast, read) is None

    def test_nor_to_somebody_who_left(self, cast):
        with tenancy.system(cast.harbor):
            cast.john.is_active = False
            cast.john.save()
        assert posted(cast, noticed(cast)) is None

    def test_that_of_another_facility_is_not_found(self, cast):
        row = invited(cast)
        tasks.send_invitation(invitation_id=str(row.pk), facility_id=str(cast.austa.pk))
        assert mail.outbox == []


class TestSweep:
    def found(self, facility) -> list[tuple]:
        with patch.object(tasks.current_app, "send_task") as queued:
            tasks.find_unsent_here(facility_id=str(facility.pk))
        return [(call.args[0], call.kwargs["kwargs"]) for call in queued.call_args_list]

    def aged(self, cast, row, **past):
        with tenancy.system(cast.harbor):
            ages = {"created_at": timezone.now() - timedelta(**past)}
            if isinstance(row, Invitation):
                ages = {"expires_at": timezone.now() + invitations.LIFE - timedelta(**past)}
            type(row).objects.filter(pk=row.pk).update(**ages)

    def test_what_was_missed_is_found_here_and_nowhere_else(self, cast):
        invitation, notice = invited(cast), noticed(cast)
        assert self.found(cast.harbor) == []
        for row in (invitation, notice):
            self.aged(cast, row, minutes=3)
        facility = str(cast.harbor.pk)
        assert self.found(cast.harbor) == [
            ("clinic.send_invitation",
             {"invitation_id": str(invitation.pk), "facility_id": facility}),
            ("clinic.send_notice", {"notification_id": str(notice.pk), "facility_id": facility}),
        ]  # fmt: skip
        assert self.found(cast.austa) == []
        for row in (invitation, notice):
            posted(cast, row)
        assert self.found(cast.harbor) == []

    def test_it_gives_up_where_no_letter_arrives(self, cast):
        for row in (invited(cast), noticed(cast)):
            self.aged(cast, row, days=2, minutes=1)
        assert self.found(cast.harbor) == []

    def test_the_scheduler_asks_every_clinic(self, cast, settings):
        assert any(
            it["task"] == "clinic.find_unsent" for it in settings.CELERY_BEAT_SCHEDULE.values()
        )
        with patch.object(tasks.current_app, "send_task") as queued:
            tasks.find_unsent()
        asked = {call.kwargs["kwargs"]["facility_id"] for call in queued.call_args_list}
        assert {str(cast.harbor.pk), str(cast.austa.pk)} <= asked


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_send_one_letter():
    with transaction.atomic():
        cast = make_cast()
        row = invited(cast)
    barrier, sent = Barrier(8), []

    def slowly(letter, *, to, language):
        sent.append(to)

    def work(_number):
        try:
            barrier.wait()
            tasks.send_invitation(invitation_id=str(row.pk), facility_id=str(cast.harbor.pk))
        finally:
            connection.close()

    with patch.object(email, "send", slowly), ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sent == ["gil@example.org"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_before_its_letter_is_out_leaves_it_to_the_next():
    with transaction.atomic():
        cast = make_cast()
        row = invited(cast)
    with patch.object(email, "send", side_effect=SystemExit), pytest.raises(SystemExit):
        tasks.send_invitation(invitation_id=str(row.pk), facility_id=str(cast.harbor.pk))
    assert posted(cast, row) is not None and posted(cast, row) is None


class TestAddress:
    def test_is_said_or_follows_from_the_hosts(self, monkeypatch):
        monkeypatch.delenv("PUBLIC_URL", raising=False)

        def found(*hosts, secure=True):
            return environment.public_url("PUBLIC_URL", list(hosts), secure=secure, port=8000)

        assert found(".clinic.example", "other") == "https://clinic.example"
        assert found("localhost", secure=False) == "http://localhost:8000"
        assert found("*", secure=False) == "http://localhost:8000"
        with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL"):
            found("*")
        monkeypatch.setenv("PUBLIC_URL", "https://charts.example.org:8443/")
        assert found("*") == "https://charts.example.org:8443"
        for wrong in ("charts.example.org", "ftp://x.org", "https://x.org/below/"):
            monkeypatch.setenv("PUBLIC_URL", wrong)
            with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL"):
                found("x.org")

    @pytest.mark.parametrize(
        ("url", "sender"),
        [
            ("smtp://user:pw@mail.example.org", "house@example.org"),
            ("smtp://me%40clinic.org:pw@mail.example.org:2525", "me@clinic.org"),
            ("smtps://me%40clinic.org:pw@mail.example.org?from=desk@clinic.org", "desk@clinic.org"),
        ],
    )
    def test_of_the_sender(self, monkeypatch, url, sender):
        monkeypatch.setenv("EMAIL_URL", url)
        found = environment.email("EMAIL_URL", "house@example.org")
        assert found["DEFAULT_FROM_EMAIL"] == sender
        assert found["EMAIL_USE_SSL"] == url.startswith("smtps")
