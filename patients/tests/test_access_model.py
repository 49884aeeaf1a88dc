"""Random grants, revocations, birthdays, dismissals and emergencies, done in the product and in the
reference model (`access_model`): who sees what never differs, asked through the doors and asked as
raw SQL under the runtime role."""

import os
from contextlib import suppress
from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from clinic import staffing
from clinic.errors import Refused
from clinic.models import Facility, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import (
    CONFIDENTIAL_KINDS,
    SHARED,
    Category,
    Denied,
    Role,
)
from clinic.tests.people import make_cast, person
from compliance import breakglass
from compliance.tests import emergencies
from conftest import as_owner
from patients import (
    access,
    care_team,
    consent,
    enrolment,
    family,
    health,
    majority,
    referrals,
    relationships,
)
from patients.models import (
    AccessGrant,
    Allergy,
    CareRelationship,
    Condition,
    Consent,
    FamilyMember,
    Medication,
    Patient,
)
from patients.tests.access_model import Model, Opening, Row
from records import charting, documents
from records.models import Document, MedicalRecord

STEPS, EXAMPLES = 50, 40  # 2,000 steps each time, and always the same
# Other steps each time, and as many as asked for: `ACCESS_EXAMPLES=1000 make test`.
if EXPLORE := os.environ.get("ACCESS_EXAMPLES"):
    EXAMPLES = int(EXPLORE)

CLINIC = ["sarah", "omar", "nina", "fred", "alma", "phil", "aud"]
HOME = ["john", "jane", "grace", "jim"]
CLINICIANS = ["sarah", "omar", "nina"]
PATIENTS = ["mr_doe", "mrs_doe", "jimmy"]
STEWARDS = {"mr_doe": "john", "mrs_doe": "jane"}
Level, Status = FamilyMember.PermissionLevel, CareRelationship.Status
GUARDIANS = ["john", "jane"]
AS_USUAL = (Category.VIEW, Category.MEDICATIONS, Category.RECORDS)  # no emergency is needed for it
REFUSALS = (Refused, Denied)

parts = st.sets(st.sampled_from(SHARED), min_size=1, max_size=5)
kinds = st.sampled_from(CONFIDENTIAL_KINDS)
patients = st.sampled_from(PATIENTS)
clinicians = st.sampled_from(CLINICIANS)
relatives = st.sampled_from(["john", "jane", "grace"])
days = st.sampled_from([1, 7, 90, 364])


