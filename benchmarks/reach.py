"""What the one door costs: `visible_to` under the policies, beside a bare filter by facility
without any, by turns in one session; for a physician who sees all and a relative who sees three."""

import os
import time
from collections.abc import Iterator
from statistics import median

import psycopg
from django.db import transaction

from benchmarks.server import Row
from clinic import staffing
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES
from clinic.security.reading import Statement
from clinic.security.tenancy import APPLY_SQL, Actor, Origin, settings_of
from patients import access
from patients.models import Patient

ROUNDS, TIMES, MOST = 9, 200, 1.3


def measure(facility_id, physician: User, relative: User) -> Iterator[Row]:
    bare = Patient.objects.filter(facility_id=facility_id).order_by("-id")
    for name, user, roles in (
        ("visible_to, physician of 10,000", physician, STAFF_ROLES),
        ("visible_to, relative of 3", relative, PORTAL_ROLES),
    ):
        actor = staffing.enter(user=user, roles=roles, origin=Origin(surface="bench"))
        with tenancy.acting(actor), transaction.atomic():
            door = access.visible_to(user).order_by("-id")
            lists = statement(door[:50]), statement(bare[:50])
            yield Row(f"{name}, a list of 50", *_by_turns(actor, *lists), MOST)
            counts = counted(door), counted(bare)
            yield Row(f"{name}, a count", *_by_turns(actor, *counts), MOST)


def statement(rows) -> Statement:
    return rows.query.sql_with_params()


def counted(rows) -> Statement:
    sql, parameters = statement(rows.order_by().values("pk"))
    return f"SELECT count(*) FROM ({sql}) AS seen", parameters


def _by_turns(actor: Actor, ours: Statement, bare: Statement) -> tuple[float, float]:
    """Median milliseconds of both; each run begins by proving which of them it is."""
    timed: dict[str, list[float]] = {"FORCE": [], "NO FORCE": []}
    statements = {"FORCE": ours, "NO FORCE": bare}
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        for _round in range(ROUNDS):
            for force, found in timed.items():
                sql, parameters = statements[force]
                for table in ("patients_patient", "patients_accessgrant"):
                    owner.execute(f"ALTER TABLE {table} {force} ROW LEVEL SECURITY")
                seen = owner.execute("SELECT EXISTS (SELECT FROM patients_patient)").fetchone()[0]
                assert seen == (force == "NO FORCE"), "the policies are not as they are said to be"
                owner.execute(APPLY_SQL, settings_of(actor))
                for _time in range(TIMES // 10):
                    owner.execute(sql, parameters, prepare=True).fetchall()
                begun = time.perf_counter()
                for _time in range(TIMES):
                    owner.execute(sql, parameters, prepare=True).fetchall()
                found.append((time.perf_counter() - begun) / TIMES * 1000)
                owner.rollback()
    return median(timed["FORCE"]), median(timed["NO FORCE"])
