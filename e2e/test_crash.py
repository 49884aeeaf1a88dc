"""A web process that is killed between the commit and its answer: whoever sends the same again with
the same key gets the same visit, which stands once, is told of once, and is on the trail once."""

import random
import signal
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from datetime import time as clock
from uuid import uuid4

import httpx
import psutil
import pytest
from django.db import transaction

from clinic.models import LogEntry
from clinic.security import tenancy
from config.embedded import parts, processes, serving
from config.embedded.environment import LOOPBACK, free_port
from config.embedded.home import Home
from e2e.furniture import NEW_YORK
from scheduling.messages import planning
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock, Message

DAYS_AHEAD = 60
ROUNDS = 6  # kills at a random moment
PATIENCE = 60  # seconds until it answers again
SEED = 20261122


class Product:
    """A web process of its own on the clinic's database, and how to ask and to kill it."""

    def __init__(self, web, process, port: int, token: str):
        self.web, self.process, self.port = web, process, port
        self.headers = {"Authorization": f"Bearer {token}"}

    def post(self, path: str, body: dict, key: str, **headers) -> httpx.Response | None:
        """The answer, or None where the connection broke."""
        try:
            return httpx.post(
                f"http://{LOOPBACK}:{self.port}/api/v1/{path}", json=body, timeout=20,
                headers=self.headers | {"Idempotency-Key": key} | headers,
            )  # fmt: skip
        except httpx.TransportError:
            return None

    def post_until_answered(self, path: str, body: dict, key: str) -> httpx.Response:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answer = self.post(path, body, key)
            if answer is not None and answer.status_code != 503:
                return answer
            time.sleep(0.2)
        raise AssertionError("It does not answer any more.")

    def kill(self) -> None:
        """All of it at once, and start it anew."""
        dead = psutil.Process(self.process.pid)
        for one in (dead, *dead.children(recursive=True)):
            one.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = self.web.launch()


@pytest.fixture(scope="module")
def product(clinic, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("dying"))
    home.create()
    port = free_port()
    given = {"PORT": str(port), "DJANGO_SETTINGS_MODULE": "e2e.dying"}
    web, *_others = parts.product(home, clinic.environment | given)
    with transaction.atomic():
        token = clinic.cast.token("fred")
    made = Product(web, web.launch(), port, token)
    try:
        ready = processes.wait_until(
            lambda: serving.ask_readiness(port)[0] == serving.READY, 90, every=0.2
        )
        assert ready, processes.last_lines(home.log("web"))
        yield made
    finally:
        processes.stop(made.process, ((signal.SIGTERM, 8.0),))


@pytest.fixture(scope="module")
def kind(clinic) -> AppointmentType:
    """A visit of five minutes with Omar on a day that is all his."""
    cast = clinic.cast
    with tenancy.system(cast.harbor), transaction.atomic():
        AvailabilityBlock.objects.create(
            facility=cast.harbor, specialist=cast.specialists["omar"], exception_date=the_day(),
            start_time=clock(0), end_time=clock(23),
        )  # fmt: skip
        return AppointmentType.objects.create(facility=cast.harbor, name="Injection", minutes=5)


def the_day():
    return datetime.now(NEW_YORK).date() + timedelta(days=DAYS_AHEAD)


def visit(clinic, kind, number: int) -> dict:
    start = datetime.combine(the_day(), clock(0), NEW_YORK) + timedelta(minutes=5 * number)
    return {
        "patient": str(clinic.cast.mr_doe.pk), "appointment_type": str(kind.pk),
        "specialist": str(clinic.cast.specialists["omar"].pk), "start_datetime": start.isoformat(),
    }  # fmt: skip


def check(clinic, kind, answers: list[httpx.Response]) -> None:
    """Each is there once, was told of once by each way, and was written on the trail once."""
    ids = [answer.json()["id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    with tenancy.system(clinic.cast.harbor):
        for _time in range(2):
            planning.plan()
        with transaction.atomic():
            stored = Appointment.objects.filter(pk__in=ids)
            assert stored.count() == len(ids)
            told = Counter(
                Message.objects.filter(appointment__in=ids, kind=Message.Kind.BOOKED).values_list(
                    "appointment_id", "channel", "user_id"
                )
            )
            written = Counter(
                LogEntry.entries.filter(
                    resource="scheduling.appointment", action=LogEntry.Action.CREATE,
                    object_pk__in=ids,
                ).values_list("object_pk", flat=True)
            )  # fmt: skip
    assert {str(pk) for pk, _way, _who in told} == set(ids) and set(told.values()) == {1}
    assert set(written) == set(ids) and set(written.values()) == {1}


def count(clinic, kind) -> int:
    with tenancy.system(clinic.cast.harbor), transaction.atomic():
        return Appointment.objects.filter(appointment_type=kind).count()


@pytest.mark.timeout(240)
def test_killed_after_the_commit_the_retry_gets_the_same_visit(clinic, product, kind):
    body, key, before = visit(clinic, kind, 0), str(uuid4()), count(clinic, kind)
    died = product.post("appointments/", body, key, **{"X-Die-Before-Answering": "1"})
    assert died is None, "no answer left it"
    assert count(clinic, kind) == before + 1, "and it was booked"
    first = product.post_until_answered("appointments/", body, key)
    again = product.post_until_answered("appointments/", body, key)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert count(clinic, kind) == before + 1
    other = product.post_until_answered("appointments/", visit(clinic, kind, 1), key)
    assert other.status_code == 422, "another body is another request"
    check(clinic, kind, [first])


@pytest.mark.timeout(400)
def test_killed_at_any_moment_too(clinic, product, kind):
    """While a request is under way the process is killed at a random moment: before, within or
    after its transaction."""
    moments, answers, before = random.Random(SEED), [], count(clinic, kind)
    for number in range(ROUNDS):
        body, key = visit(clinic, kind, 10 + number), str(uuid4())
        sender = threading.Thread(target=product.post, args=("appointments/", body, key))
        sender.start()
        time.sleep(moments.uniform(0, 0.06))
        product.kill()
        sender.join()
        answers.append(product.post_until_answered("appointments/", body, key))
    assert {answer.status_code for answer in answers} == {201}
    assert count(clinic, kind) == before + ROUNDS
    check(clinic, kind, answers)
