"""Consent: what a relative may see, agreed to in words, each change a version of its own.

The grants of the source `family` are made from the version that stands, here and nowhere else, in
the same transaction.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing, invalid
from clinic.models import Facility, User
from clinic.security import tenancy
from clinic.security.permissions import SHARED, Category, Denied, Permission
from patients import access, ages
from patients.models import AccessGrant, Consent, FamilyMember, Patient

Level = FamilyMember.PermissionLevel
FAMILY = AccessGrant.Source.FAMILY


def visible_to(user, patient: Patient) -> QuerySet[Consent]:
    """The consents about the patient that the person may see, newest first."""
    rows = Consent.objects.filter(patient=patient, facility_id__in=tenancy.current().facilities)
    return rows.select_related("family_member__user", "given_by", "revoked_by")


@transaction.atomic
@tenancy.by_verb()
def give(
    *,
    member: FamilyMember,
    categories: Iterable[Category],
    expires_at: datetime | None = None,
    by: User,
) -> Consent:
    """Agree that a relative sees these categories, until `expires_at` or until revoked.

    The version before is revoked by it. Only who decides for the patient agrees: the patient of
    age, or a minor's guardian. Raises `Invalid`, and stores nothing.
    """
    member = locked(member)
    require_steward(member.patient, by)
    if member.is_guardian and ages.is_minor(member.patient):
        raise invalid("family_member", _("A guardian sees by law what is not kept private."))
    wanted = {Category(category) for category in categories} if categories else set()
    if not wanted or wanted - set(SHARED):
        raise invalid("categories", _("Choose what may be seen."))
    if wanted & private_of(member.patient):
        raise invalid("categories", _("This is the minor's own, and nobody else opens it."))
    if expires_at is not None and expires_at <= timezone.now():
        raise invalid("expires_at", _("Choose a time in the future."))
    if ages.is_minor(member.patient):  # of age, the patient decides anew
        of_age = ages.of_age_at(member.patient.date_of_birth, member.facility)
        expires_at = min(expires_at or of_age, of_age)
    return _write(member, wanted, expires_at=expires_at, given_by=by)


@transaction.atomic
def change(*, member: FamilyMember, category: Category, opened: bool, by: User) -> Consent | None:
    """Open or close one category to a relative, as one tap does; the last one closed revokes."""
    standing = standing_of(locked(member))
    holds = standing if standing and not standing.is_over else None
    # What has become a minor's own since it was opened is closed already, and goes with this.
    own = private_of(member.patient) - {category}
    categories = {Category(name) for name in holds.categories} - own if holds else set()
    wanted = categories | {category} if opened else categories - {category}
    if not wanted:
        if standing:
            revoke(consent=standing, by=by)
        return None
    return give(member=member, categories=wanted, expires_at=holds and holds.expires_at, by=by)


@transaction.atomic
def restore(*, consent: Consent, by: User) -> Consent:
    """Agree once more to exactly what an earlier version said, its end included: a change is taken
    back. Raises `Invalid` where that time is over."""
    if consent.basis != Consent.Basis.AGREED:
        raise Missing(_("There is no such consent."))
    return give(
        member=consent.family_member, categories=consent.categories,
        expires_at=consent.expires_at, by=by,
    )  # fmt: skip


@transaction.atomic
@tenancy.by_verb()
def revoke(*, consent: Consent, by: User) -> None:
    """End a consent; it holds from the relative's next request on. Who decides for the patient may,
    and the relative herself. Raises `Missing` where it has ended already."""
    member = locked(consent.family_member)
    if member.user_id != by.pk:
        require_steward(member.patient, by)
    standing = standing_of(member)
    if standing is None or standing.pk != consent.pk:
        raise Missing(_("There is no such consent."))
    end(standing, by)
    _open(member, None)


@transaction.atomic
@tenancy.by_verb()
def by_law(*, member: FamilyMember, by: User | None) -> Consent | None:
    """What a guardian sees of a minor, for as long as the law of the clinic's place says.

    Written anew where the day of birth or the law was corrected; None where the patient is of age.
    """
    member = locked(member)
    now, standing = timezone.now(), standing_of(member)
    ends = ages.open_to_guardians(member.patient.date_of_birth, member.facility, now)
    if not ends:
        if standing:
            end(standing, by)
        _open(member, None)
        return None
    shown = [category for category in SHARED if category in ends]
    until = max(ends.values())
    same = standing and (standing.categories, standing.expires_at) == (shown, until)
    consent = standing
    if not same or standing.basis != Consent.Basis.GUARDIAN:
        consent = _write(member, shown, expires_at=until, given_by=by, basis=Consent.Basis.GUARDIAN)
    if member.user_id:
        access.set_open(patient=member.patient, user=member.user, source=FAMILY, ends=ends, by=by)
    return consent


@transaction.atomic
@tenancy.by_verb()
def follow_law(member: FamilyMember) -> None:
    """Make what is open to a relative what the day of birth and the law say by now. What guardians
    agreed to for others ends once the patient is of age, and decides anew."""
    if member.is_guardian:
        by_law(member=member, by=None)
        return
    member = locked(member)
    standing = standing_of(member)
    if standing and member.guardian_consent and not ages.is_minor(member.patient):
        end(standing, None)
        member.guardian_consent, standing = False, None
        member.save(update_fields=["guardian_consent"])
    _open(member, standing)


def standing_of(member: FamilyMember) -> Consent | None:
    """The version that stands, also where its time is over."""
    return Consent.objects.filter(family_member=member, revoked_at=None).first()


def apply(member: FamilyMember) -> None:
    """Make the relative's grants what the standing consent says: she has taken up her account, or
    may do more or less for the patient than before."""
    standing = standing_of(member)
    if standing and standing.basis == Consent.Basis.GUARDIAN:
        by_law(member=member, by=None)
    else:
        _open(member, standing)


def require_steward(patient: Patient, by: User) -> None:
    """Raise `Denied` unless the acting person decides who sees this patient's record."""
    actor = tenancy.current()
    actor.require(Permission.SHARING_MANAGE)
    if by.pk != actor.user_id or patient.pk not in actor.stewarded:
        raise Denied(Permission.SHARING_MANAGE)


