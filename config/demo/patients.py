"""The patients of the demo clinics, their families, letters and visits."""

import gzip
from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.db.models import QuerySet
from django.utils import timezone

from clinic import staffing
from clinic.models import Facility, Specialist, User
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, Category, Role
from clinic.security.tenancy import Origin
from config.demo.clinics import account
from patients import access, care_team, consent, enrolment, family, registration
from patients.models import (
    AccessGrant,
    Allergy,
    Condition,
    FamilyMember,
    Immunization,
    Medication,
    Patient,
    Reading,
)
from records import demo_letters, documents
from records.demo_letters import Form
from records.fhir import importing
from records.models import MedicalRecord
from scheduling.models import Appointment, AppointmentType

CHARTS = Path(importing.__file__).resolve().parent.parent / "demo_charts"
Level = FamilyMember.PermissionLevel
REASONS = ["Blood pressure review", "Test results", "Annual check", "Back pain"]
AT_HARBOR = ["dannie-kshlerin", "dominic-thiel", "kermit-trantow", "liz-conn", "marcos-delagarza"]
AT_AUSTA = ["agustin-fonseca", "gustavo-mejia"]


def import_charts(facility: Facility, names: list[str]) -> None:
    """The charts that Synthea made."""
    for name in names:
        data = gzip.decompress((CHARTS / f"{name}.json.gz").read_bytes())
        importing.import_bundle(data=data, facility=facility, by=None)


def enrol(facility: Facility, email: str, role: Role = Role.PATIENT, **identity) -> Patient:
    """A patient with an account of her own."""
    user = account(
        facility=facility,
        email=email,
        first_name=identity["first_name"],
        last_name=identity["last_name"],
        role=role,
    )
    patient = registration.register(by=None, email=email, **identity)
    enrolment.connect(patient=patient, user=user)
    return patient


def relate(
    patient: Patient, user: User, relationship: str, categories: Collection[Category] = ()
) -> None:
    """A relative's account beside the patient: a guardian, or with what the patient agreed to."""
    member = family.stand(
        patient=patient,
        user=user,
        relationship=relationship,
        level=Level.LIMITED if categories else Level.FULL,
        is_guardian=not categories,
    )
    if categories:
        origin = Origin(surface="demo")
        actor = staffing.enter(user=patient.user, roles=PORTAL_ROLES, origin=origin)
        with tenancy.acting(actor):
            consent.give(member=member, categories=categories, by=patient.user)


def doe_family(facility: Facility) -> list[Patient]:
    """John and Jane Doe and their son Jimmy, who is 12."""
    today = timezone.localdate()
    john = enrol(
        facility, "john.doe@harbor.demo", first_name="John", last_name="Doe",
        date_of_birth=date(1981, 4, 12), gender="male", phone="+1 617 555 0178",
        emergency_contact={"name": "Jane Doe", "phone": "+1 617 555 0179",
                           "relationship": "spouse"},
        insurance_info={"company": "Bay State Health", "number": "BSH-7741902"},
    )  # fmt: skip
    jane = enrol(
        facility, "jane.doe@harbor.demo", first_name="Jane", last_name="Doe",
        date_of_birth=date(1983, 9, 3), gender="female", phone="+1 617 555 0179",
    )  # fmt: skip
    jimmy = enrol(
        facility, "jimmy.doe@harbor.demo", first_name="Jimmy", last_name="Doe",
        date_of_birth=date(today.year - 12, 2, 9), gender="male",
    )  # fmt: skip
    for parent in (john, jane):
        relate(jimmy, parent.user, FamilyMember.Relationship.PARENT)
    relate(
        john, jane.user, FamilyMember.Relationship.SPOUSE,
        (Category.APPOINTMENTS, Category.MEDICATIONS),
    )  # fmt: skip
    return [john, jane, jimmy]


