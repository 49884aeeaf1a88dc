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

from clinic import notifications, words
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
    """Open a patient's chart to a person of the clinic: what is usual, or these categories. What
    one reads by a grant alone is passed on until that ends, at most; confidential content nobody
    opens to herself.

    Raises `Invalid`, and stores nothing.
    """
    require_leading(patient, by)
    if expires_at is not None and expires_at <= timezone.now():
        raise invalid("expires_at", _("Choose a time in the future."))
    if not staff().filter(pk=user.pk).exists():
        raise invalid("user", _("There is no such person in this clinic."))
    if user.pk == by.pk and tenancy.current().clinical != Reach.FACILITY:
        raise invalid("user", _("Nobody opens more of a patient to herself."))
    ends = openable(patient, categories, by, until=expires_at)
    if user.pk == by.pk and ends.keys() & set(CONFIDENTIAL_KINDS):
        raise invalid("user", _("Nobody opens more of a patient to herself."))
    with tenancy.whole_facility(clinical=True):
        access.grant_until(
            patient=patient, user=user, ends=ends, source=Source.CARE_TEAM,
            reason=reason.strip()[:300], by=by,
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

    Who holds a kind may, for as long as she holds it, and an administrator: a patient without an
    account could let nobody in. Nobody opens it to herself. The patient is told. Raises `Invalid`,
    and stores nothing.
    """
    actor = tenancy.current()
    actor.require(Permission.CARE_TEAM_MANAGE)
    wanted = {Category(kind) for kind in kinds}
    if not wanted or wanted - set(CONFIDENTIAL_KINDS):
        raise invalid("categories", _("Choose kinds of confidential content."))
    if not words.says(reason, least=SHORTEST_REASON):
        raise invalid("reason", _("Say why, in a sentence."))
    if until is not None and until <= timezone.now():
        raise invalid("until", _("Choose a time in the future."))
    if not staff().filter(pk=user.pk).exists():
        raise invalid("user", _("There is no such person in this clinic."))
    access.require_reach(patient, Category.VIEW, by)
    held, oversees = access.held_until(by, patient), actor.may(Permission.STAFF_MANAGE)
    if user.pk == by.pk or not (oversees or wanted <= held.keys()):
        raise Denied(Permission.CARE_TEAM_MANAGE)
    ends = {kind: until if oversees else _sooner(until, held[kind]) for kind in wanted}
    with tenancy.whole_facility(clinical=True):
        access.grant_until(
            patient=patient, user=user, ends=ends, source=Source.CARE_TEAM,
            reason=reason.strip()[:300], by=by,
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


def openable(
    patient: Patient, categories: Iterable[Category] | None, by, *, until: datetime | None = None
) -> dict[Category, datetime | None]:
    """What one opens of a patient to a colleague, each part with its end: parts of the chart that
    one reads oneself, and no longer than one reads them; without `categories` those of them that
    are usual. The cover goes with any. Raises `Invalid` naming what cannot be."""
    held = access.held_until(by, patient)
    if categories is None:
        wanted = held.keys() & set(USUAL)
    else:
        wanted = {Category(category) for category in categories}
    if wanted - {Category.VIEW, *SHARED}:
        raise invalid("categories", _("Choose parts of the chart."))
    if wanted - held.keys() - {Category.VIEW}:
        raise invalid("categories", _("You can open only what you read yourself."))
    parts = wanted - {Category.VIEW} or {Category.VIEW}
    return {category: _sooner(until, held.get(category)) for category in parts}


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    """The first of two ends; None is none."""
    return min(filter(None, (one, other)), default=None)


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
