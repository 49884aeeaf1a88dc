"""Two hundred who want one time at the same moment, over HTTP: one gets it, the others are told."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from threading import Barrier
from uuid import uuid4

import httpx
import pytest
from django.db import transaction

from clinic.models import LogEntry
from clinic.security import tenancy
from e2e.furniture import NEW_YORK
from patients import registration
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock

RIVALS = 200
DAYS_AHEAD = 70


@pytest.fixture(scope="module")
def wish(clinic) -> dict:
    """A time of Omar's, without the patient."""
    cast, day = clinic.cast, datetime.now(NEW_YORK).date() + timedelta(days=DAYS_AHEAD)
    with tenancy.system(cast.harbor), transaction.atomic():
        AvailabilityBlock.objects.create(
            facility=cast.harbor, specialist=cast.specialists["omar"], exception_date=day,
            start_time=time(9), end_time=time(12),
        )  # fmt: skip
        kind = AppointmentType.objects.create(facility=cast.harbor, name="Vaccination", minutes=30)
    return {
        "appointment_type": str(kind.pk), "specialist": str(cast.specialists["omar"].pk),
        "start_datetime": datetime.combine(day, time(10), NEW_YORK).isoformat(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def rivals(clinic) -> list[str]:
    with tenancy.system(clinic.cast.harbor), transaction.atomic():
        people = [
            registration.register(
                by=None, first_name=f"Rival{n}", last_name="Rivers", date_of_birth=date(1980, 1, 1)
            )
            for n in range(RIVALS)
        ]
    return [str(patient.pk) for patient in people]


@pytest.fixture(scope="module")
def token(clinic) -> str:
    with transaction.atomic():
        return clinic.cast.token("fred")


@pytest.mark.timeout(240)
def test_of_two_hundred_one_is_answered_201_and_all_others_409(clinic, wish, rivals, token):
    ready = Barrier(RIVALS)
    address = f"{clinic.address}/api/v1/appointments/"

    def ask(patient: str) -> httpx.Response:
        """Over a connection of its own, at the same moment as all others."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        with httpx.Client(headers=headers, timeout=120) as link:
            ready.wait(60)
            return link.post(address, json=wish | {"patient": patient})

    with ThreadPoolExecutor(RIVALS) as pool:
        answers = list(pool.map(ask, rivals))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: RIVALS - 1}
    (won,) = (answer.json()["id"] for answer in answers if answer.status_code == 201)
    with tenancy.system(clinic.cast.harbor), transaction.atomic():
        visits = Appointment.objects.filter(appointment_type=wish["appointment_type"])
        assert [str(visit.pk) for visit in visits] == [won]
        begun = LogEntry.entries.filter(
            resource="scheduling.appointment", action=LogEntry.Action.CREATE, object_pk=won
        )
        assert begun.count() == 1
