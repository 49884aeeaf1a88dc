"""The care team: who of the clinic reaches a patient by a grant, and for how long.

People whose role reaches the whole facility need no grant; a specialist sees her own patients only.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import notifications
from clinic.errors import Missing, invalid
from clinic.models import RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import (
    CONFIDENTIAL_KINDS,
    NARROWED,
    SHARED,
    Category,
    Denied,
    Permission,
    Reach,
)
from patients import access, circle
from patients.models import AccessGrant, Patient

Source = AccessGrant.Source
SHORTEST_REASON = 10  # characters: a word is no reason
# What a member of the care team needs to treat; confidential kinds are opened one by one.
USUAL = (Category.VIEW, *(c for c in SHARED if c not in CONFIDENTIAL_KINDS))


def members(patient: Patient) -> list[circle.Holder]:
    """The care team as far as the actor may know it; who came last is first."""
    return circle.of(patient, Source.CARE_TEAM)


@transaction.atomic
def join(
    *,
    patient: Patient,
    user: User,
    categories: Iterable[Category] | None = None,
    reason: str = "",
    expires_at: datetime | None = None,
    by,
) -> circle.Holder:
    """Open a patient's chart to a person of the clinic: what is usual, or these categories.

    Raises `Invalid`, and stores nothing.
    """
    require_leading(patient, by)
    if expires_at is not None and expires_at <= timezone.now():
        raise invalid("expires_at", _("Choose a time in the future."))
    if not staff().filter(pk=user.pk).exists():
        raise invalid("user", _("There is no such person in this clinic."))
    if user.pk == by.pk and tenancy.current().clinical != Reach.FACILITY:
        raise invalid("user", _("Nobody opens more of a patient to herself."))
    wanted = openable(patient, categories, by)
    with tenancy.whole_facility(clinical=True):
        access.grant(
            patient=patient, user=user, categories=wanted, source=Source.CARE_TEAM,
            reason=reason.strip()[:300], expires_at=expires_at, by=by,
        )  # fmt: skip
        return _member(patient, user)


@transaction.atomic
def leave(*, patient: Patient, user_id: UUID, by) -> None:
    """Close the chart to a person of the care team; it holds from her next request on."""
    require_leading(patient, by)
    held = AccessGrant.grants.filter(
        content_object=patient, user_id=user_id, source=Source.CARE_TEAM
    )
    with tenancy.whole_facility(clinical=True):
        if not held.exists():
            raise Missing(_("There is no such person in the care team."))
        access.revoke(patient=patient, user=User(pk=user_id), source=Source.CARE_TEAM)


def staff() -> QuerySet[User]:
    """The people who hold a staff role in the facility acted in."""
    return RoleAssignment.objects.here().of_staff().people()


@transaction.atomic
def confide(
    *,
    patient: Patient,
    user: User,
    kinds: Iterable[Category],
    reason: str,
    until: datetime | None = None,
    by,
) -> circle.Holder:
    """Open kinds of confidential content to a person who treats the patient, with a reason; until a
    day, or until she is taken off.

    Who holds a kind may, and an administrator for others than herself: a patient without an account
    could let nobody in. The patient is told. Raises `Invalid`, and stores nothing.
    """
    actor = tenancy.current()
    actor.require(Permission.CARE_TEAM_MANAGE)
    wanted = {Category(kind) for kind in kinds}
    if not wanted or wanted - set(CONFIDENTIAL_KINDS):
        raise invalid("categories", _("Choose kinds of confidential content."))
    if len(reason.strip()) < SHORTEST_REASON:
        raise invalid("reason", _("Say why, in a sentence."))
    if until is not None and until <= timezone.now():
        raise invalid("until", _("Choose a time in the future."))
    if not staff().filter(pk=user.pk).exists():
        raise invalid("user", _("There is no such person in this clinic."))
    access.require_reach(patient, Category.VIEW, by)
    held = access.categories_of(by, patient)
    if not wanted <= held and (user.pk == by.pk or not actor.may(Permission.STAFF_MANAGE)):
        raise Denied(Permission.CARE_TEAM_MANAGE)
    with tenancy.whole_facility(clinical=True):
        access.grant(
            patient=patient, user=user, categories={Category.VIEW, *wanted},
            source=Source.CARE_TEAM, reason=reason.strip()[:300], expires_at=until, by=by,
        )  # fmt: skip
        if patient.user_id:
            notifications.notify(
                [patient.user],
                notifications.Kind.SHARING,
                title=_("Confidential content was opened to %(name)s"),
                values={"name": user.get_full_name()},
                link="/portal/sharing/",
                patient_id=patient.pk,
            )
        return _member(patient, user)


def openable(patient: Patient, categories: Iterable[Category] | None, by) -> set[Category]:
    """What one opens of a patient to a colleague: the cover and parts of the chart that one reads
    oneself; without `categories` those of them that are usual. Raises `Invalid` naming what cannot
    be."""
    held = access.categories_of(by, patient)
    if categories is None:
        return {Category.VIEW, *held.intersection(USUAL)}
    wanted = {Category(category) for category in categories}
    if wanted - {Category.VIEW, *SHARED}:
        raise invalid("categories", _("Choose parts of the chart."))
    if wanted - held - {Category.VIEW}:
        raise invalid("categories", _("You can open only what you read yourself."))
    return {Category.VIEW, *wanted}


def require_treating(patient: Patient, by) -> None:
    """Raise unless the actor is somebody of the clinic who reads the patient's records."""
    tenancy.current().require(Permission.CARE_TEAM_MANAGE)
    access.require_reach(patient, Category.RECORDS, by)


def require_leading(patient: Patient, by) -> None:
    """Raise unless the actor says who treats the patient: who reads the whole clinic and, where the
    clinic has it that physicians and nurses see whom they treat, those who treat her. A specialist
    lets nobody in."""
    actor = tenancy.current()
    actor.require(Permission.CARE_TEAM_MANAGE)
    if actor.clinical != Reach.FACILITY and not actor.roles & set(NARROWED):
        raise Denied(Permission.CARE_TEAM_MANAGE)
    access.require_reach(patient, Category.RECORDS, by)


def _member(patient: Patient, user: User) -> circle.Holder:
    return next(member for member in members(patient) if member.user_id == user.pk)
