"""Families: who belongs to one, who is invited, who guards a minor, and who leaves."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import invitations, words
from clinic.errors import Conflict, Invalid, invalid
from clinic.models import Invitation, User
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied, Permission, Role
from patients import access, addresses, ages, consent, relationships
from patients.models import AccessGrant, FamilyAccount, FamilyMember, Patient

Level = FamilyMember.PermissionLevel
Relationship = FamilyMember.Relationship
MEMBERS_SEE_MEMBERS = "members_see_members"  # the one thing that a family settles of its privacy
GUARDIANS = frozenset({Relationship.PARENT, Relationship.GRANDPARENT, Relationship.GUARDIAN})


class FamilyFull(Conflict):
    """The family has as many members as it can have."""


def members(patient: Patient) -> QuerySet[FamilyMember]:
    """The patient's relatives as far as the actor may know them, who came first leading. In the
    portal one relative knows of the others where the family has it so, and who speaks for the
    family decides for the patient."""
    actor = tenancy.current()
    rows = FamilyMember.objects.filter(
        patient=patient, ended_at=None, facility_id__in=actor.facilities
    )
    if actor.is_portal and patient.pk not in actor.stewarded and patient.user_id != actor.user_id:
        open_families = FamilyAccount.objects.filter(
            **{f"privacy_settings__{MEMBERS_SEE_MEMBERS}": True},
            primary_member__in=_deciding(patient),
        )
        rows = rows.filter(Q(account__in=open_families) | Q(user_id=actor.user_id))
    return rows.select_related("user", "patient", "facility", "invitation").order_by("pk")


@transaction.atomic
@tenancy.by_verb()
def invite(
    *,
    patient: Patient,
    email: str,
    name: str,
    relationship: str,
    level: str = Level.LIMITED,
    categories: Iterable[Category] = (),
    expires_at: datetime | None = None,
    by: User,
) -> FamilyMember:
    """Invite a relative by e-mail, and agree to what she will see. Nothing opens before she has
    taken up the invitation. Whether the address has an account is not told.

    Raises `Invalid` and `FamilyFull`, and stores nothing.
    """
    consent.require_steward(patient, by)
    if level == Level.FULL and ages.is_minor(patient):
        raise invalid("permission_level", _("Only guardians act for a minor."))
    member = _invited(patient, email, name, relationship, level, by=by)
    if categories:
        consent.give(member=member, categories=categories, expires_at=expires_at, by=by)
    return member


@transaction.atomic
@tenancy.by_verb()
def invite_guardian(
    *, patient: Patient, email: str, name: str, relationship: str, by: User
) -> FamilyMember:
    """Invite a minor's guardian, whose papers the clinic has seen. She sees the chart by law until
    the day of majority, except what is the minor's own."""
    tenancy.current().require(Permission.FAMILY_MANAGE)
    access.require_reach(patient, Category.VIEW, by)
    if not ages.is_minor(patient) or _decides(patient):
        raise invalid("patient", _("The patient is of age and decides herself who sees what."))
    if relationship not in GUARDIANS:
        raise invalid("relationship", _("A guardian is a parent, a grandparent or appointed."))
    member = _invited(patient, email, name, relationship, Level.FULL, by=by, is_guardian=True)
    addresses.tell_of_a_new_one(patient, member.invitation, by=by)
    consent.by_law(member=member, by=by)
    return member


@transaction.atomic
@tenancy.by_verb()
def joined(invitation: Invitation, user: User) -> None:
    """The invited person took up the invitation: from now on what was agreed to is open to her."""
    rows = FamilyMember.objects.select_for_update(of=("self",)).select_related("patient")
    for member in rows.filter(invitation=invitation, ended_at=None, user=None):
        twin = FamilyMember.objects.filter(patient=member.patient, user=user, ended_at=None)
        if member.patient.user_id == user.pk or twin.exists():
            member.ended_at = timezone.now()  # she is there already
            member.permission_level = Level.NONE
            member.save(update_fields=["ended_at", "permission_level"])
            continue
        member.user = user
        member.save(update_fields=["user"])
        if member.is_guardian:
            waiting = FamilyAccount.objects.filter(pk=member.account_id, primary_member=None)
            waiting.update(primary_member=user)
        consent.apply(member)


