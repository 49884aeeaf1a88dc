"""The clinic that the browser tests walk through: the cast, with charts, hours and documents."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction
from django.utils import timezone

from clinic.models import Specialist
from clinic.security import tenancy, trail
from clinic.security.tenancy import Origin
from clinic.tests.people import PASSWORD, Cast, make_cast
from patients.models import Allergy, Condition, Immunization, Medication, Patient, Reading
from records import charting, demo_letters, documents
from records.models import Encounter
from scheduling.models import Appointment, AppointmentType, AvailabilityBlock

# The secrets of the second factors, in base32.
SECRETS = {
    "john": "JBSWY3DPEHPK3PXA",
    "jane": "JBSWY3DPEHPK3PXB",
    "ana": "JBSWY3DPEHPK3PXC",
    "sarah": "JBSWY3DPEHPK3PXD",
    "alma": "JBSWY3DPEHPK3PXE",
    "nina": "JBSWY3DPEHPK3PXF",
    "omar": "JBSWY3DPEHPK3PXG",
}
NAMES = {
    "john": ("John", "Doe"),
    "jane": ("Jane", "Doe"),
    "ana": ("Ana", "Souza"),
    "sarah": ("Sarah", "Smith"),
    "alma": ("Alma", "Stone"),
    "omar": ("Omar", "Reyes"),
    "nina": ("Nina", "Berg"),
    "lucia": ("Lucia", "Prado"),
}
NEW_YORK = ZoneInfo("America/New_York")


@transaction.atomic
def furnish() -> Cast:
    """Make both clinics and what the tests need of them; call with an empty database."""
    cast = make_cast()
    for name, (first, last) in NAMES.items():
        user = cast.people[name]
        user.first_name, user.last_name = first, last
        user.set_password(PASSWORD)
        user.save()
    for name, secret in SECRETS.items():
        Authenticator.objects.filter(user=cast.people[name]).delete()  # the one all staff share
        TOTP.activate(cast.people[name], secret)
    with tenancy.system(cast.harbor):
        harbor = cast.harbor
        harbor.phone, harbor.address_line1 = "+1 212 555 0100", "14 Harbor Street"
        harbor.settings = {"opening_hours": "8:00 to 18:00, Monday to Friday"}
        harbor.save()
        open_hours(cast)
        Patient.objects.filter(pk=cast.jimmy.pk).update(gender="male")
        chart_of_john(cast)
    with cast.acting("sarah"):
        charting.write(
            patient=cast.mr_doe, appointment=cast.past_visit, final=True, by=cast.sarah,
            primary_diagnosis="High blood pressure",
            treatment="Amlodipine 5 mg, one tablet each morning.",
            notes="Blood pressure has come down. Readings at home twice a week.",
        )  # fmt: skip
    send_letters(cast)
    look_around(cast)
    return cast


def open_hours(cast: Cast) -> None:
    titles = {"sarah": ("Dr", "Family medicine", "room 3"), "omar": ("", "Acupuncture", "room 5")}
    for name, (title, specialty, room) in titles.items():
        specialist = cast.specialists[name]
        Specialist.objects.filter(pk=specialist.pk).update(
            title=title, specialty=specialty, room=room
        )
        for day in range(1, 8):
            AvailabilityBlock.objects.create(
                facility=cast.harbor, specialist=specialist, day_of_week=day,
                start_time=time(9), end_time=time(16),
            )  # fmt: skip
    cast.kinds = [
        AppointmentType.objects.create(facility=cast.harbor, name=name, minutes=minutes)
        for name, minutes in (("Blood pressure check", 20), ("Check-up", 30))
    ]


def chart_of_john(cast: Cast) -> None:
    whose = {"facility": cast.harbor, "patient": cast.mr_doe}
    now = timezone.now()
    cast.past_visit = booked(cast, cast.mr_doe, days=-46, status="Completed")
    cast.next_visit = booked(cast, cast.mr_doe, days=3)
    booked(cast, cast.jimmy, days=5)
    Allergy.objects.create(
        **whose, allergen="Penicillin", severity="severe", reactions=["swollen face", "rash"]
    )
    Medication.objects.create(
        **whose, generic_name="Amlodipine", dosage="5 mg", frequency="1 tablet each morning",
        indication="blood pressure", active_from=date(2025, 10, 6),
    )  # fmt: skip
    Medication.objects.create(
        **whose, generic_name="Vitamin D", dosage="800 IU", frequency="1 capsule a day with food"
    )
    Condition.objects.create(**whose, display="Hypertension", onset_date=date(2019, 3, 1))
    Condition.objects.create(
        **whose, display="Migraine", onset_date=date(1998, 1, 1), status="resolved",
        abatement_date=date(2016, 1, 1),
    )  # fmt: skip
    Immunization.objects.create(**whose, vaccine="Influenza", given_at=now - timedelta(days=40))
    pressures = ["152/96", "149/94", "150/95", "144/91", "141/89", "138/87", "134/84", "131/82"]
    for number, (upper, lower) in enumerate(p.split("/") for p in reversed(pressures)):
        Reading.objects.create(
            **whose, reading_type="blood_pressure", value=upper, unit="mm[Hg]",
            components=[{"code": "8462-4", "value": lower, "unit": "mm[Hg]"}],
            taken_at=now - timedelta(days=4 + 10 * number),
        )  # fmt: skip
    for name, value, unit, low, high in [
        ("HbA1c (average blood sugar)", "39", "mmol/mol", "20", "41"),
        ("Cholesterol, total", "5.6", "mmol/L", None, "5.0"),
        ("Potassium", "4.4", "mmol/L", "3.5", "5.3"),
    ]:
        Reading.objects.create(
            **whose, reading_type="laboratory", display=name, value=Decimal(value), unit=unit,
            reference_low=low and Decimal(low), reference_high=Decimal(high),
            taken_at=now - timedelta(days=4),
        )  # fmt: skip
    for days, kind in ((46, "Blood pressure check"), (210, "Yearly check-up")):
        Encounter.objects.create(
            **whose, display=kind, started_at=now - timedelta(days=days), status="finished"
        )


def booked(cast: Cast, patient: Patient, *, days: int, **fields) -> Appointment:
    """A visit with Sarah at 10 in the morning of the clinic."""
    day = datetime.now(NEW_YORK).date() + timedelta(days=days)
    start = datetime.combine(day, time(10), NEW_YORK).astimezone(UTC)
    return Appointment.objects.create(
        facility=cast.harbor, patient=patient, specialist=cast.specialists["sarah"],
        appointment_type=cast.kinds[0], start_datetime=start,
        end_datetime=start + timedelta(minutes=20), booked_by=cast.john, **fields,
    )  # fmt: skip


def letters_about(patient: Patient) -> list[demo_letters.Letter]:
    person = demo_letters.Person(patient.full_name, patient.date_of_birth, patient.mrn)
    return demo_letters.write(person, language="en")


def send_letters(cast: Cast) -> None:
    """The clinic adds two letters as PDF; they are read once the worker starts."""
    with cast.acting("sarah"):
        for letter in letters_about(cast.mr_doe)[:2]:
            documents.upload(
                patient=cast.mr_doe,
                data=demo_letters.render([letter], demo_letters.Form.PDF),
                filename=demo_letters.filename(letter, demo_letters.Form.PDF),
                document_type="referral",
                by=cast.sarah,
            )


def look_around(cast: Cast) -> None:
    """Staff look at John's record, so that he can see it."""
    for number, name in enumerate(["sarah", "nina", "sarah"]):
        with cast.acting(name) as actor:
            origin = Origin(request_id=f"look-{number}", surface="admin")
            with tenancy.acting(replace(actor, origin=origin)):
                trail.read("patients.patient", [(cast.mr_doe.pk, cast.mr_doe.pk)], how="chart")
