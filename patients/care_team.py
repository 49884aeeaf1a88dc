"""The care team: who of the clinic reaches a patient by a grant, and for how long.

People whose role reaches the whole facility need no grant; a specialist sees her own patients only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing, invalid
from clinic.models import RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import STAFF_ROLES, Category, Denied, Permission, Reach
from patients import access
from patients.models import AccessGrant, Patient

Source = AccessGrant.Source
# What a member of the care team needs to treat; sensitive records are opened one by one.
USUAL = tuple(c for c in Category if c not in {Category.SENSITIVE, Category.ACCESS_LOG})


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the care team and what of the chart is open to her."""

    user_id: UUID
    name: str
    categories: list[str]
    reason: str
    since: datetime
    expires_at: datetime | None


def members(patient: Patient) -> list[Member]:
    """The care team as far as the actor may know it; who came last is first."""
    grants = AccessGrant.grants.current().filter(content_object=patient, source=Source.CARE_TEAM)
    by_user: dict[UUID, list[AccessGrant]] = {}
    for grant in grants.select_related("user", "permission").order_by("-created_at", "pk"):
        by_user.setdefault(grant.user_id, []).append(grant)
    return [_member(rows) for rows in by_user.values()]


@transaction.atomic
def join(
    *,
    patient: Patient,
    user: User,
    categories: Iterable[Category] = USUAL,
    reason: str = "",
    expires_at: datetime | None = None,
    by,
) -> Member:
    """Open a patient's chart to a person of the clinic. Raises `Invalid`, and stores nothing."""
    _authorise()
    if expires_at is not None and expires_at <= timezone.now():
        raise invalid("expires_at", _("Choose a time in the future."))
    if not staff().filter(pk=user.pk).exists():
        raise invalid("user", _("There is no such person in this clinic."))
    categories = {Category.VIEW, *map(Category, categories)}
    access.grant(
        patient=patient, user=user, categories=categories, source=Source.CARE_TEAM,
        reason=reason, expires_at=expires_at,
    )  # fmt: skip
    return next(member for member in members(patient) if member.user_id == user.pk)


@transaction.atomic
def leave(*, patient: Patient, user_id: UUID, by) -> None:
    """Close the chart to a person of the care team; it holds from her next request on."""
    _authorise()
    held = AccessGrant.grants.filter(
        content_object=patient, user_id=user_id, source=Source.CARE_TEAM
    )
    if not held.exists():
        raise Missing(_("There is no such person in the care team."))
    access.revoke(patient=patient, user=User(pk=user_id), source=Source.CARE_TEAM)


def staff():
    """The people who hold a staff role in the facility acted in."""
    held = RoleAssignment.objects.filter(
        facility_id=tenancy.current().facility_id, is_active=True, role__in=STAFF_ROLES
    )
    return User.objects.filter(is_active=True, pk__in=held.values("user_id"))


def _authorise() -> None:
    actor = tenancy.current()
    actor.require(Permission.CHART_WRITE)
    if actor.clinical != Reach.FACILITY:
        raise Denied(Permission.CHART_WRITE)


def _member(grants: list[AccessGrant]) -> Member:
    first = grants[0]
    return Member(
        user_id=first.user_id,
        name=first.user.get_full_name(),
        categories=sorted(grant.permission.codename for grant in grants),
        reason=first.reason,
        since=min(grant.created_at for grant in grants),
        expires_at=first.expires_at,
    )
