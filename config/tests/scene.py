"""A day at Harbor, with something planted in every table that a page shows.

Each planted word says what it is, so that a test can look for it where it must not stand.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from clinic.models.base import uuid7
from clinic.security import tenancy
from patients import registration
from patients.models import Allergy, Condition, Medication, Reading
from records import charting, documents
from records.models import Encounter
from scheduling import hours, kinds
from scheduling.models import Appointment

CLINICAL = [
    "plantedallergen", "plantedproblem", "plantedmedicine", "planteddiagnosis", "plantednote",
    "plantedletter", "plantedlab", "plantedreason", "plantedencounter",
]  # fmt: skip
LETTER = b"This plantedletter says that the knee is better. Come back in March 2027 for the knee."


@pytest.fixture
def scene(cast, settings, tmp_path):
    """Harbor with hours, a visit of today and a chart of John."""
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    with tenancy.system(cast.harbor):
        cast.kind = kinds.offer(name="Check-up", minutes=30, by=cast.alma)
    with cast.acting("alma"):
        week = {day: [(time(0), time(23, 30))] for day in range(1, 8)}
        hours.set_week(specialist=cast.specialists["sarah"], week=week, by=cast.alma)
    fill_chart(cast)
    cast.visit = visit_today(cast, cast.mr_doe, hour=10, reason="plantedreason")
    with cast.acting("sarah"):
        cast.letter = documents.upload(
            patient=cast.mr_doe, data=LETTER, filename="plantedletter.txt", by=cast.sarah
        )
        cast.record = charting.write(
            patient=cast.mr_doe, by=cast.sarah, primary_diagnosis="planteddiagnosis",
            notes="plantednote", vital_signs={"weight": 74.2},
        )  # fmt: skip
    with tenancy.system(cast.harbor):
        documents.read(cast.letter.pk)
    return cast


def fill_chart(cast) -> None:
    rows = {"facility": cast.harbor, "patient": cast.mr_doe}
    with tenancy.system(cast.harbor):
        Allergy.objects.create(**rows, allergen="plantedallergen", severity="severe")
        Condition.objects.create(**rows, display="plantedproblem")
        Medication.objects.create(**rows, generic_name="plantedmedicine", dosage="5 mg")
        Encounter.objects.create(**rows, display="plantedencounter", started_at=days_ago(40))
        for n, value in enumerate((74, 75, 76)):
            Reading.objects.create(
                **rows, reading_type="weight", value=Decimal(value), unit="kg",
                taken_at=days_ago(30 - n),
            )  # fmt: skip
        Reading.objects.create(
            **rows, reading_type="laboratory", display="plantedlab", value=Decimal("5.6"),
            unit="mmol/L", reference_high=Decimal(5), taken_at=days_ago(3),
        )  # fmt: skip


def days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def visit_today(cast, patient, *, hour: int, minute: int = 0, reason: str = "") -> Appointment:
    """A visit of today, whatever the time is now: booking itself takes no time of the past."""
    today = timezone.now().astimezone(cast.harbor.zone).date()
    start = datetime.combine(today, time(hour, minute), cast.harbor.zone)
    with tenancy.system(cast.harbor):
        return Appointment.objects.create(
            facility=cast.harbor, patient=patient, specialist=cast.specialists["sarah"],
            appointment_type=cast.kind, start_datetime=start, reason=reason,
            end_datetime=start + timedelta(minutes=30), booked_by=cast.fred,
        )  # fmt: skip


def more_patients(cast, count: int, last_name: str) -> list:
    with tenancy.system(cast.harbor):
        return [
            registration.register(
                by=None, first_name=f"Given{n}", last_name=last_name,
                date_of_birth=date(1980, 1, 1), mrn=f"ZZ{uuid7().hex[-12:]}",
            )
            for n in range(count)
        ]  # fmt: skip
