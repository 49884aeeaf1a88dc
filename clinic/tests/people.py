"""The people of the tests, known by name in all of them.

Harbor: Sarah (physician), Omar (specialist, own patients only), Nina (nurse), Fred (front desk),
Alma (administrator), Aud (auditor); the patients John, Jane and Jimmy Doe with accounts of John and
Jane. Austa, the neighbour clinic: Lucia (physician), Ana (patient).
"""

import copy
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.db import transaction

from clinic import staffing
from clinic.models import Facility, Specialist, User
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES, Role
from clinic.security.tenancy import Origin

PASSWORD = "correct horse battery staple"


@dataclass
class Cast:
    """Everybody, by name."""

    harbor: Facility
    austa: Facility
    people: dict[str, User] = field(default_factory=dict)
    patients: dict = field(default_factory=dict)
    specialists: dict[str, Specialist] = field(default_factory=dict)

    def __getattr__(self, name):
        if "patients" not in self.__dict__:
            raise AttributeError(name)
        for group in (self.people, self.patients):
            if name in group:
                return group[name]
        raise AttributeError(name)

    def acting(self, name: str, *, portal: bool = False, facility: str = ""):
        """Act as the person, in her staff or portal roles."""
        roles = PORTAL_ROLES if portal else STAFF_ROLES
        user = self.people[name]
        return tenancy.acting(
            staffing.enter(user=user, roles=roles, origin=Origin(surface="test"), facility=facility)
        )

    def token(self, name: str) -> str:
        return staffing.issue_token(user=self.people[name]).text


STAFF = {
    "harbor": {
        "alma": Role.ADMINISTRATOR,
        "sarah": Role.PHYSICIAN,
        "omar": Role.SPECIALIST,
        "nina": Role.NURSE,
        "fred": Role.FRONT_DESK,
        "phil": Role.PHARMACIST,
        "aud": Role.AUDITOR,
        "john": Role.PATIENT,
        "jane": Role.FAMILY_MEMBER,
    },
    "austa": {"lucia": Role.PHYSICIAN, "rita": Role.ADMINISTRATOR, "ana": Role.PATIENT},
}


def found_facility(slug: str, name: str, zone: str) -> Facility:
    facility = Facility(id=uuid7(), slug=slug, name=name, timezone=zone)
    with tenancy.system(facility):
        facility.save(force_insert=True)
    return facility


def person(name: str, facility: Facility, role: Role, password: str | None = None) -> User:
    user = User(email=f"{name}@{facility.slug}.test", first_name=name.title(), last_name="Test")
    if password:
        user.set_password(password)
    else:
        user.set_unusable_password()
    with tenancy.system(facility):
        user.save()
        staffing.assign(user=user, role=role, facility=facility, is_primary=True)
        if role in STAFF_ROLES:
            add_second_step(user)
    return user


TOTP_SECRET = "JBSWY3DPEHPK3PXP"


def add_second_step(user: User) -> None:
    """The authenticator app that a clinic's staff needs, without an entry on the trail."""
    secret = get_adapter().encrypt(TOTP_SECRET)
    kind = Authenticator.Type.TOTP
    Authenticator.objects.bulk_create(
        [Authenticator(user=user, type=kind, data={"secret": secret})]
    )


class Standing:
    """The cast that is committed once for all tests that roll back; each gets a copy of it."""

    cast: Cast | None = None


def make_cast() -> Cast:
    """Both clinics with their people: a copy of the standing cast, or made here, in the open
    transaction, where none stands (in tests that commit)."""
    return copy.deepcopy(Standing.cast) if Standing.cast else _made()


def stand() -> None:
    """Commit the cast, so that the tests which roll back need not make it each time."""
    with transaction.atomic():
        Standing.cast = _made()


def _made() -> Cast:
    from patients import enrolment, family, registration
    from patients.models import FamilyMember

    cast = Cast(
        harbor=found_facility("harbor", "Harbor Family Clinic", "America/New_York"),
        austa=found_facility("austa", "Clínica Austa", "America/Sao_Paulo"),
    )
    for slug, staff in STAFF.items():
        for name, role in staff.items():
            cast.people[name] = person(name, getattr(cast, slug), role)
    known = {
        "harbor": [
            ("mr_doe", "John", "Doe", date(1980, 4, 12), "john"),
            ("mrs_doe", "Jane", "Doe", date(1982, 9, 3), "jane"),
            ("jimmy", "Jimmy", "Doe", date(2014, 6, 1), None),
        ],
        "austa": [("dona_ana", "Ana", "Souza", date(1975, 2, 2), "ana")],
    }
    for slug, rows in known.items():
        with tenancy.system(getattr(cast, slug)):
            for key, first, last, born, account in rows:
                patient = registration.register(
                    by=None, first_name=first, last_name=last, date_of_birth=born
                )
                cast.patients[key] = patient
                if account:
                    enrolment.connect(patient=patient, user=cast.people[account])
    with tenancy.system(cast.harbor):
        for name in ("sarah", "omar"):
            cast.specialists[name] = Specialist.objects.create(
                facility=cast.harbor, user=cast.people[name], specialty="Family medicine"
            )
        family.stand(
            patient=cast.jimmy,
            user=cast.people["john"],
            relationship=FamilyMember.Relationship.PARENT,
            level=FamilyMember.PermissionLevel.FULL,
            is_guardian=True,
        )
    with tenancy.system(cast.austa):
        cast.specialists["lucia"] = Specialist.objects.create(
            facility=cast.austa, user=cast.people["lucia"], specialty="Clínica geral"
        )
    return cast


@pytest.fixture
def cast(db) -> Cast:
    return make_cast()


def nobody_id() -> UUID:
    """An id that nothing has."""
    return uuid7()
