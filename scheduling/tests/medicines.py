"""Medicines, reminders and doses of the tests, at a moment that stands still."""

from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from unittest import mock

from django.db import transaction
from django.utils import timezone

from clinic.security import tenancy
from patients.models import Medication
from scheduling.medicines import due, reminders
from scheduling.models import MedicationReminder, ReminderLog

# Monday 23 November 2026, 7:00 in New York.
MORNING = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@contextmanager
def at(when: datetime):
    """The block runs at that moment."""
    with mock.patch.object(timezone, "now", lambda: when):
        yield


def medicine(cast, patient=None, name="Metformin", **more) -> Medication:
    patient = patient or cast.mr_doe
    facility = cast.harbor if patient.facility_id == cast.harbor.pk else cast.austa
    with transaction.atomic(), tenancy.system(facility):
        return Medication.objects.create(
            facility=facility, patient=patient, generic_name=name, dosage="500 mg", **more
        )


def remind(cast, medication=None, by="john", portal=True, when=MORNING, **said):
    """John is reminded at 8 and at 20 o'clock, unless something else is said."""
    medication = medication or medicine(cast)
    if not said.keys() & {"pattern"}:
        said = {"pattern": "times", "times": [time(8), time(20)]} | said
    with at(when), cast.acting(by, portal=portal), transaction.atomic():
        return reminders.remind(medication=medication, by=cast.people[by], **said)


def see(cast, when: datetime, facility=None) -> int:
    with at(when), tenancy.system(facility or cast.harbor):
        return due.see()


def doses(cast) -> list[tuple[str, str]]:
    """All doses that are written, by New York's clock."""
    with transaction.atomic(), tenancy.system(cast.harbor):
        rows = ReminderLog.objects.order_by("due_at", "pk")
        zone = cast.harbor.zone
        return [
            (f"{row.due_at.astimezone(zone):%d %H:%M}" if row.due_at else "-", row.status)
            for row in rows
        ]


def dose(cast, number: int = 0) -> ReminderLog:
    with transaction.atomic(), tenancy.system(cast.harbor):
        return ReminderLog.objects.order_by("due_at", "pk")[number]


def answer(cast, verb, row, by="john", portal=True, when=MORNING + HOUR, **more):
    with at(when), cast.acting(by, portal=portal):
        return verb(dose=row, by=cast.people[by], **more)


def count(cast) -> tuple[int, int]:
    with transaction.atomic(), tenancy.system(cast.harbor):
        return MedicationReminder.objects.count(), ReminderLog.objects.count()
