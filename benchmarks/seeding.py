"""A clinic of 10,000 patients, and the same people in a bare table."""

import os
import random
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction

from benchmarks.models import BarePatient, BareVisit
from clinic import staffing
from clinic.models import Facility, Specialist, User
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import Role
from patients import access, registration
from patients.models import AccessGrant, Patient
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock

FIRST = "Ana Bruno Carla Daniel Elena Felix Gloria Hugo Inês Jonas Karin Luis Marta Noah".split()
LAST = "Almeida Brandt Cardoso Dietrich Esteves Fischer Gomes Hansen Iversen Jansen Keller".split()
PATIENTS = int(os.environ.get("BENCH_PATIENTS", 10_000))


def founded() -> tuple[Facility, User, Specialist, AppointmentType]:
    """The measured clinic with its physician; made once."""
    facility = Facility(id=uuid7(), slug=f"bench-{uuid7().hex[-6:]}", name="Bench", timezone="UTC")
    with tenancy.system(facility), transaction.atomic():
        facility.save(force_insert=True)
        user = User.objects.create_user(f"doctor@{facility.slug}.test", "x" * 20)
        staffing.assign(user=user, role=Role.PHYSICIAN, facility=facility, is_primary=True)
        TOTP.activate(user, "JBSWY3DPEHPK3PXP")  # as a clinic's staff has it, and each entry asks
        specialist = Specialist.objects.create(facility=facility, user=user, specialty="General")
        kind = AppointmentType.objects.create(facility=facility, name="Visit", minutes=30)
        for day in range(1, 8):
            AvailabilityBlock.objects.create(
                facility=facility, specialist=specialist, day_of_week=day, start_time=time(0),
                end_time=time(23, 59, 59),
            )  # fmt: skip
    return facility, user, specialist, kind


def related(facility: Facility, most: int = 3) -> User:
    """A relative who sees some of the patients."""
    with tenancy.system(facility), transaction.atomic():
        user = User.objects.create_user(f"relative@{facility.slug}.test", "x" * 20)
        staffing.assign(user=user, role=Role.FAMILY_MEMBER, facility=facility, is_primary=True)
        for patient in Patient.objects.order_by("id")[:most]:
            access.grant(patient=patient, user=user, source=AccessGrant.Source.FAMILY)
    return user


def identity(number: int) -> dict:
    chance = random.Random(number)
    first, last = (
        chance.choice(FIRST),
        chance.choice(LAST) + chance.choice(["", "son", "ski", "eda"]),
    )
    return {
        "first_name": first,
        "last_name": f"{last}{chance.choice('abcdefghij')}{chance.choice('klmnopqr')}",
        "date_of_birth": date(1930, 1, 1) + timedelta(days=chance.randrange(33000)),
        "gender": chance.choice(["female", "male"]),
        "phone": f"555{chance.randrange(10**7):07d}",
        "email": f"p{number}@example.test",
        "address": {"city": "Porto", "line": f"Rua {number}"},
    }


def populate(facility: Facility, tell=lambda done, total: None) -> None:
    """Register the patients through the verb, and copy them into the bare table."""
    rows = []
    for start in range(0, PATIENTS, 500):
        with tenancy.system(facility), transaction.atomic():
            for number in range(start, start + 500):
                given = identity(number)
                patient = registration.register(by=None, **given)
                rows.append(
                    BarePatient(id=patient.pk, facility_id=facility.pk, mrn=patient.mrn, **given)
                )
        tell(start + 500, PATIENTS)
    BarePatient.objects.bulk_create(rows, batch_size=500)


def book_a_day(facility, specialist, kind, day: date, visits: int = 30) -> None:
    """Thirty visits of one day, ours and bare."""
    with tenancy.system(facility), transaction.atomic():
        patients = list(Patient.objects.order_by("id")[:visits])
        opening = datetime.combine(day, time(6), ZoneInfo("UTC"))
        for number, patient in enumerate(patients):
            start = opening + timedelta(minutes=30 * number)
            shared = {
                "facility_id": facility.pk, "start_datetime": start,
                "end_datetime": start + timedelta(minutes=30), "status": "Confirmed",
                "reason": "Review",
            }  # fmt: skip
            Appointment.objects.create(
                patient=patient, specialist=specialist, appointment_type=kind, **shared
            )
            BareVisit.objects.create(
                id=uuid7(), patient_id=patient.pk, specialist_id=specialist.pk,
                appointment_type_id=kind.pk, **shared,
            )  # fmt: skip