def chart_of_john(patient: Patient, physician: User) -> None:
    """A middle-aged man whose blood pressure comes down, allergic to penicillin."""
    who = {"facility_id": patient.facility_id, "patient": patient, "verified_by": physician}
    Allergy.objects.create(
        allergen="Penicillin", allergen_category="medication", severity="moderate",
        criticality="high", verification_status="confirmed", reactions=["Itching rash"],
        onset_date=date(2009, 5, 2), **who,
    )  # fmt: skip
    Allergy.objects.create(
        allergen="Peanut", allergen_category="food", severity="mild", reactions=["Itching"], **who
    )
    for display, code, since in [
        ("Hypertension", "I10", date(2019, 3, 4)),
        ("Raised cholesterol", "E78.00", date(2024, 1, 15)),
    ]:
        Condition.objects.create(
            display=display, code=code, code_system="ICD-10-CM", onset_date=since, **who
        )
    for name, dose, often, reason in [
        ("Amlodipine", "5 mg", "1 each morning", "Blood pressure"),
        ("Atorvastatin", "20 mg", "1 each evening", "Cholesterol"),
    ]:
        Medication.objects.create(
            generic_name=name, dosage=dose, frequency=often, route="By mouth", indication=reason,
            prescribed_by="Dr Sarah Smith", active_from=date(2026, 10, 6), **who,
        )  # fmt: skip
    Immunization.objects.create(
        vaccine="Influenza, seasonal", given_at=timezone.now() - timedelta(days=40), **who
    )
    series = [(152, 96, 74.1), (149, 95, 73.6), (148, 94, 73.0), (144, 92, 72.4), (141, 90, 71.9),
              (138, 87, 71.6), (134, 84, 71.3), (131, 82, 71.0)]  # fmt: skip
    for week, (upper, lower, weight) in enumerate(series):
        taken = timezone.now() - timedelta(weeks=len(series) - week)
        Reading.objects.create(
            reading_type="blood_pressure", value=upper, unit="mmHg", taken_at=taken,
            components=[{"code": "8462-4", "display": "Diastolic blood pressure",
                         "value": str(lower), "unit": "mmHg"}],
            trend_direction="falling", **who,
        )  # fmt: skip
        Reading.objects.create(
            reading_type="weight", value=Decimal(str(weight)), unit="kg", taken_at=taken,
            trend_direction="falling", **who,
        )  # fmt: skip
        Reading.objects.create(
            reading_type="heart_rate", value=78 - week, unit="/min", taken_at=taken, **who
        )


def bring_letters(patient: Patient, language: str, forms: list[Form], by: User) -> None:
    """The letters about a patient, each in its form, uploaded as a person would."""
    about = demo_letters.Person(patient.full_name, patient.date_of_birth, patient.mrn)
    letters = demo_letters.write(about, language=language)
    for number, (letter, form) in enumerate(zip(letters, forms, strict=True)):
        documents.upload(
            patient=patient,
            data=demo_letters.render([letter], form, seed=number + 1),
            filename=demo_letters.filename(letter, form),
            document_type=letter.document_type,
            by=by,
        )


def fill_the_day(
    facility: Facility,
    specialists: list[Specialist],
    kinds: list[AppointmentType],
    patients: QuerySet[Patient] | list[Patient],
    strangers: Collection[Patient] = (),
) -> None:
    """Visits of today and of the next days, and some that are over; `strangers` come to the first
    specialist alone."""
    zone, patients = facility.zone, list(patients)
    today = timezone.now().astimezone(zone).date()
    minutes = [8 * 60, 8 * 60 + 45, 9 * 60 + 30, 10 * 60 + 15, 11 * 60, 13 * 60, 14 * 60, 15 * 60]
    turn = 0
    for offset in (-7, 0, 1, 3):
        for column, specialist in enumerate(specialists):
            for place, minute in enumerate(minutes[column % 2 :: 2]):
                while column and patients[turn % len(patients)] in strangers:
                    turn += 1
                patient = patients[turn % len(patients)]
                kind = kinds[(turn + column) % 2]
                start = datetime.combine(today, datetime.min.time(), zone) + timedelta(
                    days=offset, minutes=minute + 15 * (column // 2)
                )
                turn += 1
                _visit(facility, specialist, patient, kind, start, place)


def _visit(facility, specialist, patient, kind, start: datetime, place: int) -> None:
    over = start < timezone.now()
    status = Appointment.Status.CONFIRMED
    if over:
        status = Appointment.Status.NO_SHOW if place == 2 else Appointment.Status.COMPLETED
    elif place == 3:
        status = Appointment.Status.PENDING
    end = start + timedelta(minutes=kind.minutes)
    clash = Appointment.objects.standing().filter(patient=patient).between(start, end).exists()
    if not clash:
        Appointment.objects.create(
            facility=facility, specialist=specialist, patient=patient, appointment_type=kind,
            start_datetime=start, end_datetime=end, status=status,
            reason=REASONS[place % 4],
        )  # fmt: skip


def write_record(patient: Patient, author: User) -> None:
    """The record of John's last visit."""
    MedicalRecord.objects.create(
        facility_id=patient.facility_id,
        patient=patient,
        author=author,
        visit_date=timezone.now() - timedelta(days=46),
        department="Family medicine",
        primary_diagnosis="Hypertension, not at goal",
        secondary_diagnoses=["Raised cholesterol"],
        vital_signs={"systolic": 144, "diastolic": 92, "heart_rate": 74, "weight": 72.4},
        treatment="Amlodipine raised from 2.5 mg to 5 mg. Home readings twice a week.",
        notes="No ankle swelling. Walks 30 minutes most days. Review in 7 weeks.",
        status=MedicalRecord.Status.FINAL,
    )


def admit(specialist: Specialist, patients: list[Patient]) -> None:
    """The patients of a specialist who sees his own only: those he has visits with, and these."""
    visited = Appointment.objects.filter(specialist=specialist).values("patient_id")
    for patient in [*Patient.objects.filter(pk__in=visited), *patients]:
        access.grant(
            patient=patient, user=specialist.user, source=AccessGrant.Source.CARE_TEAM,
            reason="Own patient", categories=care_team.USUAL,
        )  # fmt: skip
