"""A real worker on a real broker, killed fifty times (`kill -9`) in the middle of its reminders:
each message goes out once.

The moments are the worst there are: as a service has taken a message and has not answered yet, and
any other between. The broker delivers the task of a killed process again; whole workers die, too.
What goes out is counted by the services.
"""

import hashlib
import hmac
import json
import os
import random
import signal
import subprocess
import sys
import time as clock
from collections import Counter
from datetime import date, time, timedelta
from threading import Lock
from urllib.parse import urlsplit

import psutil
import pytest
from celery import current_app
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from clinic.models import Notification
from clinic.security import tenancy
from clinic.tests.people import make_cast, person
from clinic.tests.services import WhatsAppService, all_of_them
from config.embedded.home import ROOT
from patients import enrolment, registration
from scheduling.models import Appointment, AppointmentType, Message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(360)]

KILLS, WHOLE_WORKERS = 50, 3
PATIENTS = 24
WAYS = ["portal", "email", "sms", "whatsapp"]
TASK = "scheduling.send_messages_here"
QUEUE = "killed"  # of this test alone
PATIENCE = 280  # seconds, on a machine that has much else to do


class Worker:
    """A worker with two processes that run tasks, and who kills them. What they need is imported
    before they fork, so that those which take their places are quick."""

    def __init__(self, environment: dict[str, str], log):
        self.environment, self.log = environment, log
        self.kills = self.at_the_worst = 0
        self.lock, self.random = Lock(), random.Random(4)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool=prefork",
                   "--concurrency=2", "--queues", QUEUE, "--include=config.urls",
                   "--loglevel=WARNING", "--without-gossip", "--without-mingle"]  # fmt: skip
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log
        )

    def running(self) -> psutil.Process | None:
        """One of the processes that run tasks: the one that had most to do."""
        try:
            found = psutil.Process(self.process.pid).children()
            return max(found, key=lambda one: sum(one.cpu_times()[:2]), default=None)
        except psutil.NoSuchProcess:
            return None

    def kill(self) -> None:
        """Kill it, if not enough have been killed; every so many times the whole worker."""
        with self.lock:
            if self.kills >= KILLS or (child := self.running()) is None:
                return
            self.kills += 1
            if self.kills % (KILLS // WHOLE_WORKERS) == 0:
                os.kill(self.process.pid, signal.SIGKILL)
            child.kill()

    def kill_now_and_then(self) -> None:
        """As a service has taken something: before it has answered."""
        before = self.kills
        if self.random.random() < 0.7:
            self.kill()
        self.at_the_worst += self.kills > before

    def tend(self) -> None:
        """A worker that is gone altogether is started anew, as its supervisor does."""
        if self.process.poll() is not None:
            self.start()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def visits(cast) -> None:
    """Patients with accounts, each with a visit in two days less a minute, whose reminder is
    due by every way."""
    with tenancy.system(cast.harbor):
        cast.harbor.quiet_from = cast.harbor.quiet_until = time(0)
        cast.harbor.reminder_hours = [48]
        cast.harbor.save()
        kind = AppointmentType.objects.create(facility=cast.harbor, name="Check-up", minutes=30)
    start = timezone.now() + timedelta(hours=47, minutes=59)
    for n in range(PATIENTS):
        user = person(f"p{n}", cast.harbor, "patient")
        with tenancy.system(cast.harbor):
            user.channels, user.phone = WAYS, f"+1617555{1000 + n}"
            user.save()
            patient = registration.register(
                by=None, first_name=f"P{n}", last_name="T", date_of_birth=date(1980, 1, 1)
            )
            enrolment.connect(patient=patient, user=user)
            Appointment.objects.create(
                facility=cast.harbor, patient=patient, specialist=cast.specialists["sarah"],
                appointment_type=kind, start_datetime=start, overbooking_reason="for the test",
                end_datetime=start + timedelta(minutes=30), is_overbooked=True,
                remind_at=timezone.now() - timedelta(hours=25),
            )  # fmt: skip


def environment(text, whatsapp, mailbox, address) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if "OWNER" not in name}
    name = connection.settings_dict["NAME"]
    return given | {
        "DATABASE_URL": urlsplit(given["DATABASE_URL"])._replace(path=f"/{name}").geturl(),
        "EMBEDDED": "1",
        "EMAIL_URL": address,
        "SSL_CERT_FILE": str(mailbox.certificate),
        "SMS_URL": text.url,
        "WHATSAPP_API_URL": whatsapp.url,
        "WHATSAPP_API_TOKEN": whatsapp.TOKEN,
        "MESSAGE_LOST_AFTER": "1",
    }


