"""What the row policies cost: the same statement with them and without, by turns in one session.

The owner runs it: FORCE ROW LEVEL SECURITY holds for the owner too, and taking it off inside a
transaction that is rolled back leaves the table as it was.
"""

import os
import time
from collections.abc import Iterator
from statistics import median

import psycopg

from benchmarks.server import Row
from clinic.security.permissions import Category, Reach
from clinic.security.tenancy import APPLY_SQL, Actor, settings_of
from patients.access import in_context
from patients.models import Patient

ROUNDS, TIMES, MOST = 9, 200, 1.15


def measure(facility_id, patient_id) -> Iterator[Row]:
    everyone = in_context(Patient.objects.order_by("-id"), Category.VIEW)
    statements = {
        "policies, a patient": everyone.filter(pk=patient_id),
        "policies, a list of 50": everyone[:50],
    }
    for name, rows in statements.items():
        sql, parameters = rows.query.sql_with_params()
        yield Row(name, *_by_turns(facility_id, sql, parameters), MOST)


def _by_turns(facility_id, sql: str, parameters) -> tuple[float, float]:
    """Median milliseconds with and without; each run begins by proving which of both it is."""
    actor = Actor(facility_id=facility_id, reach=Reach.FACILITY, clinical=Reach.FACILITY)
    context = settings_of(actor)
    timed: dict[str, list[float]] = {"FORCE": [], "NO FORCE": []}
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        for _round in range(ROUNDS):
            for force, found in timed.items():
                owner.execute(f"ALTER TABLE patients_patient {force} ROW LEVEL SECURITY")
                seen = owner.execute("SELECT EXISTS (SELECT FROM patients_patient)").fetchone()[0]
                assert seen == (force == "NO FORCE"), "the policies are not as they are said to be"
                owner.execute(APPLY_SQL, context)
                for _time in range(TIMES // 10):
                    owner.execute(sql, parameters, prepare=True).fetchall()
                begun = time.perf_counter()
                for _time in range(TIMES):
                    owner.execute(sql, parameters, prepare=True).fetchall()
                found.append((time.perf_counter() - begun) / TIMES * 1000)
                owner.rollback()
    return median(timed["FORCE"]), median(timed["NO FORCE"])
