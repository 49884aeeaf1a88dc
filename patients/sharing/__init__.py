"""Who sees what of a patient's record, people by categories, for who decides about it.

What is open is read from the grants in force, as the database counts them (`app_patients`), and of
somebody who has not taken up her invitation from what was agreed to. Few queries, however many
people there are.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from clinic.models import User
from clinic.security.permissions import SHARED, Category
from patients import ages, consent, family
from patients.models import AccessGrant, CareRelationship, FamilyMember, Patient
from patients.sharing.people import Ends, People
from patients.sharing.rows import PLAIN, Cell, Grid, Row, last_moment_of

__all__ = ["PLAIN", "Cell", "Grid", "Row", "grid", "last_moment_of", "open_to"]

Source = AccessGrant.Source
Status = CareRelationship.Status


def grid(patient: Patient, by: User) -> Grid:
    """Who sees what of the patient's record. Raises `Denied` for who does not decide about it."""
    consent.require_steward(patient, by)
    facility, minor = patient.facility, ages.is_minor(patient)
    relations = _relations(patient)
    people = People(patient, relations)
    private = consent.private_of(patient)
    blocked = [one for one in relations if one.status == Status.BLOCKED]
    barred = {one.clinician_id for one in blocked}

    def of_source(source: Source) -> list[Row]:
        held = people.by_source(source)
        rows = [_staff_row(user, ends, people, private) for user, ends in held.items()]
        return [row for row in rows if row and (row.pk not in barred or source == Source.EMERGENCY)]

    return Grid(
        patient=patient,
        family=[_relative_row(member, people, private) for member in family.members(patient)],
        invited=[_clinician_row(r, people, private) for r in relations if _is_agreed(r)],
        care_team=of_source(Source.CARE_TEAM),
        referrals=of_source(Source.REFERRAL),
        emergencies=of_source(Source.EMERGENCY),
        asking=[r for r in relations if r.status == Status.PENDING and not _is_agreed(r)],
        blocked=blocked,
        minor_until=ages.of_age_at(patient.date_of_birth, facility) if minor else None,
        private_from={Category(k): years for k, years in facility.private_from.items()}
        if minor
        else {},
    )


def open_to(member: FamilyMember) -> list[Cell]:
    """What is open to a relative, for herself: each part with its end."""
    grants = AccessGrant.grants.current().filter(
        content_object_id=member.patient_id, user_id=member.user_id, source=Source.FAMILY
    )
    ends = {
        Category(grant.permission.codename): grant.expires_at
        for grant in grants.select_related("permission")
    }
    return [cell for cell in _cells(ends, frozenset()) if cell.is_open]


def _relations(patient: Patient) -> list[CareRelationship]:
    rows = CareRelationship.objects.filter(patient=patient).exclude(status=Status.INACTIVE)
    return list(rows.select_related("clinician").order_by("pk"))


def _is_agreed(relation: CareRelationship) -> bool:
    """Whether the patient's side has said yes."""
    asked_by_patient = relation.invited_by == CareRelationship.Side.PATIENT
    return relation.status == Status.ACTIVE or (
        relation.status == Status.PENDING and asked_by_patient
    )


def _cells(ends: Ends, private: frozenset[Category], *, can_change: bool = False) -> list[Cell]:
    return [
        Cell(category, is_private=True)
        if category in private
        else Cell(category, category in ends, ends.get(category), can_change)
        for category in SHARED
    ]


def _relative_row(member: FamilyMember, people: People, private: frozenset[Category]) -> Row:
    sees = member.permission_level != FamilyMember.PermissionLevel.NONE
    standing = people.standing(member)
    if member.user_id:
        ends = people.ends(member.user_id, Source.FAMILY) if sees else {}
    else:
        ends = dict.fromkeys(map(Category, standing.categories if standing and sees else ()))
    return Row(
        pk=member.pk,
        name=member.name,
        role=member.get_relationship_display(),
        cells=_cells(ends, private, can_change=sees and not member.is_guardian),
        until=standing.expires_at if standing else None,
        is_pending=member.user_id is None,
        standing=standing,
        was_guardian=not sees and not member.is_guardian and people.was_guardian(member),
        of=member,
    )


def _clinician_row(relation: CareRelationship, people: People, private: frozenset) -> Row:
    works_here = relation.clinician_id in people.roles
    if relation.status == Status.ACTIVE:
        ends = people.ends(relation.clinician_id, Source.INVITED)
    else:
        ends = dict.fromkeys(map(Category, relation.categories))
    return Row(
        pk=relation.pk,
        name=relation.clinician.get_full_name(),
        role=people.roles.get(relation.clinician_id) or _("Does not work here any more"),
        cells=_cells(ends, private, can_change=works_here),
        is_pending=relation.status == Status.PENDING,
        of=relation,
    )


def _staff_row(
    user_id: UUID, grants: list[AccessGrant], people: People, private: frozenset[Category]
) -> Row | None:
    """None where all that is open to her is a minor's own: that she treats him tells enough."""
    ends = {Category(grant.permission.codename): grant.expires_at for grant in grants}
    parts = set(ends) - {Category.VIEW}
    if parts and not parts - private:
        return None
    told = (parts or set(ends)) - private  # a reason tells what it was given for
    return Row(
        pk=user_id,
        name=grants[0].user.get_full_name(),
        role=people.roles.get(user_id, ""),
        cells=_cells(ends, private),
        until=max(filter(None, ends.values()), default=None),
        reason=next((g.reason for g in grants if g.reason and g.permission.codename in told), ""),
    )