class Access(RuleBasedStateMachine):
    """The clinic of the tests, and what happens in it. `compare` is given by the two kinds."""

    def __init__(self):
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.cast = make_cast()
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()")  # stands still in a transaction
            [self.now] = cursor.fetchone()
        self.model = Model(now=self.now, zone=self.cast.harbor.zone)
        self.glass = {}  # emergencies in force, by patient and person
        self.agreements = {}  # consents that stand: categories, end, whether a guardian agreed
        self.people()
        self.charts()

    def teardown(self):
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)

    # The scene
    def people(self):
        cast, model = self.cast, self.model
        cast.people["grace"] = person("grace", cast.harbor, Role.FAMILY_MEMBER)
        cast.people["jim"] = person("jim", cast.harbor, Role.PATIENT)
        early = self.now - timedelta(days=9000)
        with tenancy.system(cast.harbor):
            rows = RoleAssignment.objects.filter(facility=cast.harbor, is_active=True)
            rows.update(held_since=early)
            for row in rows.select_related("user"):
                name = row.user.email.partition("@")[0]
                model.roles[name, Role(row.role)] = early
            AccessGrant.grants.all().delete()
            cast.jimmy.date_of_birth = self.years_ago(10)
            cast.jimmy.save()
            self.members = {("jimmy", "john"): FamilyMember.objects.get(patient=cast.jimmy)}
            enrolment.connect(patient=cast.jimmy, user=cast.jim)
            for name in ("mr_doe", "mrs_doe"):
                enrolment.open_to_herself(cast.patients[name])
        for name in PATIENTS:
            self.refresh(name)
            model.born[name] = cast.patients[name].date_of_birth
        model.accounts = {"mr_doe": "john", "mrs_doe": "jane", "jimmy": "jim"}
        for name, who in model.accounts.items():
            self.open_to_self(name, who)
        self.guard("jimmy", "john")
        with tenancy.system(cast.harbor):  # so that something can be agreed to from the beginning
            for patient, who in (("mr_doe", "jane"), ("jimmy", "grace")):
                self.members[patient, who] = family.stand(
                    patient=cast.patients[patient], user=cast.people[who], relationship="other",
                    level=Level.LIMITED,
                )  # fmt: skip

    def years_ago(self, years: int) -> date:
        today = timezone.localdate(timezone=self.cast.harbor.zone)
        return today.replace(year=today.year - years, day=min(today.day, 28)) - timedelta(days=40)

    def refresh(self, name: str) -> None:
        with tenancy.system(self.cast.harbor):
            rows = Patient.objects.select_related("facility", "user")
            self.cast.patients[name] = rows.get(pk=self.cast.patients[name].pk)

    def open_to_self(self, patient: str, who: str) -> None:
        ends = dict.fromkeys(Category)
        if self.model.is_minor(patient):
            del ends[Category.SHARING]
        self.model.home[patient, f"self:{who}"] = Opening(ends, timezone.now())

    def guard(self, patient: str, who: str) -> None:
        """The guardian's access is made anew, by the law and the day of birth as they are."""
        with tenancy.system(self.cast.harbor):
            consent.by_law(member=self.members[patient, who], by=None)
        self.guarded(patient, who)

    def guarded(self, patient: str, who: str) -> None:
        self.model.home[patient, who] = Opening(self.model.by_law(patient), timezone.now())

    def charts(self):
        """Rows of each patient, kept in every way."""
        cast, self.rows, author = self.cast, {}, self.cast.sarah
        with tenancy.system(cast.harbor):
            for name in PATIENTS:
                of = {"facility": cast.harbor, "patient": cast.patients[name]}
                hiv = {"sensitivity": "confidential", "confidential_kind": "hiv"}
                mind = {"sensitivity": "confidential", "confidential_kind": "mental_health"}
                made = {
                    Row(name, Category.MEDICATIONS): Allergy(**of, allergen="Dust"),
                    Row(name, Category.MEDICATIONS, in_summary=True): Allergy(
                        **of, allergen="Penicillin", severity="anaphylactic"
                    ),
                    Row(name, Category.MEDICATIONS, restricted=True, in_summary=True): Medication(
                        **of, generic_name="Methadone", sensitivity="restricted"
                    ),
                    Row(name, Category.RECORDS, kind=Category.HIV, in_summary=True): Condition(
                        **of, display="HIV", **hiv
                    ),
                    Row(name, Category.RECORDS): Condition(
                        **of, display="Acne", status="resolved"
                    ),
                    Row(
                        name, Category.RECORDS, kind=Category.MENTAL_HEALTH, author="sarah"
                    ): MedicalRecord(
                        **of, author=author, visit_date=self.now, status="final",
                        primary_diagnosis="Grief", **mind,
                    ),
                    Row(name, Category.RECORDS, restricted=True, author="sarah"): MedicalRecord(
                        **of, author=author, visit_date=self.now, status="final",
                        primary_diagnosis="Dispute", sensitivity="restricted",
                    ),
                    Row(name, Category.DOCUMENTS): Document(
                        **of, original_filename="a.txt", mime_type="text/plain", file_size=1,
                        checksum="a" * 64,
                    ),
                    Row(name, Category.DOCUMENTS, kind=Category.HIV): Document(
                        **of, original_filename="b.txt", mime_type="text/plain", file_size=1,
                        checksum="b" * 64, **hiv,
                    ),
                }  # fmt: skip
                for row, thing in made.items():
                    thing.save(force_insert=True)
                    self.rows[type(thing)._meta.db_table, thing.pk] = row

    def at_home(self, who: str):
        return self.cast.acting(who, portal=True)

    def steward_of(self, patient: str, by: str) -> bool:
        return self.model.sees(by, True, patient, Category.SHARING)

    # Families
    @rule(patient=patients, who=relatives, level=st.sampled_from(Level.values))
    def stand(self, patient, who, level):
        """A relative is put beside a patient."""
        taken = (patient, who) in self.members or self.model.accounts[patient] == who
        if taken or (patient == "jimmy" and level == Level.FULL):
            return
        with tenancy.system(self.cast.harbor):
            self.members[patient, who] = family.stand(
                patient=self.cast.patients[patient], user=self.cast.people[who],
                relationship="other", level=level,
            )  # fmt: skip

    @rule(patient=patients, who=relatives, by=st.sampled_from(HOME), opened=parts,
          until=st.none() | days)  # fmt: skip
    def agree_to(self, patient, who, by, opened, until):
        """Who decides for the patient agrees to what a relative sees; nobody else can."""
        member = self.members.get((patient, who))
        if member is None:
            return
        end = until and self.now + timedelta(days=until)
        allowed = self.steward_of(patient, by) and not self.is_guardian(patient, who)
        allowed = allowed and not opened & self.model.private_of(patient)
        with self.at_home(by):
            if not allowed:
                with pytest.raises(REFUSALS):
                    consent.give(member=member, categories=opened, expires_at=end, by=self.who(by))
                return
            consent.give(member=member, categories=opened, expires_at=end, by=self.who(by))
        self.agreed(patient, who, dict.fromkeys(opened, end))

    @rule(patient=patients, who=relatives, by=st.sampled_from(HOME),
          category=st.sampled_from(SHARED), opened=st.booleans())  # fmt: skip
    def tap(self, patient, who, by, category, opened):
        """One tap on the grid."""
        member = self.members.get((patient, who))
        if member is None or self.is_guardian(patient, who) or not self.steward_of(patient, by):
            return
        with self.at_home(by):
            standing = consent.standing_of(member)
            if standing and standing.expires_at and standing.expires_at <= self.now:
                before, end = set(), None  # what was agreed to is over: a tap begins anew
            else:
                before = {Category(c) for c in standing.categories} if standing else set()
                end = standing.expires_at if standing else None
            private = self.model.private_of(patient)
            before -= private - {category}
            after = before | {category} if opened else before - {category}
            if after & private:
                with pytest.raises(REFUSALS):
                    consent.change(member=member, category=category, opened=opened, by=self.who(by))
                return
            consent.change(member=member, category=category, opened=opened, by=self.who(by))
        self.agreed(patient, who, dict.fromkeys(after, end))

    @rule(patient=patients, who=relatives, by=st.sampled_from(HOME))
    def take_back(self, patient, who, by):
        """A consent is revoked: by who decides, or by the relative herself."""
        member = self.members.get((patient, who))
        if member is None or self.is_guardian(patient, who):
            return
        allowed = by == who or self.steward_of(patient, by)
        with self.at_home(by):
            standing = Consent.objects.filter(family_member=member, revoked_at=None).first()
            if standing is None:
                return
            if not allowed or not self.model.held(by, True):
                with pytest.raises(REFUSALS):
                    consent.revoke(consent=standing, by=self.who(by))
                return
            consent.revoke(consent=standing, by=self.who(by))
        self.agreed(patient, who, {})

    @rule(patient=patients, who=relatives, by=st.sampled_from(HOME))
    def leave(self, patient, who, by):
        """A relative leaves, or is taken from beside the patient; guardians only go themselves."""
        member = self.members.get((patient, who))
        if member is None or not self.model.held(by, True):
            return
        allowed = by == who or (self.steward_of(patient, by) and not self.is_guardian(patient, who))
        with self.at_home(by):
            if not allowed:
                with pytest.raises(REFUSALS):
                    family.leave(member=member, by=self.who(by))
                return
            family.leave(member=member, by=self.who(by))
        del self.members[patient, who]
        self.agreements.pop((patient, who), None)
        self.model.home.pop((patient, who), None)

    def agreed(self, patient, who, ends):
        """A version was written, or the last one taken back."""
        until = next(iter(ends.values()), None)
        by_guardian = self.model.is_minor(patient)
        if by_guardian:  # of age, the patient decides anew
            of_age = self.model.comes_of(patient, 18)
            until = min(until or of_age, of_age)
        self.agreements.pop((patient, who), None)
        if ends:
            self.agreements[patient, who] = set(ends), until, by_guardian
        self.follow(patient, who)

    def follow(self, patient, who):
        """What is open to a relative by what stands, the day of birth and the law."""
        self.model.home.pop((patient, who), None)
        categories, until, by_guardian = self.agreements.get((patient, who), (set(), None, False))
        if by_guardian and not self.model.is_minor(patient):
            del self.agreements[patient, who]
            return
        with tenancy.system(self.cast.harbor):
            member = FamilyMember.objects.get(pk=self.members[patient, who].pk)
        ends = dict.fromkeys(categories, until)
        if member.permission_level == Level.FULL and ends:
            ends[Category.ACCESS_LOG] = until
        if self.model.is_minor(patient):
            of_age, own = self.model.comes_of(patient, 18), self.model.comes_of(patient, 12)
            ends = {category: min(end or of_age, of_age) for category, end in ends.items()}
            ends |= {c: min(ends[c], own) for c in ends.keys() & set(CONFIDENTIAL_KINDS)}
        if member.permission_level != Level.NONE and ends:
            self.model.home[patient, who] = Opening(ends, timezone.now())

    def is_guardian(self, patient, who) -> bool:
        with tenancy.system(self.cast.harbor):
            member = FamilyMember.objects.get(pk=self.members[patient, who].pk)
        return member.is_guardian

    # Care
    @rule(patient=patients, who=clinicians, opened=parts)
    def invite(self, patient, who, opened):
        """The patient asks a clinician, who agrees at once."""
        by = self.a_steward(patient)
        if by is None or not self.model.held(who, False):
            return
        with self.at_home(by), suppress(*REFUSALS):
            relation = relationships.invite_clinician(
                patient=self.cast.patients[patient], clinician=self.who(who), categories=opened,
                by=self.who(by),
            )  # fmt: skip
            with self.cast.acting(who):
                relationships.agree(relation=relation, by=self.who(who))
            self.model.care["invited", patient, who] = Opening(
                dict.fromkeys(opened), timezone.now()
            )

    @rule(patient=patients, who=clinicians, opened=st.sets(st.sampled_from(SHARED), max_size=3))
    def open_otherwise(self, patient, who, opened):
        """The patient changes what an invited clinician sees; nothing left ends it."""
        by, relation = self.a_steward(patient), self.relation(patient, who)
        if by is None or relation is None or relation.status != Status.ACTIVE:
            return
        private = self.model.private_of(patient)
        held = {Category(name) for name in relation.categories} & private
        change = {"relation": relation, "categories": opened, "by": self.who(by)}
        with self.at_home(by):
            if opened & private - held:
                with pytest.raises(REFUSALS):
                    relationships.set_categories(**change)
                return
            relationships.set_categories(**change)
        self.model.care.pop(("invited", patient, who), None)
        if opened:
            opened = opened | held
            self.model.care["invited", patient, who] = Opening(
                dict.fromkeys(opened), timezone.now()
            )

    @rule(patient=patients, who=clinicians, by_clinician=st.booleans())
    def part(self, patient, who, by_clinician):
        """Either side ends what was agreed."""
        relation, by = self.relation(patient, who), self.a_steward(patient)
        if relation is None or relation.status != Status.ACTIVE:
            return
        if by_clinician and self.model.held(who, False):
            with self.cast.acting(who):
                relationships.end(relation=relation, by=self.who(who))
        elif by:
            with self.at_home(by):
                relationships.end(relation=relation, by=self.who(by))
        else:
            return
        self.model.care.pop(("invited", patient, who), None)

    @rule(patient=patients, who=clinicians)
    def block(self, patient, who):
        by = self.a_steward(patient)
        if by is None or not self.model.held(who, False):
            return
        with self.at_home(by):
            relationships.block(
                patient=self.cast.patients[patient], clinician=self.who(who), by=self.who(by)
            )
        self.model.blocked.add((patient, who))
        self.model.care.pop(("invited", patient, who), None)

    @rule(patient=patients, who=clinicians)
    def unblock(self, patient, who):
        by, relation = self.a_steward(patient), self.relation(patient, who)
        if by is None or relation is None or relation.status != Status.BLOCKED:
            return
        with self.at_home(by):
            relationships.unblock(relation=relation, by=self.who(by))
        self.model.blocked.discard((patient, who))

    @rule(patient=patients, who=clinicians, by=st.sampled_from([*CLINICIANS, "fred", "alma"]),
          until=st.none() | days)  # fmt: skip
    def join(self, patient, who, by, until):
        """Somebody of the clinic joins the care team, if who lets her in may."""
        if by == who or not (self.model.held(by, False) and self.model.held(who, False)):
            return
        end = until and self.now + timedelta(days=until)
        allowed = (
            by not in {"fred", "omar"}
            and self.model.sees(by, False, patient, Category.RECORDS)
            and not self.in_emergency(by, patient)
        )
        with self.cast.acting(by):
            add = {"patient": self.cast.patients[patient], "user": self.who(who)}
            if not allowed:
                with pytest.raises(REFUSALS):
                    care_team.join(**add, expires_at=end, by=self.who(by))
                return
            care_team.join(**add, expires_at=end, by=self.who(by))
        self.add_care("team", patient, who, self.usual(by, patient, end))

    @rule(patient=patients, who=clinicians, kind=kinds)
    def confide(self, patient, who, kind):
        """The administrator opens a kind of confidential content to a clinician."""
        if not self.model.held(who, False):
            return
        with self.cast.acting("alma"):
            care_team.confide(
                patient=self.cast.patients[patient], user=self.who(who), kinds=[kind],
                reason="She treats him for this.", by=self.cast.alma,
            )  # fmt: skip
        self.add_care("team", patient, who, {Category.VIEW: None, kind: None})

    @rule(patient=patients, who=clinicians)
    def leave_team(self, patient, who):
        with self.cast.acting("alma"), suppress(*REFUSALS):
            care_team.leave(
                patient=self.cast.patients[patient], user_id=self.who(who).pk, by=self.cast.alma
            )
        self.model.care = {
            key: opening
            for key, opening in self.model.care.items()
            if not (key[0].startswith("team") and key[1:] == (patient, who))
        }

    @rule(patient=patients, who=clinicians, by=st.sampled_from(CLINICIANS), until=days)
    def refer(self, patient, who, by, until):
        if by == who:
            return
        if not (self.model.held(by, False) and self.model.held(who, False)):
            return
        end = self.now + timedelta(days=until)
        allowed = self.model.sees(by, False, patient, Category.RECORDS)
        allowed = allowed and not self.in_emergency(by, patient)
        sent = {"patient": self.cast.patients[patient], "to": self.who(who), "until": end}
        with self.cast.acting(by):
            if not allowed:
                with pytest.raises(REFUSALS):
                    referrals.refer(**sent, reason="Back pain", by=self.who(by))
                return
            referrals.refer(**sent, reason="Back pain", by=self.who(by))
        self.add_care("referral", patient, who, self.usual(by, patient, end))

    @rule(patient=patients, who=clinicians)
    def break_the_glass(self, patient, who):
        """The ceremony, for the summary; refused to who reads the chart anyway, or has it open."""
        if not self.model.held(who, False):
            return
        usual = all(self.model.sees(who, False, patient, c) for c in AS_USUAL)
        asked = {
            "sought": breakglass.Sought(patient_id=self.cast.patients[patient].pk),
            "category": "unconscious", "reason": emergencies.REASON, "by": self.who(who),
        }  # fmt: skip
        emergencies.forget_attempts(self.cast, who)
        with self.cast.acting(who):
            proof = emergencies.proof_of(self.who(who))
            if usual or (patient, who) in self.glass:
                with pytest.raises(REFUSALS):
                    breakglass.open(**asked, proof=proof)
                return
            self.glass[patient, who] = opened = breakglass.open(**asked, proof=proof)
        ends = dict.fromkeys([Category.VIEW, Category.SUMMARY], opened.expires_at)
        self.add_care("emergency", patient, who, ends, emergency=True)

    @rule(patient=patients, who=clinicians, more=st.sets(st.sampled_from(breakglass.MORE)))
    def ask_for_more(self, patient, who, more):
        """The second step, for an emergency of one's own."""
        opened = self.glass.get((patient, who))
        if opened is None or not self.model.held(who, False):
            return
        emergencies.forget_attempts(self.cast, who)
        asked = {"emergency": opened, "categories": more, "reason": emergencies.REASON}
        with self.cast.acting(who):
            asked |= {"proof": emergencies.proof_of(self.who(who)), "by": self.who(who)}
            if not more:
                with pytest.raises(REFUSALS):
                    breakglass.widen(**asked)
                return
            breakglass.widen(**asked)
        ends = dict.fromkeys(more, opened.expires_at)
        self.add_care("emergency", patient, who, ends, emergency=True)

    @rule(patient=patients, who=clinicians)
    def give_back(self, patient, who):
        """The emergency is over before its hour."""
        opened = self.glass.get((patient, who))
        if opened is None or not self.model.held(who, False):
            return
        with self.cast.acting(who):
            breakglass.give_back(emergency=opened, by=self.who(who))
        del self.glass[patient, who]
        for key in [key for key in self.model.care if key[0].startswith("emergency:")]:
            if key[1:] == (patient, who):
                del self.model.care[key]

    def add_care(self, way, patient, who, ends, *, emergency=False):
        """What the same way opened before stays, unless it was opened anew."""
        for category, end in ends.items():
            self.model.care[f"{way}:{category}", patient, who] = Opening(
                {category: end}, timezone.now(), emergency
            )

    def in_emergency(self, who, patient) -> bool:
        return any(
            opening.emergency and any(opening.opens(c, self.now) for c in opening.ends)
            for (_way, of, by), opening in self.model.care.items()
            if (of, by) == (patient, who)
        )

    def usual(self, by, patient, end):
        """What a colleague gets: of the usual parts, those that who lets her in reads, and no
        longer than she does. The cover goes with them."""
        seen = [c for c in care_team.USUAL if self.model.sees(by, False, patient, c)]
        ends = {c: [end, self.model.until(by, patient, c)] for c in seen if c != Category.VIEW}
        return {c: min(filter(None, both), default=None) for c, both in ends.items()}

    def a_steward(self, patient):
        return next((who for who in HOME if self.steward_of(patient, who)), None)

    def relation(self, patient, who):
        with tenancy.system(self.cast.harbor):
            return CareRelationship.objects.filter(
                patient=self.cast.patients[patient], clinician=self.who(who)
            ).first()

    # The clinic
    @rule(narrowed=st.booleans())
    def set_reach(self, narrowed):
        with tenancy.system(self.cast.harbor):
            Facility.objects.filter(pk=self.cast.harbor.pk).update(
                care_reach="care_team" if narrowed else "facility"
            )
        self.model.narrowed = narrowed

    @rule(who=st.sampled_from(["sarah", "omar", "nina", "fred", "grace", "jane"]))
    def dismiss_or_take_on_again(self, who):
        with tenancy.system(self.cast.harbor):
            row = RoleAssignment.objects.get(user=self.who(who), facility=self.cast.harbor)
        role = Role(row.role)
        if (who, role) in self.model.roles:
            with self.cast.acting("alma"):
                staffing.dismiss(assignment=row, by=self.cast.alma)
            del self.model.roles[who, role]
        else:
            with tenancy.system(self.cast.harbor):
                staffing.assign(user=self.who(who), role=role, facility=self.cast.harbor)
            self.model.roles[who, role] = timezone.now()

    # Time
    @rule(some=st.sampled_from([1, 6, 30, 365, 731]))
    def time_passes(self, some):
        """Everything happened so many days earlier; birthdays come, access ends by itself."""
        back = timedelta(days=some)
        with tenancy.system(self.cast.harbor), connection.cursor() as cursor:
            for table, columns in CLOCKED.items():
                moved = ", ".join(f"{column} = {column} - %(back)s" for column in columns)
                cursor.execute(f"UPDATE {table} SET {moved}", {"back": back})
            for name in PATIENTS:
                self.refresh(name)
                patient = self.cast.patients[name]
                patient.date_of_birth -= back
                patient.save(update_fields=["date_of_birth"])
        self.model.pass_time(some)
        self.agreements = {
            key: (categories, until and until - back, by_guardian)
            for key, (categories, until, by_guardian) in self.agreements.items()
        }
        self.glass.clear()

    @rule()
    def come_of_age(self):
        """The clinic's clock hands over to young adults."""
        guardians = [
            who for (patient, who) in self.members
            if patient == "jimmy" and self.is_guardian(patient, who)
        ]  # fmt: skip
        decides = Category.SHARING in self.model.home["jimmy", "self:jim"].ends
        with tenancy.system(self.cast.harbor):
            majority.hand_over()
        if self.model.is_minor("jimmy") or (decides and not guardians):
            return
        for who in guardians:
            self.model.home.pop(("jimmy", who), None)
        self.follow_all()
        self.open_to_self("jimmy", "jim")

    def follow_all(self):
        for patient, who in list(self.agreements):
            if patient == "jimmy":
                self.follow(patient, who)

    @rule(years=st.sampled_from([5, 11, 13, 17, 19]))
    def correct_the_birthday(self, years):
        """An administrator corrects the birthday: what guardians see follows, and what they opened
        to others."""
        born = self.years_ago(years)
        with self.cast.acting("alma"):
            from patients import registration

            registration.correct(patient=self.cast.jimmy, by=self.cast.alma, date_of_birth=born)
        self.refresh("jimmy")
        if self.model.born["jimmy"] == born:
            return
        self.model.born["jimmy"] = born
        for who in GUARDIANS:
            if ("jimmy", who) in self.members and self.is_guardian("jimmy", who):
                self.guarded("jimmy", who)
        self.follow_all()

    def who(self, name: str):
        return self.cast.people[name]

    def asked(self):
        """Who is asked after this step, on the side where she acts: each within `turn` steps."""
        self.step = getattr(self, "step", 0) + 1
        everybody = [(name, False) for name in CLINIC] + [(name, True) for name in HOME]
        for number, (name, home) in enumerate(everybody):
            if (number + self.step) % self.turn == 0 and self.model.held(name, home):
                yield name, home


