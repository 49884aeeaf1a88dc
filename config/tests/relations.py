"""Everything that somebody can be to a patient, each as one person: by which way the patient is
open to her, which parts, and what became of it.

`test_relations.py` sends each of them through every door. What she may see is said here, by what
was agreed and done; the words planted in the patient's chart tell whether it is so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from clinic import staffing
from clinic.models import RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, SHARED, Category, Role
from clinic.tests.people import person
from config.tests.household import FOREIGN, OTHER, OWN, Member, planted
from patients import access, ages, care_team, consent, family, majority, referrals, relationships
from patients.models import (
    AccessGrant,
    CareRelationship,
    Condition,
    FamilyAccount,
    FamilyMember,
    Patient,
)

Level, Status, Source = FamilyMember.PermissionLevel, CareRelationship.Status, AccessGrant.Source
C = Category
NOTHING: frozenset[Category] = frozenset()
USUAL = frozenset(care_team.USUAL)
HIDDEN = {kind: f"kept{kind.replace('_', '')}" for kind in CONFIDENTIAL_KINDS}
# Which part of the chart holds each planted word.
WORDS = {
    "first": C.VIEW, "last": C.VIEW, "contact": C.VIEW, "insurer": C.VIEW,
    "allergen": C.MEDICATIONS, "medicine": C.MEDICATIONS, "problem": C.RECORDS, "lab": C.RECORDS,
    "vaccine": C.RECORDS, "encounter": C.RECORDS, "diagnosis": C.RECORDS,
    "letter": C.DOCUMENTS, "filename": C.DOCUMENTS, "reason": C.APPOINTMENTS,
} | {word: kind for kind, word in HIDDEN.items()}  # fmt: skip
IN_SUMMARY = frozenset({"medicine", "problem"})


@dataclass
class Relative(Member):
    """Somebody who is something to the patient of `owner`, and sees `opened` of her; `wide`: her
    role reaches the others of the clinic besides."""

    owner: str = OWN
    opened: frozenset[Category] = NOTHING
    wide: bool = False

    @property
    def told(self) -> set[str]:
        """A patient who asks somebody to treat him has told her his name."""
        asked = self.label == "invited, not agreed"
        return {planted(OWN, "first"), planted(OWN, "last")} if asked else set()

    def forbidden_words(self) -> list[str]:
        words = [planted(FOREIGN, word) for word in WORDS]
        for owner in {OWN, OTHER, WARD, GROWN} - {self.owner}:
            kept = HIDDEN.values() if self.wide else WORDS
            words += [planted(owner, word) for word in kept]
        return words + [planted(self.owner, word) for word in WORDS if not self.sees(word)]

    def sees(self, word: str) -> bool:
        part = WORDS[word]
        if word in HIDDEN.values():
            return part in self.opened and C.RECORDS in self.opened
        return part in self.opened or (C.SUMMARY in self.opened and word in IN_SUMMARY)

    def reaches(self, owner: str) -> bool:
        return C.VIEW in self.opened if owner == self.owner else self.wide and owner != FOREIGN


WARD, GROWN = "ward", "adult"  # a child of 15, and one who came of age


def hide(cast, facility, patient: Patient, owner: str) -> None:
    """Something confidential of each kind in the chart."""
    with tenancy.system(facility):
        for kind, word in HIDDEN.items():
            Condition.objects.create(
                facility=facility, patient=patient, display=planted(owner, word),
                sensitivity="confidential", confidential_kind=kind,
            )  # fmt: skip


class Circle:
    """Puts people around John Doe (`own`), his ward and a young adult."""

    def __init__(self, cast, patients: dict[str, Patient]):
        self.cast, self.patients, self.count = cast, patients, 0
        self.patient = patients[OWN]

    def clinician(self, role: Role = Role.SPECIALIST) -> User:
        return self._someone("clinician", role)

    def relative(self) -> User:
        return self._someone("relative", Role.FAMILY_MEMBER)

    def _someone(self, what: str, role: Role) -> User:
        self.count += 1
        name = f"{what}{self.count}"
        self.cast.people[name] = person(name, self.cast.harbor, role)
        return self.cast.people[name]

    def name_of(self, user: User) -> str:
        return user.email.partition("@")[0]

    def as_john(self):
        return self.cast.acting("john", portal=True)

    # The clinic's side
    def joined(self, user: User) -> frozenset[Category]:
        with self.cast.acting("sarah"):
            care_team.join(patient=self.patient, user=user, by=self.cast.sarah)
        return USUAL

    def taken_off(self, user: User) -> frozenset[Category]:
        self.joined(user)
        with self.cast.acting("sarah"):
            care_team.leave(patient=self.patient, user_id=user.pk, by=self.cast.sarah)
        return NOTHING

    def confided(self, user: User) -> frozenset[Category]:
        self.joined(user)
        with self.cast.acting("alma"):
            care_team.confide(
                patient=self.patient, user=user, kinds=[C.HIV], reason="She treats him for it.",
                by=self.cast.alma,
            )  # fmt: skip
        return USUAL | {C.HIV}

    def taken_on_again(self, user: User) -> frozenset[Category]:
        self.joined(user)
        with self.cast.acting("alma"):
            row = RoleAssignment.objects.get(user=user, facility=self.cast.harbor)
            staffing.dismiss(assignment=row, by=self.cast.alma)
            staffing.assign(
                user=user, role=Role(row.role), facility=self.cast.harbor, by=self.cast.alma
            )
        return NOTHING

    def invited(self, user: User, opened=care_team.USUAL) -> CareRelationship:
        with self.as_john():
            return relationships.invite_clinician(
                patient=self.patient, clinician=user, by=self.cast.john,
                categories=[c for c in opened if c != C.VIEW],
            )  # fmt: skip

    def agreed(self, user: User, opened=care_team.USUAL) -> frozenset[Category]:
        relation = self.invited(user, opened)
        with self.cast.acting(self.name_of(user)):
            relationships.agree(relation=relation, by=user)
        return frozenset({C.VIEW, *opened})

    def only_records(self, user: User) -> frozenset[Category]:
        return self.agreed(user, (C.RECORDS,))

    def asked(self, user: User) -> frozenset[Category]:
        self.invited(user)
        return NOTHING

    def parted(self, user: User) -> frozenset[Category]:
        self.agreed(user)
        with self.as_john():
            relation = CareRelationship.objects.get(clinician=user)
            relationships.end(relation=relation, by=self.cast.john)
        return NOTHING

    def blocked(self, user: User) -> frozenset[Category]:
        self.joined(user)
        with self.as_john():
            relationships.block(patient=self.patient, clinician=user, by=self.cast.john)
        return NOTHING

    def referred(self, user: User) -> frozenset[Category]:
        with self.cast.acting("sarah"):
            referrals.refer(
                patient=self.patient, to=user, reason="Back pain", by=self.cast.sarah,
                until=timezone.now() + timedelta(days=30),
            )  # fmt: skip
        return USUAL

    def referral_over(self, user: User) -> frozenset[Category]:
        self.referred(user)
        return self._over(user)

    def broken_glass(self, user: User) -> frozenset[Category]:
        with self.cast.acting(self.name_of(user)), tenancy.whole_facility(clinical=True):
            access.grant(
                patient=self.patient, user=user, categories=[C.VIEW, C.SUMMARY],
                source=Source.EMERGENCY, expires_at=timezone.now() + timedelta(minutes=60),
                by=user,
            )  # fmt: skip
        return frozenset({C.VIEW, C.SUMMARY})

    def glass_over(self, user: User) -> frozenset[Category]:
        self.broken_glass(user)
        return self._over(user)

    def nobody(self, user: User) -> frozenset[Category]:
        return NOTHING

    def _over(self, user: User) -> frozenset[Category]:
        with tenancy.system(self.cast.harbor):
            past = timezone.now() - timedelta(minutes=1)
            AccessGrant.grants.filter(user=user).update(expires_at=past)
        return NOTHING

    # The family's side
    def beside(self, user: User, level: str = Level.LIMITED, opened=(), owner: str = OWN):
        with tenancy.system(self.cast.harbor):
            member = family.stand(
                patient=self.patients[owner], user=user, relationship="spouse", level=level,
                account=self._family_of(user),
            )  # fmt: skip
        if opened:
            with self.as_john():
                consent.give(member=member, categories=opened, by=self.cast.john)
        return member

    def shown(self, *opened: Category) -> Callable[[User], frozenset[Category]]:
        def give(user: User) -> frozenset[Category]:
            self.beside(user, opened=opened)
            return frozenset({C.VIEW, *opened})

        return give

    def _family_of(self, user: User) -> FamilyAccount:
        """One for each: together they are more than a family can have."""
        return FamilyAccount.objects.create(
            facility=self.cast.harbor, name="Doe", primary_member=user
        )

    def acting_for_him(self, user: User) -> frozenset[Category]:
        self.beside(user, Level.FULL, SHARED)
        return frozenset({C.VIEW, C.ACCESS_LOG, *SHARED})

    def level_none(self, user: User) -> frozenset[Category]:
        self.beside(user, Level.NONE, SHARED)
        return NOTHING

    def no_consent(self, user: User) -> frozenset[Category]:
        self.beside(user)
        return NOTHING

    def revoked(self, user: User) -> frozenset[Category]:
        member = self.beside(user, opened=SHARED)
        with self.as_john():
            consent.revoke(consent=consent.standing_of(member), by=self.cast.john)
        return NOTHING

    def consent_over(self, user: User) -> frozenset[Category]:
        self.beside(user, opened=SHARED)
        return self._over(user)

    def left(self, user: User) -> frozenset[Category]:
        member = self.beside(user, opened=SHARED)
        with self.cast.acting(self.name_of(user), portal=True):
            family.leave(member=member, by=user)
        return NOTHING

    def guardian(self, user: User, owner: str = WARD) -> frozenset[Category]:
        with tenancy.system(self.cast.harbor):
            family.stand(
                patient=self.patients[owner], user=user, relationship="parent", level=Level.FULL,
                is_guardian=True, account=self._family_of(user),
            )  # fmt: skip
        return frozenset({C.VIEW, C.ACCESS_LOG, C.SHARING, *SHARED}) - set(CONFIDENTIAL_KINDS)

    def guardian_of_one_of_age(self, user: User) -> frozenset[Category]:
        """She stood as guardian while the patient was a minor; the birthday came."""
        patient = self.patients[GROWN]
        with tenancy.system(self.cast.harbor):
            grown = patient.date_of_birth
            patient.date_of_birth = grown.replace(year=grown.year + 3)
            patient.save()
            self.guardian(user, GROWN)
            patient.date_of_birth = grown
            patient.save()
            past = ages.of_age_at(grown, patient.facility)
            AccessGrant.grants.filter(user=user).update(expires_at=past)
            consent.by_law(member=FamilyMember.objects.get(user=user), by=None)
            majority.hand_over()
        return NOTHING


def build(cast, patients: dict[str, Patient]) -> Iterator[Relative]:
    """Each relation, as a person to whom the patient is what it says."""
    circle = Circle(cast, patients)
    care: dict[str, Callable] = {
        "on the care team": circle.joined,
        "taken off the care team": circle.taken_off,
        "on the care team, one kind confided": circle.confided,
        "on the care team, dismissed and taken on again": circle.taken_on_again,
        "invited": circle.agreed,
        "invited, records only": circle.only_records,
        "invited, not agreed": circle.asked,
        "invited, ended": circle.parted,
        "blocked": circle.blocked,
        "referred": circle.referred,
        "referred, over": circle.referral_over,
        "broken glass": circle.broken_glass,
        "broken glass, over": circle.glass_over,
        "nobody": circle.nobody,
    }
    home: dict[str, Callable] = {
        **{f"shown {category} only": circle.shown(category) for category in SHARED},
        "shown confidential records": circle.shown(C.RECORDS, C.HIV),
        "acts for the patient": circle.acting_for_him,
        "level none": circle.level_none,
        "no consent": circle.no_consent,
        "consent revoked": circle.revoked,
        "consent over": circle.consent_over,
        "left the family": circle.left,
        "nobody's relative": circle.nobody,
    }
    for label, relate in care.items():
        user = circle.clinician()
        yield Relative(label, Role.SPECIALIST, user=user, opened=relate(user))
    user = circle.clinician(Role.PHYSICIAN)
    yield Relative(
        "blocked physician", Role.PHYSICIAN, user=user, opened=circle.blocked(user), wide=True
    )
    for label, relate in home.items():
        user = circle.relative()
        yield Relative(label, Role.FAMILY_MEMBER, user=user, opened=relate(user))
    user = circle.relative()
    yield Relative(
        "guardian", Role.FAMILY_MEMBER, user=user, opened=circle.guardian(user), owner=WARD
    )
    user = circle.relative()
    yield Relative(
        "guardian of one who came of age", Role.FAMILY_MEMBER, user=user, owner=GROWN,
        opened=circle.guardian_of_one_of_age(user),
    )  # fmt: skip
