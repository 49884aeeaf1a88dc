"""CPU a request, server and database together, beside a bare DRF view of the same server."""

import json
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import psycopg
from django.db import transaction
from django.utils import timezone

from benchmarks import memory, policies, reach, seeding, server
from benchmarks.models import TABLES
from benchmarks.server import Row
from clinic import staffing
from clinic.models.base import uuid7
from clinic.security import tenancy
from patients.models import Patient


def measure(count: int = 400) -> Iterator[Row | memory.Row]:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute(TABLES)
    facility, user, specialist, kind = seeding.founded()
    seeding.populate(facility)
    day = timezone.now().date() + timedelta(days=400)
    seeding.book_a_day(facility, specialist, kind, day)
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("ANALYZE")
    with tenancy.system(facility), transaction.atomic():
        token = staffing.issue_token(user=user).text
        ids = [str(pk) for pk in Patient.objects.order_by("id").values_list("pk", flat=True)[:2000]]
    with server.serving() as web:
        yield from _rows(web, token, facility, ids, specialist, kind, day, count)
        yield from memory.web(web)
    yield from policies.measure(facility.pk, ids[0])
    yield from reach.measure(facility.pk, user, seeding.related(facility))


def _rows(web, token, facility, ids, specialist, kind, day: date, count: int):
    signed = {"Authorization": f"Bearer {token}"}
    typed = {"Content-Type": "application/json"}

    def get(path, headers=None):
        def request(number, link):
            status, body = server.call("GET", path(number), headers=headers, link=link)
            assert status == 200, (status, path(number), body[:300])

        return request

    def post(path, body, headers):
        def request(number, link):
            data = json.dumps(body(number)).encode()
            status, answer = server.call("POST", path, body=data, headers=headers, link=link)
            assert status == 201, (status, answer[:500])

        return request

    def compare(name, ours, bare, most, count=count):
        return Row(name, *server.beside(web, ours, bare, count), most)

    def one(number):
        return ids[number % len(ids)]

    yield compare("get a patient", get(lambda n: f"/api/v1/patients/{one(n)}/", signed),
                  get(lambda n: f"/bare/patients/{one(n)}/"), 1.5)  # fmt: skip
    yield compare("list of 50", get(lambda n: "/api/v1/patients/?limit=50", signed),
                  get(lambda n: "/bare/patients/?limit=50"), 1.3, count // 4)  # fmt: skip
    prefixes = ["alm", "bran", "card", "diet", "est", "fis", "gom", "han", "ive", "jan", "kel"]
    yield compare("search by name prefix, 20",
                  get(lambda n: f"/api/v1/patients/?q={prefixes[n % 11]}&limit=20", signed),
                  get(lambda n: f"/bare/patients/?q={prefixes[n % 11]}&limit=20"), 1.5,
                  count // 2)  # fmt: skip
    made = iter(range(1_000_000, 9_000_000))
    yield compare("create a patient",
                  post("/api/v1/patients/", lambda n: _plain(next(made)), signed | typed),
                  post("/bare/patients/", lambda n: _bare(next(made), facility), typed),
                  2.0, count // 2)  # fmt: skip
    slots = iter(range(10_000_000))
    opening = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)

    def visit(number):
        days, place = divmod(next(slots), 46)  # the last half hour of a day is not offered
        start = opening + timedelta(days=days, minutes=30 * place)
        return {"start_datetime": start.isoformat(), "patient": ids[number % len(ids)],
                "specialist": str(specialist.pk), "appointment_type": str(kind.pk)}  # fmt: skip

    def bare_visit(number):
        given = visit(number)
        start = given["start_datetime"]
        end = (datetime.fromisoformat(start) + timedelta(minutes=30)).isoformat()
        return {"id": str(uuid7()), "facility_id": str(facility.pk), "patient_id": given["patient"],
                "specialist_id": given["specialist"], "start_datetime": start, "end_datetime": end,
                "appointment_type_id": given["appointment_type"], "reason": "Review"}  # fmt: skip

    yield compare("book a visit", post("/api/v1/appointments/", visit, signed | typed),
                  post("/bare/visits/", bare_visit, typed), 2.0, count // 2)  # fmt: skip
    window = f"from={day}T00:00:00Z&to={day + timedelta(days=1)}T00:00:00Z"
    yield compare("a day of 30 visits",
                  get(lambda n: f"/api/v1/appointments/?{window}&limit=50", signed),
                  get(lambda n: f"/bare/visits/?{window}"), 1.5, count // 4)  # fmt: skip


def _plain(number: int) -> dict:
    given = seeding.identity(number)
    return given | {"date_of_birth": given["date_of_birth"].isoformat()}


def _bare(number: int, facility) -> dict:
    return _plain(number) | {
        "id": str(uuid7()),
        "facility_id": str(facility.pk),
        "mrn": f"Z{number}",
    }