def private_of(patient: Patient) -> frozenset[Category]:
    """What is a minor's own by now: no guardian opens it to anybody."""
    return ages.kept_private(patient.date_of_birth, patient.facility, timezone.now())


def locked(member: FamilyMember) -> FamilyMember:
    """The member's row, for this transaction alone; `Missing` where she has left the family.

    A relative to whom nothing is open stands beside a patient whom she does not see.
    """
    rows = FamilyMember.objects.select_for_update(of=("self",))
    rows = rows.select_related("facility", "user").filter(pk=member.pk, ended_at=None)
    if (row := rows.first()) is None:
        raise Missing(_("There is no such family member."))
    with tenancy.whole_facility():
        row.patient = Patient.objects.select_related("facility").get(pk=row.patient_id)
    return row


def wording(
    member: FamilyMember,
    categories: Collection[Category],
    *,
    expires_at: datetime | None,
    given_by: User | None,
    basis: str,
) -> str:
    """The text that is agreed to, in the language of this moment."""
    named = ", ".join(str(c.label) for c in SHARED if c in categories)
    values = {
        "patient": member.patient.full_name,
        "relative": member.name,
        "relationship": capfirst(member.get_relationship_display()),
        "clinic": member.facility.name,
        "giver": given_by.get_full_name() if given_by else member.facility.name,
        "categories": named,
        "until": _day(expires_at, member.facility) if expires_at else "",
    }
    if basis == Consent.Basis.GUARDIAN:
        text = gettext(
            "%(relative)s (%(relationship)s) is guardian of %(patient)s and sees at %(clinic)s:"
            " %(categories)s. It ends by itself on %(until)s."
        )
    elif expires_at:
        text = gettext(
            "%(giver)s agrees that %(relative)s (%(relationship)s) sees of the record of"
            " %(patient)s at %(clinic)s: %(categories)s. This holds until %(until)s and can be"
            " taken back at any time."
        )
    else:
        text = gettext(
            "%(giver)s agrees that %(relative)s (%(relationship)s) sees of the record of"
            " %(patient)s at %(clinic)s: %(categories)s. This can be taken back at any time."
        )
    return text % values


def _day(moment: datetime, facility: Facility) -> str:
    return date_format(moment.astimezone(facility.zone), "DATE_FORMAT")


def _write(
    member: FamilyMember,
    categories: Collection[Category],
    *,
    expires_at: datetime | None,
    given_by: User | None,
    basis: str = Consent.Basis.AGREED,
) -> Consent:
    if standing := standing_of(member):
        end(standing, given_by)
    versions = Consent.objects.filter(family_member=member)
    number = (versions.aggregate(last=Max("number"))["last"] or 0) + 1
    consent = Consent.objects.create(
        facility_id=member.facility_id,
        patient_id=member.patient_id,
        family_member=member,
        number=number,
        basis=basis,
        categories=[c.value for c in SHARED if c in categories],
        text=wording(member, categories, expires_at=expires_at, given_by=given_by, basis=basis),
        language=translation.get_language() or member.facility.language,
        given_by=given_by,
        expires_at=expires_at,
    )
    agreed = ages.is_minor(member.patient)
    if member.guardian_consent != agreed:
        member.guardian_consent = agreed
        member.save(update_fields=["guardian_consent"])
    if basis == Consent.Basis.AGREED:
        _open(member, consent)
    return consent


def end(consent: Consent, by: User | None) -> None:
    """Write the end of a version; its grants are the caller's to close."""
    consent.revoked_at, consent.revoked_by = timezone.now(), by
    consent.save(update_fields=["revoked_at", "revoked_by"])


def _open(member: FamilyMember, consent: Consent | None) -> None:
    """Grants exactly as agreed. Who acts for the patient sees who looked, too."""
    if member.user_id is None:
        return
    ends: dict[Category, datetime | None] = {}
    if consent and member.permission_level != Level.NONE:
        ends = {Category(name): consent.expires_at for name in consent.categories}
        if member.permission_level == Level.FULL:
            ends[Category.ACCESS_LOG] = consent.expires_at
        ends = _bounded(ends, member)
    by = consent.given_by if consent else None
    access.set_open(patient=member.patient, user=member.user, source=FAMILY, ends=ends, by=by)


def _bounded(
    ends: dict[Category, datetime | None], member: FamilyMember
) -> dict[Category, datetime | None]:
    """What a guardian opened of a minor closes by itself where it becomes the minor's own, and all
    of it on the day of majority, whatever day that was when she agreed."""
    patient = member.patient
    if not member.guardian_consent and not ages.is_minor(patient):
        return ends
    born, now = patient.date_of_birth, timezone.now()
    private = ages.becomes_private(born, patient.facility)
    of_age = ages.of_age_at(born, patient.facility)
    bounded = {
        category: min(filter(None, (end, private.get(category), of_age)))
        for category, end in ends.items()
    }
    return {category: end for category, end in bounded.items() if end > now}