@transaction.atomic
@tenancy.by_verb()
def stand(
    *,
    patient: Patient,
    user: User,
    relationship: str,
    level: str = Level.LIMITED,
    is_guardian: bool = False,
    account: FamilyAccount | None = None,
) -> FamilyMember:
    """Put a relative with an account beside a patient, as the clinic itself does (an import, the
    demo). What she sees is agreed to apart; a guardian sees by law."""
    account = account or account_of(patient, guardian=user if is_guardian else None)
    _make_room(account, user)
    member = FamilyMember.objects.create(
        facility_id=patient.facility_id,
        patient=patient,
        account=account,
        user=user,
        relationship=relationship,
        permission_level=level,
        is_guardian=is_guardian,
    )
    if is_guardian:
        consent.by_law(member=member, by=None)
    return member


@transaction.atomic
@tenancy.by_verb()
def set_level(*, member: FamilyMember, level: str, by: User) -> FamilyMember:
    """Say whether a relative acts for the patient, sees what was agreed to, or nothing."""
    member = consent.locked(member)
    consent.require_steward(member.patient, by)
    if level not in Level.values:
        raise invalid("permission_level", _("Choose one of the levels."))
    if member.is_guardian or (level == Level.FULL and ages.is_minor(member.patient)):
        raise invalid("permission_level", _("Only guardians act for a minor."))
    member.permission_level = level
    member.save(update_fields=["permission_level"])
    consent.apply(member)
    return member


@transaction.atomic
@tenancy.by_verb()
def agree(
    *,
    member: FamilyMember,
    level: str,
    categories: Iterable[Category],
    expires_at: datetime | None = None,
    by: User,
) -> FamilyMember:
    """Say at once what a relative may do for the patient, see, and until when. A new version is
    written where that is something new; with nothing left to see the consent is revoked."""
    member = set_level(member=member, level=level, by=by)
    wanted, standing = {Category(category) for category in categories}, consent.standing_of(member)
    if not wanted:
        if standing:
            consent.revoke(consent=standing, by=by)
    elif standing is None or (set(standing.categories), standing.expires_at) != (
        wanted,
        expires_at,
    ):
        consent.give(member=member, categories=wanted, expires_at=expires_at, by=by)
    return member


@transaction.atomic
@tenancy.by_verb()
def leave(*, member: FamilyMember, by: User) -> None:
    """Take a relative from beside a patient: who decides for the patient may, and she herself. Her
    consent ends with it. Guardians are taken away by the clinic (`end_guardian`)."""
    member = consent.locked(member)
    if member.user_id != by.pk:
        consent.require_steward(member.patient, by)
        if member.is_guardian:
            raise Conflict(_("The clinic ends a guardianship, when it has seen the papers."))
    _end(member, by)


@transaction.atomic
@tenancy.by_verb()
def end_guardian(*, member: FamilyMember, by: User) -> None:
    """End a guardianship, whose papers the clinic has seen."""
    tenancy.current().require(Permission.FAMILY_MANAGE)
    member = consent.locked(member)
    access.require_reach(member.patient, Category.VIEW, by)
    if not member.is_guardian:
        raise Denied(Permission.FAMILY_MANAGE)
    _end(member, by)


def follow_age(patient: Patient) -> None:
    """The day of birth was corrected: what guardians see, and what they opened to others, ends with
    the right day, whoever corrected it. Who is of age by it takes over when the clinic's clock
    comes round (`patients.majority`)."""
    with tenancy.whole_facility(clinical=True):
        standing = FamilyMember.objects.filter(patient=patient, ended_at=None)
        for member in standing.order_by("pk"):
            consent.follow_law(member)


def account_of(patient: Patient, *, guardian: User | None = None) -> FamilyAccount:
    """The family to which the patient belongs; a new one where there is none yet, for which the
    patient speaks or, of a minor, the guardian. Of two at once the second finds what the first
    made."""
    speaker = _speaker(patient, guardian)
    with connection.cursor() as cursor:  # who asks in the portal may not lock a patient's row
        key = f"family:{speaker or patient.pk}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", [key])
    return known_account(patient, guardian=guardian) or FamilyAccount.objects.create(
        facility_id=patient.facility_id, name=patient.last_name, primary_member_id=speaker
    )