CLOCKED = {
    "patients_accessgrant": ["expires_at", "granted_at"],
    "patients_consent": ["expires_at"],
    "clinic_roleassignment": ["held_since"],
    "compliance_emergencyaccess": ["opened_at", "expires_at", "review_due_at"],
}


class ThroughTheDoors(Access):
    """Asked as the product asks."""

    turn = 5

    @invariant()
    def nothing_differs(self):
        for name, home in self.asked():
            user = self.who(name)
            with self.cast.acting(name, portal=home):
                seen = set(access.visible_to(user).values_list("pk", flat=True))
                rows = set()
                for model in (Allergy, Medication, Condition):
                    found = health.visible_to(user, model).values_list("pk", flat=True)
                    rows |= {(model._meta.db_table, pk) for pk in found}
                    summary = access.visible(
                        model.objects.all(), user, category=Category.SUMMARY
                    ).values_list("pk", flat=True)
                    rows |= {(model._meta.db_table, pk) for pk in summary}
                for door, model in ((charting, MedicalRecord), (documents, Document)):
                    found = door.visible_to(user).values_list("pk", flat=True)
                    rows |= {(model._meta.db_table, pk) for pk in found}
                for patient in PATIENTS:
                    row = self.cast.patients[patient]
                    held = access.categories_of(user, row)
                    expected = {c for c in Category if self.model.sees(name, home, patient, c)}
                    assert held == expected, (name, patient, held ^ expected)
                    assert (row.pk in seen) == (Category.VIEW in expected), (name, patient)
            self.same_rows(name, home, rows)

    def same_rows(self, name, home, found):
        expected = {key for key, row in self.rows.items() if self.model.reads(name, home, row)}
        assert found & self.rows.keys() == expected, (
            name, [(key[0], self.rows[key]) for key in (found & self.rows.keys()) ^ expected]
        )  # fmt: skip


