"""To whom a patient is open, and why: her grants in force, put together by person."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.models import RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import (
    CONFIDENTIAL_KINDS,
    Category,
    Permission,
    Reach,
)
from patients import access
from patients.models import AccessGrant, Patient

Source = AccessGrant.Source


@dataclass(frozen=True, slots=True)
class Holder:
    """A person to whom a patient is open, what of the chart, since when, why, and by whom."""

    user_id: UUID
    name: str
    role: str
    categories: list[str]
    reason: str
    since: datetime
    expires_at: datetime | None
    given_by: str

    @property
    def labels(self) -> list:
        """What is open in words; that the person is known by name goes without saying."""
        opened = (c for c in Category if c in self.categories and c != Category.VIEW)
        return [category.label for category in opened]


def of(patient: Patient, source: Source) -> list[Holder]:
    """Who holds grants of one source as far as the actor may know it; who came last is first.

    Who treats the patient knows who else does. Of confidential kinds, to whom they are open tells
    that there is such content, and the reason says more: only who reads a kind is told, and who
    oversees the clinic.
    """
    hidden = _hidden_kinds(patient)
    with _as_known_to_care(patient):
        rows = AccessGrant.grants.current().filter(content_object=patient, source=source)
        rows = rows.select_related("user", "permission", "granted_by")
        by_user: dict[UUID, list[AccessGrant]] = {}
        for grant in rows.order_by("-granted_at", "pk"):
            by_user.setdefault(grant.user_id, []).append(grant)
        roles = RoleAssignment.objects.titles(by_user)
    told = [_known(grants, hidden) for grants in by_user.values()]
    return [_holder(grants, roles) for grants in told if grants]


def named(users: Iterable[User]) -> list[tuple[str, str]]:
    """People to choose from, by their ids: “Sarah Smith, Physician”, in the order of a register."""
    people = list(users)
    titles = RoleAssignment.objects.titles(person.pk for person in people)
    ordered = sorted(people, key=lambda p: (p.last_name.casefold(), p.first_name.casefold()))
    return [
        (str(person.pk), f"{person.get_full_name()}, {titles.get(person.pk, '')}")
        for person in ordered
    ]


@contextmanager
def _as_known_to_care(patient: Patient) -> Iterator[None]:
    """Policies show her own grants alone to who reaches the patient by a grant."""
    actor = tenancy.current()
    if actor.is_portal or actor.clinical != Reach.GRANTED or not _reads(patient):
        yield
        return
    with tenancy.whole_facility(clinical=True):
        yield


def _reads(patient: Patient) -> bool:
    rows = Patient.objects.filter(pk=patient.pk)
    return access.visible(rows, None, category=Category.RECORDS, column="pk").exists()


def _hidden_kinds(patient: Patient) -> set[str]:
    actor = tenancy.current()
    if actor.may(Permission.STAFF_MANAGE) or actor.user_id is None:
        return set()
    held = access.categories_of(User(pk=actor.user_id), patient)
    return {kind.value for kind in CONFIDENTIAL_KINDS if kind not in held}


def _known(grants: list[AccessGrant], hidden: set[str]) -> list[AccessGrant]:
    """What of a person's grants may be told. The cover goes with the parts, and with the reason for
    the last of them: it is told where it is all that is open."""
    parts = [grant for grant in grants if grant.permission.codename != Category.VIEW]
    return [one for one in parts if one.permission.codename not in hidden] if parts else grants


def _holder(grants: list[AccessGrant], roles: dict[UUID, str]) -> Holder:
    first = grants[0]
    names = {Category.VIEW.value, *(grant.permission.codename for grant in grants)}
    return Holder(
        user_id=first.user_id,
        name=first.user.get_full_name(),
        role=roles.get(first.user_id, ""),
        categories=sorted(names),
        reason=next((grant.reason for grant in grants if grant.reason), ""),
        since=min(grant.granted_at for grant in grants),
        expires_at=access.latest([grant.expires_at for grant in grants]),
        given_by=first.granted_by.get_full_name() if first.granted_by else "",
    )
