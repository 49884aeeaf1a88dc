"""Emergencies of the tests: Maria is a patient of Harbor whom Omar does not treat."""

import itertools
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.db import transaction

from clinic.models import LogEntry, SpentCode
from clinic.security import tenancy
from clinic.security.permissions import Category
from clinic.tests.authenticator import code_of
from clinic.tests.people import TOTP_SECRET, Cast
from compliance import breakglass
from compliance.breakglass import Proof, Sought
from compliance.models import EmergencyAccess
from patients import registration
from patients.models import AccessGrant, Allergy, BloodType, Condition, Medication

REASON = "She lies unconscious in the waiting room."
CRITICAL = ("plantedpenicillin", "plantedwarfarin", "plantedepilepsy", "plantedbrother")
NOT_CRITICAL = ("plantedpollen", "plantedoldpill", "plantedmeasles", "plantedhivpill")
BORN = date(1990, 5, 17)


def code() -> str:
    """The code that the app of the cast's staff shows now, with time left to send it."""
    return code_of(TOTP_SECRET, left=3)


def proof_of(user) -> Proof:
    """A code that works, whatever was spent before: as if the next moment had come."""
    SpentCode.objects.filter(user=user).delete()
    return Proof(code=code())


@pytest.fixture
def emergency(cast) -> Cast:
    """Maria's chart: of each kind something that belongs to the summary, and something else."""
    for name in cast.people:
        forget_attempts(cast, name)
    rows = {"facility": cast.harbor}
    with tenancy.system(cast.harbor):
        cast.patients["maria"] = registration.register(
            by=None, first_name="Maria", last_name="Plantedsouza", date_of_birth=BORN,
            emergency_contact={"name": "plantedbrother", "phone": "+1 212 555 0177"},
        )  # fmt: skip
        rows["patient"] = cast.maria
        Allergy.objects.create(**rows, allergen="plantedpenicillin", severity="anaphylactic")
        Allergy.objects.create(**rows, allergen="plantedpollen", severity="mild")
        Medication.objects.create(**rows, generic_name="plantedwarfarin", dosage="5 mg")
        Medication.objects.create(**rows, generic_name="plantedoldpill", is_active=False)
        Medication.objects.create(
            **rows, generic_name="plantedhivpill", sensitivity="confidential",
            confidential_kind="hiv",
        )  # fmt: skip
        Condition.objects.create(**rows, display="plantedepilepsy")
        Condition.objects.create(**rows, display="plantedmeasles", status="resolved")
        BloodType.objects.create(**rows, group="O-")
    return cast


def forget_attempts(cast, name: str) -> None:
    """As if an hour had passed."""
    user = cast.people[name]
    for act, facility in itertools.product(("open", "widen"), (cast.harbor, cast.austa)):
        cache.delete(f"emergency:{act}:{facility.pk}:{user.pk}")


def break_glass(cast, name: str = "omar", **given) -> EmergencyAccess:
    """The ceremony as it should be; call acting as the person."""
    user = cast.people[name]
    asked = {
        "sought": given.pop("sought", None) or Sought(patient_id=cast.maria.pk),
        "category": "unconscious", "reason": REASON, "by": user,
        "proof": given.pop("proof", None) or proof_of(user),
    }  # fmt: skip
    return breakglass.open(**asked | given)


def end_the_hour(cast, row: EmergencyAccess) -> None:
    """Move the clock past the end: the system sets the access back by hours, because the database
    takes the beginning of a test's transaction for now."""
    past = timedelta(hours=3)
    with tenancy.system(cast.harbor), transaction.atomic():
        EmergencyAccess.objects.filter(pk=row.pk).update(
            opened_at=row.opened_at - past, expires_at=row.expires_at - past
        )
        grants = AccessGrant.grants.filter(source="emergency", user_id=row.user_id)
        grants.update(expires_at=row.expires_at - past)


def opened(cast, name="omar", **given) -> EmergencyAccess:
    """An emergency that the person has opened."""
    with cast.acting(name):
        return break_glass(cast, name, **given)


def widen(cast, row, name="omar", categories=(Category.RECORDS,), reason=REASON, **given):
    """More is asked for, as it should be."""
    user = cast.people[name]
    proof = given.pop("proof", None) or proof_of(user)
    with cast.acting(name):
        return breakglass.widen(
            emergency=row, categories=categories, reason=reason, proof=proof, by=user
        )


def stored(cast, row) -> EmergencyAccess:
    """The access as it is kept now."""
    with tenancy.system(cast.harbor):
        return EmergencyAccess.objects.get(pk=row.pk)


def noted(cast, **said) -> list[LogEntry]:
    """What the trail says of emergencies."""
    with tenancy.system(cast.harbor):
        rows = LogEntry.entries.filter(resource=EmergencyAccess._meta.label_lower, **said)
        return list(rows.order_by("pk"))


def moved(cast, row, by: timedelta) -> EmergencyAccess:
    """The access as if it had been opened at another time."""
    with tenancy.system(cast.harbor):
        EmergencyAccess.objects.filter(pk=row.pk).update(
            opened_at=row.opened_at + by, expires_at=row.expires_at + by
        )
    return stored(cast, row)