class AsRawSQL(ThroughTheDoors):
    """Asked without any filter: the policies alone."""

    turn = 3

    ALL = " UNION ALL ".join(
        f"SELECT '{table}', id FROM {table}"
        for table in (
            "patients_patient", "patients_allergy", "patients_medication", "patients_condition",
            "records_medicalrecord", "records_document",
        )
    )  # fmt: skip

    @invariant()
    def nothing_differs(self):
        for name, home in self.asked():
            with self.cast.acting(name, portal=home), connection.cursor() as cursor:
                cursor.execute(self.ALL)
                found = set(cursor.fetchall())
            for patient in PATIENTS:
                seen = ("patients_patient", self.cast.patients[patient].pk) in found
                expected = self.model.sees(name, home, patient, Category.VIEW)
                assert seen == expected, (name, patient)
            self.same_rows(name, home, found)


@pytest.fixture
def movable_consents(django_db_blocker, django_db_setup):
    """Time passes for consents too, whose end no verb moves."""
    with django_db_blocker.unblock():
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE patients_consent DISABLE TRIGGER frozen")
        yield
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE patients_consent ENABLE TRIGGER frozen")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", [ThroughTheDoors, AsRawSQL])
def test_who_sees_what_never_differs_from_the_model(movable_consents, db, kind):
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # shrinking takes minutes; the steps are told as they are
            derandomize=not EXPLORE,
            database=None,
        ),
    )
