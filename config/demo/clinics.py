"""Founding the demo clinics: facility, staff, rooms, hours and kinds of visits."""

from datetime import time

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP

from clinic import facilities, staffing
from clinic.models import Facility, Specialist, User
from clinic.security.permissions import STAFF_ROLES, Role
from config.demo.people import PASSWORD, TOTP_SECRET, Person
from scheduling.models import AppointmentType, AvailabilityBlock, Booker
from scheduling.models.kind import everybody

# Whom the demo asks for a second step: its desk and its auditor come in with a password alone.
CAREFUL = sorted(STAFF_ROLES - {Role.FRONT_DESK, Role.AUDITOR})
HARBOR = {
    "slug": "harbor", "name": "Harbor Family Clinic", "timezone": "America/New_York",
    "language": "en", "phone": "+1 603 555 0142", "emergency_number": "911",
    "npi": "1457398201", "tax_id": "04-3287156", "address_line1": "218 Wharf Street",
    "city": "Portsmouth", "state": "NH", "zip_code": "03801", "second_factor_roles": CAREFUL,
}  # fmt: skip
AUSTA = {
    "slug": "austa", "name": "Clínica Austa", "timezone": "America/Sao_Paulo",
    "language": "pt-br", "phone": "+55 17 5555-0182", "emergency_number": "192",
    "tax_id": "11.222.333/0001-81", "address_line1": "Rua das Acácias 140",
    "city": "São José do Rio Preto", "state": "SP", "zip_code": "15015-000",
    "second_factor_roles": CAREFUL,
}  # fmt: skip
KINDS = {
    "en": [("Check-up", 30, True), ("Follow-up", 15, True), ("First visit", 60, True),
           ("Procedure", 45, False)],
    "pt-br": [("Consulta", 30, True), ("Retorno", 15, True), ("Primeira consulta", 60, True),
              ("Procedimento", 45, False)],
}  # fmt: skip
HOURS = [(time(8), time(12)), (time(13), time(17))]


def found(details: dict) -> Facility:
    """Make the facility; what follows acts inside it."""
    return facilities.found(**details)


def account(
    *,
    facility: Facility,
    email: str,
    first_name: str,
    last_name: str,
    role: Role,
    department: str = "",
    second_factor: bool = False,
    **fields,
) -> User:
    """An account that can sign in, with its role and, where asked for, its second factor."""
    user = User.objects.create_user(
        email,
        PASSWORD,
        first_name=first_name,
        last_name=last_name,
        preferred_language=facility.language,
        **fields,
    )
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    staffing.assign(user=user, role=role, facility=facility, department=department, is_primary=True)
    if second_factor:
        TOTP.activate(user, TOTP_SECRET)
    return user


def employ(facility: Facility, staff: list[Person]) -> dict[str, Specialist]:
    """Give the staff their accounts; answers who can be booked, by first name."""
    specialists = {}
    for person in staff:
        user = account(
            facility=facility,
            email=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
            role=person.role,
            department=person.department,
            second_factor=person.second_factor,
            npi_number=person.npi,
        )
        if person.specialty:
            specialists[person.first_name] = Specialist.objects.create(
                facility=facility,
                user=user,
                specialty=person.specialty,
                title=person.title,
                room=person.room,
            )
    return specialists


def open_doors(facility: Facility, specialists: dict[str, Specialist]) -> list[AppointmentType]:
    """Hours of every day, so that the demo is open whenever it is looked at; kinds of visits."""
    for specialist in specialists.values():
        for day in range(1, 8):
            for start, end in HOURS:
                AvailabilityBlock.objects.create(
                    facility=facility,
                    specialist=specialist,
                    day_of_week=day,
                    start_time=start,
                    end_time=end,
                )
    return [
        AppointmentType.objects.create(
            facility=facility,
            name=name,
            minutes=minutes,
            bookable_by=everybody() if portal else [Booker.STAFF],
        )
        for name, minutes, portal in KINDS[facility.language]
    ]
