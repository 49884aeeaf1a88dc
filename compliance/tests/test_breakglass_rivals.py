"""One code sent eight times at the same moment, on committed data."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from clinic.errors import Refused
from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.people import make_cast
from compliance.breakglass import Proof, Sought
from compliance.models import EmergencyAccess
from compliance.tests.emergencies import break_glass, code, forget_attempts

RIVALS = 8


@pytest.mark.django_db(transaction=True)
def test_one_code_sent_eight_times_at_once_opens_once(monkeypatch):
    monkeypatch.setattr("compliance.breakglass.opening.MOST_AN_HOUR", RIVALS)
    with transaction.atomic():
        cast = make_cast()
    forget_attempts(cast, "omar")
    shown, start = Proof(code=code()), Barrier(RIVALS)
    patients = [cast.mr_doe, cast.mrs_doe, cast.jimmy, cast.mr_doe] * 2

    def attempt(patient) -> str:
        try:
            start.wait(timeout=30)  # before a connection is taken: the pool has fewer
            with cast.acting("omar"):
                break_glass(cast, sought=Sought(patient_id=patient.pk), proof=shown)
            return "opened"
        except Refused as refused:
            return next(iter(refused.fields), refused.code)
        finally:
            connection.close()

    with ThreadPoolExecutor(RIVALS) as pool:
        outcomes = list(pool.map(attempt, patients))
    assert outcomes.count("opened") == 1 and outcomes.count("otp") == RIVALS - 1, outcomes
    with tenancy.system(cast.harbor), transaction.atomic():
        assert EmergencyAccess.objects.count() == 1
        refused = LogEntry.entries.filter(compliance_flags__contains=["break_glass_refused"])
        assert refused.count() == RIVALS - 1