def known_account(patient: Patient, *, guardian: User | None = None) -> FamilyAccount | None:
    """The family to which the patient belongs, where there is one. Whom she stands beside herself
    is no matter: her relatives are not in their family."""
    speaker, rows, found = _speaker(patient, guardian), FamilyAccount.objects.order_by("pk"), None
    if ages.is_minor(patient) or not speaker:
        found = rows.filter(members__patient=patient).first()
    if found is None and speaker:
        found = rows.filter(primary_member_id=speaker).first()
    return found


def _speaker(patient: Patient, guardian: User | None) -> UUID | None:
    if ages.is_minor(patient):
        return guardian.pk if guardian else None
    return patient.user_id


def _decides(patient: Patient) -> bool:
    """Whether the patient decides herself, whatever her birthday is said to be."""
    return access.deciders(patient).filter(source=AccessGrant.Source.SELF).exists()


def _deciding(patient: Patient) -> list[UUID]:
    """Who decides for the patient: of age she herself, of a minor her guardians."""
    if not ages.is_minor(patient):
        return [patient.user_id] if patient.user_id else []
    guardians = FamilyMember.objects.filter(
        patient=patient, is_guardian=True, ended_at=None, user__isnull=False
    )
    return list(guardians.values_list("user_id", flat=True))


def size(account: FamilyAccount) -> int:
    """How many people the family has: accounts, patients without one, and invitations. Those are
    counted, too, of whom the actor may not know."""
    people: set = {account.primary_member_id} - {None}
    with tenancy.whole_facility():
        rows = list(
            account.members.filter(ended_at=None).values_list(
                "user_id", "invitation_id", "patient_id", "patient__user_id"
            )
        )
    for user_id, invitation_id, patient_id, patients_user in rows:
        people |= {user_id or invitation_id, patients_user or patient_id}
    return len(people)


def _invited(
    patient: Patient, email: str, name: str, relationship: str, level: str, *, by: User,
    is_guardian: bool = False,
) -> FamilyMember:  # fmt: skip
    wrong = {}
    if not words.shown(name):
        wrong["name"] = [_("Enter the name.")]
    if relationship not in Relationship.values:
        wrong["relationship"] = [_("Choose what she is to the patient.")]
    if level not in Level.values:
        wrong["permission_level"] = [_("Choose one of the levels.")]
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)
    account = account_of(patient, guardian=by if tenancy.current().is_portal else None)
    _make_room(account, None)
    invitation = invitations.write(email=email, role=Role.FAMILY_MEMBER, by=by)
    return FamilyMember.objects.create(
        facility_id=patient.facility_id,
        patient=patient,
        account=account,
        invitation=invitation,
        invited_name=name.strip(),
        relationship=relationship,
        permission_level=level,
        is_guardian=is_guardian,
    )


def _make_room(account: FamilyAccount, user: User | None) -> None:
    """Raise `FamilyFull` where one more person is one too many; nobody else comes meanwhile."""
    account = FamilyAccount.objects.select_for_update().get(pk=account.pk)
    known = user is not None and (
        account.primary_member_id == user.pk
        or account.members.filter(ended_at=None, user=user).exists()
        or account.members.filter(ended_at=None, patient__user=user).exists()
    )
    if not known and size(account) >= account.max_members:
        message = _("The family has %(most)d members already.") % {"most": account.max_members}
        raise FamilyFull(message)


def _end(member: FamilyMember, by: User) -> None:
    if standing := consent.standing_of(member):
        consent.end(standing, by)
    if member.user_id:
        access.revoke(patient=member.patient, user=member.user, source=AccessGrant.Source.FAMILY)
    member.ended_at, member.permission_level = timezone.now(), Level.NONE
    member.save(update_fields=["ended_at", "permission_level"])
    if member.is_guardian:
        relationships.lapse(member.patient)
    # Whom somebody else invited is hers to know; the letter then leads nowhere (`joined`).
    invitation = Invitation.objects.filter(pk=member.invitation_id).first()
    if invitation is not None and invitation.is_open:
        invitations.withdraw(invitation=invitation)