def post_states(whatsapp, told: set[str]) -> None:
    """WhatsApp posts what became of what it took."""
    for made in list(whatsapp.took):
        if made["id"] in told:
            continue
        told.add(made["id"])
        body = json.dumps(whatsapp.state(made)).encode()
        digest = hmac.digest(WhatsAppService.SECRET.encode(), body, hashlib.sha256).hex()
        answer = Client().post(
            "/webhooks/whatsapp/", body, content_type="application/json",
            headers={"X-Hub-Signature-256": f"sha256={digest}"},
        )  # fmt: skip
        assert answer.status_code == 200


def standing(cast) -> Counter:
    with tenancy.system(cast.harbor), transaction.atomic():
        return Counter(Message.objects.values_list("status", flat=True))


def test_each_message_once_however_often_a_worker_dies(settings, tmp_path, transactional_db):
    settings.WHATSAPP_APP_SECRET = WhatsAppService.SECRET
    with transaction.atomic():
        cast = make_cast()
        visits(cast)
    log = (tmp_path / "worker.log").open("wb")
    facility = str(cast.harbor.pk)
    with all_of_them(tmp_path) as (text, whatsapp, mailbox, address):
        worker = Worker(environment(text, whatsapp, mailbox, address), log)
        text.when_taken = whatsapp.when_taken = mailbox.when_taken = worker.kill_now_and_then
        told: set[str] = set()
        began, sent_at, before = clock.monotonic(), 0.0, Counter()
        try:
            while clock.monotonic() - began < PATIENCE:
                worker.tend()
                now = clock.monotonic()
                if now - sent_at > 0.5:  # the scheduler's, every half minute elsewhere
                    current_app.send_task(TASK, kwargs={"facility_id": facility}, queue=QUEUE)
                    sent_at = now
                post_states(whatsapp, told)
                found = standing(cast)
                if found["sent"] == PATIENTS * len(WAYS):
                    break
                if found != before and worker.random.random() < 0.2:  # it is at work
                    worker.kill()
                before = found
                clock.sleep(0.1)
        finally:
            worker.stop()
            log.close()
            current_app.control.purge()
    seconds = clock.monotonic() - began
    said = (tmp_path / "worker.log").read_text()[-3000:]
    assert standing(cast) == {"sent": PATIENTS * len(WAYS)}, said
    assert worker.kills == KILLS and worker.at_the_worst > KILLS // 2
    assert Counter(one["to"] for one in text.took) == {
        f"+1617555{1000 + n}": 1 for n in range(PATIENTS)
    }
    assert len({one["name"] for one in whatsapp.took}) == len(whatsapp.took) == PATIENTS
    assert len(set(mailbox.names)) == PATIENTS
    with tenancy.system(cast.harbor), transaction.atomic():
        notices = Notification.objects.filter(kind="visit").values_list("user_id", flat=True)
        assert Counter(Counter(notices).values()) == {1: PATIENTS}
    again = len(mailbox.names) - PATIENTS
    assert text.asked and again  # there was something to find out, and to repeat
    print(
        f"{worker.kills} kills in {seconds:.0f} s, {worker.at_the_worst} of them as a service had"
        f" taken something; {text.asked} questions, {again} letters came again"
    )
