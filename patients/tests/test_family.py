"""Families, verb by verb: who is invited and by whom, who acts, who leaves, and who guards."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from clinic import joining
from clinic.errors import Conflict, Invalid, Missing
from clinic.models import Invitation
from clinic.security import tenancy
from clinic.security.permissions import SHARED, Category, Permission, Role
from clinic.tests.people import make_cast, person
from clinic.tests.refusals import denied, refused
from patients import (
    ages,
    consent,
    enrolment,
    family,
    family_account,
    registration,
    relationships,
)
from patients.models import (
    AccessGrant,
    CareRelationship,
    Consent,
    FamilyAccount,
    FamilyMember,
    Patient,
)
from patients.tests.opened import ends_of

C, Level = Category, FamilyMember.PermissionLevel
TOMORROW = timezone.now() + timedelta(days=1)
AUNT = {"email": "aunt@example.org", "name": "Aunt May", "relationship": "other"}


def beside(cast, name: str, patient, level="limited", **more) -> FamilyMember:
    more = {"relationship": "spouse"} | more
    with tenancy.system(cast.harbor):
        return family.stand(patient=patient, user=cast.people[name], level=level, **more)


def at_home(cast, verb, by="john", **said):
    with cast.acting(by, portal=True):
        return verb(by=cast.people[by], **said)


def at_the_desk(cast, verb, by="fred", **said):
    with cast.acting(by):
        return verb(by=cast.people[by], **said)


def opened(cast, name: str, patient) -> set[str]:
    return set(ends_of(cast, name, patient, "family"))


def kept(cast, member) -> FamilyMember:
    with tenancy.system(cast.harbor):
        return FamilyMember.objects.get(pk=member.pk)


def counts(cast) -> tuple[int, ...]:
    with tenancy.system(cast.harbor):
        kinds = (FamilyMember, FamilyAccount, Invitation, Consent, AccessGrant)
        return tuple(kind._default_manager.count() for kind in kinds)


@pytest.fixture
def jane(cast) -> FamilyMember:
    """Jane stands beside John."""
    return beside(cast, "jane", cast.mr_doe)


@pytest.fixture
def father(cast) -> FamilyMember:
    """John, guardian of Jimmy."""
    with tenancy.system(cast.harbor):
        return FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)


# Inviting
def test_a_relative_is_invited_to_what_was_agreed_to(cast):
    member = at_home(
        cast, family.invite, patient=cast.mr_doe, **AUNT | {"name": " Aunt May "},
        categories=[C.RECORDS], expires_at=TOMORROW,
    )  # fmt: skip
    row = kept(cast, member)
    assert (row.name, row.relationship, row.permission_level) == ("Aunt May", "other", "limited")
    assert (row.user_id, row.is_guardian, row.patient_id) == (None, False, cast.mr_doe.pk)
    with tenancy.system(cast.harbor):
        letter = row.invitation
        assert (letter.email, letter.role) == ("aunt@example.org", Role.FAMILY_MEMBER)
        assert letter.invited_by_id == cast.john.pk
        standing = consent.standing_of(row)
        assert (standing.categories, standing.expires_at) == (["records"], TOMORROW)
        assert standing.given_by_id == cast.john.pk
        cast.people["may"] = person("may", cast.harbor, Role.FAMILY_MEMBER)
    assert opened(cast, "may", cast.mr_doe) == set()
    with tenancy.system(cast.harbor):
        family.joined(letter, cast.may)
        family.joined(letter, cast.jane)  # the letter has been taken up
    assert opened(cast, "may", cast.mr_doe) == {"view", "records"}
    assert kept(cast, member).user_id == cast.may.pk and opened(cast, "jane", cast.mr_doe) == set()


def test_without_categories_she_is_invited_to_nothing_yet(cast):
    member = at_home(cast, family.invite, patient=cast.mr_doe, level="full", **AUNT)
    with tenancy.system(cast.harbor):
        assert consent.standing_of(member) is None
    assert kept(cast, member).permission_level == "full"


def test_a_letter_whose_place_has_ended_puts_nobody_there(cast, father):
    """Jane takes away whom John invited: his letter, which she does not see, stays open."""
    beside(cast, "jane", cast.jimmy, "full", relationship="parent", is_guardian=True)
    member = at_home(cast, family.invite, patient=cast.jimmy, **AUNT, categories=[C.RECORDS])
    at_home(cast, family.leave, by="jane", member=member)
    with tenancy.system(cast.harbor):
        assert Invitation.objects.get(pk=member.invitation_id).is_open
        cast.people["may"] = joining.accept_anew(
            key=joining.key_of(member.invitation), first_name="May", last_name="Doe",
            password="a lake of many words",
        )  # fmt: skip
    assert kept(cast, member).user_id is None and opened(cast, "may", cast.jimmy) == set()


def test_who_stood_there_before_or_stands_beside_another_comes_by_her_letter(cast):
    cast.people["may"] = person("may", cast.harbor, Role.FAMILY_MEMBER)
    beside(cast, "may", cast.mrs_doe)
    at_home(cast, family.leave, by="may", member=beside(cast, "may", cast.mr_doe))
    member = at_home(cast, family.invite, patient=cast.mr_doe, **AUNT, categories=[C.RECORDS])
    with tenancy.system(cast.harbor):
        family.joined(member.invitation, cast.may)
    row = kept(cast, member)
    assert (row.user_id, row.ended_at, row.permission_level) == (cast.may.pk, None, "limited")
    assert opened(cast, "may", cast.mr_doe) == {"view", "records"}


WRONG = {
    "no name": ({"name": "  "}, {"name"}),
    "a name that nobody sees": ({"name": "\u200b\u3164"}, {"name"}),
    "no relationship": ({"relationship": "friend"}, {"relationship"}),
    "no level": ({"level": "boss"}, {"permission_level"}),
    "no address": ({"email": "nobody"}, {"email"}),
    "several": ({"name": "", "relationship": "", "level": ""},
                {"name", "relationship", "permission_level"}),
    "too much": ({"categories": [C.VIEW]}, {"categories"}),
    "over": ({"categories": [C.RECORDS], "expires_at": timezone.now() - timedelta(1)},
             {"expires_at"}),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named_and_nobody_is_invited(cast, wrong):
    before = counts(cast)
    said, fields = WRONG[wrong]
    with refused(Invalid, *fields):
        at_home(cast, family.invite, patient=cast.mr_doe, **AUNT | said)
    assert counts(cast) == before


def test_nobody_but_a_guardian_acts_for_a_minor(cast, father):
    with refused(Invalid, "permission_level"):
        at_home(cast, family.invite, patient=cast.jimmy, level="full", **AUNT)
    member = at_home(cast, family.invite, patient=cast.jimmy, level="limited", **AUNT)
    for one, level in [(member, "full"), (father, "limited"), (father, "none"), (father, "full")]:
        with refused(Invalid, "permission_level"):
            at_home(cast, family.set_level, member=one, level=level)
    assert kept(cast, father).permission_level == "full"
    assert kept(cast, member).permission_level == "limited"


def test_only_who_decides_invites(cast):
    before = counts(cast)
    for name, portal in [("jane", True), ("ana", True), ("alma", False), ("fred", False)]:
        with cast.acting(name, portal=portal), denied(Permission.SHARING_MANAGE):
            family.invite(patient=cast.mr_doe, by=cast.people[name], **AUNT)
        with cast.acting(name, portal=portal), denied(Permission.SHARING_MANAGE):
            family.invite(patient=cast.mr_doe, by=cast.john, **AUNT)
    assert counts(cast) == before


def test_who_is_there_already_is_not_put_there_twice(cast, jane):
    member = at_home(cast, family.invite, patient=cast.mr_doe, **AUNT, categories=[C.RECORDS])
    with tenancy.system(cast.harbor):
        family.joined(member.invitation, cast.jane)
    row = kept(cast, member)
    assert row.ended_at and (row.permission_level, row.user_id) == ("none", None)
    assert opened(cast, "jane", cast.mr_doe) == set() and kept(cast, jane).ended_at is None


def test_the_patient_herself_is_no_relative_of_hers(cast):
    member = at_home(cast, family.invite, patient=cast.mr_doe, **AUNT, categories=[C.RECORDS])
    with tenancy.system(cast.harbor):
        family.joined(member.invitation, cast.john)
    assert kept(cast, member).ended_at and kept(cast, member).user_id is None


# Guardians
def test_a_guardian_is_invited_by_the_desk_and_sees_by_law(cast):
    member = at_the_desk(
        cast, family.invite_guardian, patient=cast.jimmy,
        **AUNT | {"relationship": "grandparent"},
    )  # fmt: skip
    row = kept(cast, member)
    assert (row.is_guardian, row.permission_level) == (True, "full")
    with tenancy.system(cast.harbor):
        law = consent.standing_of(row)
        assert (law.basis, law.given_by_id) == ("guardian", cast.fred.pk)
        assert "Aunt May (Grandparent) is guardian of Jimmy Doe" in law.text


@pytest.mark.parametrize(
    "patient, relationship, field",
    [("mr_doe", "parent", "patient"), ("jimmy", "sibling", "relationship"),
     ("jimmy", "spouse", "relationship"), ("jimmy", "nobody", "relationship")],
)  # fmt: skip
def test_who_cannot_be_a_guardian_is_not_invited(cast, patient, relationship, field):
    before = counts(cast)
    with refused(Invalid, field):
        at_the_desk(
            cast, family.invite_guardian, patient=cast.patients[patient],
            **AUNT | {"relationship": relationship},
        )  # fmt: skip
    assert counts(cast) == before


def test_who_sets_up_families_does_so_in_her_own_name_and_clinic(cast, father):
    before, said = counts(cast), AUNT | {"relationship": "parent"}
    for name in ("sarah", "nina", "aud"):
        with cast.acting(name), denied(Permission.FAMILY_MANAGE):
            family.invite_guardian(patient=cast.jimmy, by=cast.people[name], **said)
        with cast.acting(name), denied(Permission.FAMILY_MANAGE):
            family.end_guardian(member=father, by=cast.people[name])
    with cast.acting("fred"), denied(Permission.PATIENT_VIEW):
        family.invite_guardian(patient=cast.jimmy, by=cast.alma, **said)
    with cast.acting("fred"), denied(Permission.PATIENT_VIEW):
        family.end_guardian(member=father, by=cast.alma)
    with cast.acting("rita"), refused(Missing, "patient"):
        family.invite_guardian(patient=cast.jimmy, by=cast.rita, **said)
    with cast.acting("rita"), refused(Missing):
        family.end_guardian(member=father, by=cast.rita)
    assert counts(cast) == before and kept(cast, father).ended_at is None


def test_what_she_asked_of_clinicians_ends_with_the_guardianship(cast, father):
    """Of her child; what she asked for herself goes on."""
    for patient in (cast.jimmy, cast.mr_doe):
        at_home(
            cast, relationships.invite_clinician, patient=patient, clinician=cast.omar,
            categories=[C.RECORDS],
        )  # fmt: skip
    at_the_desk(cast, family.end_guardian, member=father)
    with tenancy.system(cast.harbor):
        found = dict(CareRelationship.objects.values_list("patient_id", "status"))
    assert found == {cast.jimmy.pk: "inactive", cast.mr_doe.pk: "pending"}


def test_a_guardianship_is_ended_by_the_clinic(cast, father):
    before = timezone.now()
    at_the_desk(cast, family.end_guardian, member=father)
    row = kept(cast, father)
    assert before <= row.ended_at <= timezone.now() and row.permission_level == "none"
    assert opened(cast, "john", cast.jimmy) == set()
    with tenancy.system(cast.harbor):
        law = Consent.objects.get(family_member=father)
        assert law.revoked_at and law.revoked_by_id == cast.fred.pk
    with refused(Missing):
        at_the_desk(cast, family.end_guardian, member=father)


def test_who_is_no_guardian_is_not_ended_as_one(cast, jane):
    with denied(Permission.FAMILY_MANAGE):
        at_the_desk(cast, family.end_guardian, member=jane)
    assert kept(cast, jane).ended_at is None


def test_one_guardian_does_not_take_the_other_away(cast, father):
    mother = beside(cast, "jane", cast.jimmy, "full", relationship="parent", is_guardian=True)
    with refused(Conflict):
        at_home(cast, family.leave, by="john", member=mother)
    assert kept(cast, mother).ended_at is None and opened(cast, "jane", cast.jimmy)
    at_home(cast, family.leave, by="jane", member=mother)
    assert kept(cast, mother).ended_at and opened(cast, "jane", cast.jimmy) == set()


@pytest.mark.parametrize("by", ["john", None])
def test_a_corrected_birthday_moves_what_every_guardian_sees(cast, father, by):
    aunt = beside(cast, "jane", cast.jimmy)
    at_home(cast, consent.give, member=aunt, categories=[C.RECORDS])
    assert C.HIV in opened(cast, "john", cast.jimmy) or True
    day = timezone.now().astimezone(cast.harbor.zone).date()
    with tenancy.system(cast.harbor):
        for years, sees in ((9, True), (12, False)):
            cast.jimmy.date_of_birth = ages.birthday(day, -years)
            cast.jimmy.save()
            family.follow_age(cast.jimmy)
            assert (C.HIV in opened(cast, "john", cast.jimmy)) is sees
        assert opened(cast, "jane", cast.jimmy) == {"view", "records"}, "no guardian"


# What a relative may do
@pytest.mark.parametrize(
    "level, sees", [("none", set()), ("limited", {"view", "hiv"}),
                    ("full", {"view", "hiv", "access_log"})],
)  # fmt: skip
def test_her_level_is_set_at_once(cast, jane, level, sees):
    at_home(cast, consent.give, member=jane, categories=[C.HIV])
    assert at_home(cast, family.set_level, member=jane, level=level).permission_level == level
    assert kept(cast, jane).permission_level == level
    assert opened(cast, "jane", cast.mr_doe) == sees


@pytest.mark.parametrize("level", ["boss", ""])
def test_there_is_no_other_level(cast, jane, level):
    with refused(Invalid, "permission_level"):
        at_home(cast, family.set_level, member=jane, level=level)
    assert kept(cast, jane).permission_level == "limited"


def test_she_raises_herself_to_nothing(cast, jane):
    at_home(cast, consent.give, member=jane, categories=[C.RECORDS])
    for level in Level.values:
        with denied(Permission.SHARING_MANAGE):
            at_home(cast, family.set_level, by="jane", member=jane, level=level)
        with denied(Permission.SHARING_MANAGE):
            at_home(cast, family.agree, by="jane", member=jane, level=level, categories=SHARED)
    assert kept(cast, jane).permission_level == "limited"
    assert opened(cast, "jane", cast.mr_doe) == {"view", "records"}


def agree(cast, member, categories, level="limited", expires_at=None):
    return at_home(
        cast, family.agree, member=member, level=level, categories=categories,
        expires_at=expires_at,
    )  # fmt: skip


def standing(cast, member):
    with tenancy.system(cast.harbor):
        row = consent.standing_of(member)
        return row and (row.number, set(row.categories), row.expires_at)


def test_all_is_said_at_once_and_only_what_is_new_is_a_version(cast, jane):
    agree(cast, jane, [C.RECORDS, C.HIV], expires_at=TOMORROW)
    assert standing(cast, jane) == (1, {"records", "hiv"}, TOMORROW)
    agree(cast, jane, [C.HIV, C.RECORDS], level="full", expires_at=TOMORROW)
    assert standing(cast, jane) == (1, {"records", "hiv"}, TOMORROW)
    assert opened(cast, "jane", cast.mr_doe) == {"view", "records", "hiv", "access_log"}
    agree(cast, jane, [C.HIV, C.RECORDS])
    assert standing(cast, jane) == (2, {"records", "hiv"}, None)
    agree(cast, jane, [C.HIV])
    assert standing(cast, jane) == (3, {"hiv"}, None)
    agree(cast, jane, [])
    assert standing(cast, jane) is None and opened(cast, "jane", cast.mr_doe) == set()
    with tenancy.system(cast.harbor):
        last = Consent.objects.get(family_member=jane, number=3)
        assert last.revoked_by_id == cast.john.pk
    agree(cast, jane, [])
    assert standing(cast, jane) is None


# Leaving
@pytest.mark.parametrize("by", ["john", "jane"])
def test_a_relative_leaves_or_is_taken_away(cast, jane, by):
    at_home(cast, consent.give, member=jane, categories=[C.RECORDS])
    before = timezone.now()
    at_home(cast, family.leave, by=by, member=jane)
    row = kept(cast, jane)
    assert before <= row.ended_at <= timezone.now() and row.permission_level == "none"
    assert opened(cast, "jane", cast.mr_doe) == set()
    with tenancy.system(cast.harbor):
        assert Consent.objects.get(family_member=jane).revoked_by_id == cast.people[by].pk
    with refused(Missing):
        at_home(cast, family.leave, by=by, member=jane)


def test_nobody_else_takes_her_away(cast, jane):
    for name, portal in [("fred", False), ("alma", False), ("sarah", False)]:
        with cast.acting(name, portal=portal), denied(Permission.SHARING_MANAGE):
            family.leave(member=jane, by=cast.people[name])
    assert kept(cast, jane).ended_at is None


def test_who_is_invited_and_taken_away_finds_her_letter_closed(cast):
    member = at_home(cast, family.invite, patient=cast.mr_doe, **AUNT, categories=[C.RECORDS])
    with tenancy.system(cast.harbor):
        key = joining.key_of(member.invitation)
    at_home(cast, family.leave, member=member)
    with tenancy.system(cast.harbor):
        assert Invitation.objects.get(pk=member.invitation_id).withdrawn_at
    with pytest.raises(Missing):
        joining.find(key)


# How many
def test_a_family_counts_people_and_not_places(cast, father):
    """John, his wife beside him and their son; an invitation counts too; who left does not."""
    jane = beside(cast, "jane", cast.mr_doe)
    with cast.acting("john", portal=True):
        account = family.account_of(cast.mr_doe)
    with tenancy.system(cast.harbor):
        assert account.pk == father.account_id == jane.account_id, "one family"
        assert family.size(account) == 3  # John, Jane, Jimmy
    at_home(cast, family.invite, patient=cast.mr_doe, **AUNT)
    with tenancy.system(cast.harbor):
        assert family.size(account) == 4
    at_home(cast, family.leave, member=jane)
    with tenancy.system(cast.harbor):
        assert family.size(account) == 3


def test_one_more_than_the_most_is_refused(cast, jane, father):
    with tenancy.system(cast.harbor):
        FamilyAccount.objects.filter(pk=jane.account_id).update(max_members=4)
        grandmother = person("grace", cast.harbor, Role.FAMILY_MEMBER)
    at_home(cast, family.invite, patient=cast.mr_doe, **AUNT)
    before = counts(cast)
    with refused(family.FamilyFull):
        at_home(cast, family.invite, patient=cast.mr_doe, **AUNT | {"email": "b@example.org"})
    with tenancy.system(cast.harbor), pytest.raises(family.FamilyFull, match="has 4 members"):
        family.stand(patient=cast.mr_doe, user=grandmother, relationship="parent")
    assert counts(cast) == before
    assert beside(cast, "jane", cast.jimmy).account_id == jane.account_id, "she is one of them"
    assert beside(cast, "john", cast.mrs_doe).pk


def test_a_family_is_found_by_who_speaks_for_the_patient(cast):
    """Who has no account speaks for none; nobody else does for her, and nor does the desk."""
    with tenancy.system(cast.harbor):
        lone = registration.register(
            by=None, first_name="Lone", last_name="Roe", date_of_birth=date(1990, 1, 1)
        )
        assert family.known_account(lone) is None
        made = family.stand(patient=lone, user=cast.jane, relationship="sibling").account
        assert (made.name, made.primary_member_id) == ("Roe", None), "she has no account"
        assert family.known_account(lone).pk == made.pk and family.size(made) == 2
        enrolment.connect(patient=lone, user=person("lone", cast.harbor, Role.PATIENT))
        made.refresh_from_db()
        assert made.primary_member.email == "lone@harbor.test"
        assert family.known_account(lone).pk == made.pk
        eva = registration.register(
            by=None, first_name="Eva", last_name="Poe", date_of_birth=date(1990, 1, 1)
        )
        enrolment.connect(patient=eva, user=person("eva", cast.harbor, Role.PATIENT))
        hers = family.account_of(eva)
        assert (hers.name, hers.primary_member.email) == ("Poe", "eva@harbor.test")
        assert family.account_of(eva).pk == hers.pk


def test_the_desk_speaks_for_no_family_and_does_not_join_two(cast):
    """Fred invites the first guardians of two children of two families."""
    members = []
    for last in ("Roe", "Poe"):
        with tenancy.system(cast.harbor):
            child = registration.register(
                by=None, first_name="Child", last_name=last, date_of_birth=date(2016, 1, 1)
            )
        said = AUNT | {"relationship": "parent", "email": f"{last}@example.org"}
        members.append(at_the_desk(cast, family.invite_guardian, patient=child, **said))
    one, other = members
    assert one.account_id != other.account_id
    with tenancy.system(cast.harbor):
        assert {m.account.primary_member_id for m in members} == {None}
        mother = joining.accept_anew(
            key=joining.key_of(one.invitation), first_name="M", last_name="Roe",
            password="a lake of many words",
        )  # fmt: skip
        assert FamilyAccount.objects.get(pk=one.account_id).primary_member_id == mother.pk
        assert FamilyAccount.objects.get(pk=other.account_id).primary_member_id is None


def test_a_second_guardian_does_not_speak_for_the_family(cast, father):
    said = AUNT | {"relationship": "grandparent"}
    member = at_the_desk(cast, family.invite_guardian, patient=cast.jimmy, **said)
    with tenancy.system(cast.harbor):
        family.joined(member.invitation, person("may", cast.harbor, Role.FAMILY_MEMBER))
        [account] = FamilyAccount.objects.filter(members__patient=cast.jimmy).distinct()
        assert account.primary_member_id == cast.john.pk


def test_who_decides_for_herself_speaks_whatever_her_birthday(cast):
    with cast.acting("alma"):
        jane = registration.correct(
            patient=cast.mrs_doe, by=cast.alma, date_of_birth=date(2015, 1, 1)
        )
    member = at_home(cast, family.invite, by="jane", patient=jane, **AUNT)
    with tenancy.system(cast.harbor):
        assert member.account.primary_member_id == cast.jane.pk


def test_whom_one_stands_beside_does_not_settle_what_ones_own_relatives_know(cast, jane):
    """Jane stands beside John. Her sister and her brother are not in his family."""
    hers = []
    for name in ("sis", "bro"):
        with tenancy.system(cast.harbor):
            cast.people[name] = person(name, cast.harbor, Role.FAMILY_MEMBER)
        hers.append(beside(cast, name, cast.mrs_doe, relationship="sibling"))
        at_home(cast, consent.give, by="jane", member=hers[-1], categories=[C.RECORDS])
    assert {member.account_id for member in hers} != {jane.account_id}
    with tenancy.system(cast.harbor):
        his, own = (FamilyAccount.objects.get(pk=m.account_id) for m in (jane, hers[0]))
        assert own.primary_member_id == cast.jane.pk
        # As they stood before: in his family, which is his to open.
        FamilyMember.objects.filter(pk__in=[m.pk for m in hers]).update(account=his)
    settings = {family.MEMBERS_SEE_MEMBERS: True}
    at_home(cast, family_account.set_privacy, account=his, settings=settings)

    def known(name: str) -> set:
        with cast.acting(name, portal=True):
            return {member.pk for member in family.members(cast.mrs_doe)}

    assert known("sis") == {hers[0].pk} and known("bro") == {hers[1].pk}


def test_a_guardian_settles_what_a_minors_relatives_know_until_the_day_of_majority(cast, father):
    with tenancy.system(cast.harbor):
        cast.people["aunt"] = person("aunt", cast.harbor, Role.FAMILY_MEMBER)
        account = FamilyAccount.objects.get(pk=father.account_id)
    aunt = beside(cast, "aunt", cast.jimmy, relationship="other")
    at_home(cast, consent.give, member=aunt, categories=[C.RECORDS])
    settings = {family.MEMBERS_SEE_MEMBERS: True}
    at_home(cast, family_account.set_privacy, account=account, settings=settings)

    def known() -> set:
        with cast.acting("aunt", portal=True):
            return {member.pk for member in family.members(cast.jimmy)}

    assert known() == {aunt.pk, father.pk}
    cast.jimmy.date_of_birth = date(2000, 1, 1)
    assert known() == {aunt.pk}


def test_who_knows_of_whom_is_the_familys_to_settle(cast, jane, father):
    with tenancy.system(cast.harbor):
        other = family.stand(
            patient=cast.mr_doe, user=person("grace", cast.harbor, Role.FAMILY_MEMBER),
            relationship="parent",
        )  # fmt: skip
        account = FamilyAccount.objects.get(pk=jane.account_id)
    at_home(cast, consent.give, member=jane, categories=[C.RECORDS])

    def known(name: str, portal=True) -> set:
        with cast.acting(name, portal=portal):
            return {member.pk for member in family.members(cast.mr_doe)}

    assert known("john") == {jane.pk, other.pk} == known("alma", portal=False)
    assert known("jane") == {jane.pk}
    settings = {family.MEMBERS_SEE_MEMBERS: True}
    row = at_home(cast, family_account.set_privacy, account=account, settings=settings)
    assert row.privacy_settings == settings and known("jane") == {jane.pk, other.pk}
    at_home(cast, family_account.set_privacy, account=account, settings={})
    assert known("jane") == {jane.pk, other.pk}, "what is not said stays"
    at_home(cast, family.leave, member=other)
    assert known("john") == {jane.pk}


def test_whose_word_counts_where_the_patient_does_not_decide(cast, father):
    """What relatives know of one another is for the guardian who speaks for the family: not for one
    who guards another child, who has left, or who was invited and has not come."""
    with tenancy.system(cast.harbor):
        account = FamilyAccount.objects.get(pk=father.account_id)
    aunt = beside(cast, "jane", cast.jimmy, account=account)
    other = beside(cast, "fred", cast.jimmy, account=account, relationship="other")

    def known() -> set:
        with cast.acting("jane", portal=True):
            return {member.pk for member in family.members(cast.jimmy)}

    with tenancy.system(cast.harbor):
        account.privacy_settings = {family.MEMBERS_SEE_MEMBERS: True}
        account.primary_member = cast.john
        account.save()
    at_home(cast, consent.give, member=aunt, categories=[C.RECORDS])
    assert known() == {father.pk, aunt.pk, other.pk}
    with tenancy.system(cast.harbor):
        own = registration.register(
            by=None, first_name="Joy", last_name="Doe", date_of_birth=cast.jimmy.date_of_birth
        )
    beside(cast, "jane", own, relationship="parent", is_guardian=True)
    for speaker in (cast.jane, cast.fred, cast.ana, None):
        with tenancy.system(cast.harbor):
            FamilyAccount.objects.filter(pk=account.pk).update(primary_member=speaker)
        assert known() == {aunt.pk}, speaker
    with tenancy.system(cast.harbor):
        FamilyAccount.objects.filter(pk=account.pk).update(primary_member=cast.john)
        FamilyMember.objects.filter(pk=father.pk).update(ended_at=timezone.now())
    assert known() == {aunt.pk}, "John guards him no more"


# Whose family it is
def family_of(cast, member: FamilyMember) -> FamilyAccount:
    with tenancy.system(cast.harbor):
        return FamilyAccount.objects.get(pk=member.account_id)


def a_child(cast, name: str) -> Patient:
    with tenancy.system(cast.harbor):
        return registration.register(
            by=None, first_name=name, last_name="Poe", date_of_birth=cast.jimmy.date_of_birth
        )


def test_for_the_children_of_one_guardian_she_speaks_and_their_sister_does_not(cast):
    with tenancy.system(cast.harbor):
        for name in ("may", "sis"):
            cast.people[name] = person(name, cast.harbor, Role.FAMILY_MEMBER)
    joy, roy = a_child(cast, "Joy"), a_child(cast, "Roy")
    sister = beside(cast, "sis", joy, relationship="sibling")
    assert (sister.relationship, family_of(cast, sister).primary_member_id) == ("sibling", None)
    first = beside(cast, "may", roy, relationship="parent", is_guardian=True)
    assert family_of(cast, first).primary_member_id == cast.people["may"].pk
    other = a_child(cast, "Moy")
    second = beside(cast, "may", other, relationship="parent", is_guardian=True)
    assert second.account_id == first.account_id != sister.account_id


@pytest.mark.parametrize("was", ["beside", "patient"])
def test_who_has_left_needs_room_as_anybody(cast, was):
    """She stood beside somebody of the family, or somebody of it beside her."""
    with tenancy.system(cast.harbor):
        for name in ("may", "zoe"):
            cast.people[name] = person(name, cast.harbor, Role.FAMILY_MEMBER)
    joy = a_child(cast, "Joy")
    gone = beside(cast, "may", joy, relationship="parent", is_guardian=True)
    account = family_of(cast, gone)
    name, patient = ("zoe", cast.mrs_doe) if was == "patient" else ("jane", joy)
    left = beside(cast, name, patient, account=account)
    with tenancy.system(cast.harbor):
        FamilyMember.objects.filter(pk=left.pk).update(ended_at=timezone.now())
        full = family.size(account)
        FamilyAccount.objects.filter(pk=account.pk).update(max_members=full)
    before = counts(cast)
    with refused(family.FamilyFull):
        beside(cast, "jane", joy, relationship="other", account=account)
    assert counts(cast) == before


# The family's name
def test_the_primary_member_names_the_family(cast, father):
    with tenancy.system(cast.harbor):
        account = FamilyAccount.objects.get(pk=father.account_id)
    at_home(cast, family_account.rename, account=account, name="  The Does ")
    with tenancy.system(cast.harbor):
        assert FamilyAccount.objects.get(pk=account.pk).name == "The Does"
    at_home(cast, family_account.rename, account=account, name="D" * 101)
    with tenancy.system(cast.harbor):
        assert FamilyAccount.objects.get(pk=account.pk).name == "D" * 100
    with refused(Invalid, "name"):
        at_home(cast, family_account.rename, account=account, name=" ")


@pytest.mark.parametrize(
    "settings",
    [{"other": True}, {family.MEMBERS_SEE_MEMBERS: "yes"}, {family.MEMBERS_SEE_MEMBERS: 1},
     {family.MEMBERS_SEE_MEMBERS: True, "other": True}, {"other": 1}],
)  # fmt: skip
def test_there_is_no_other_setting(cast, father, settings):
    with tenancy.system(cast.harbor):
        account = FamilyAccount.objects.get(pk=father.account_id)
    with refused(Invalid, "privacy_settings"):
        at_home(cast, family_account.set_privacy, account=account, settings=settings)
    with tenancy.system(cast.harbor):
        assert FamilyAccount.objects.get(pk=account.pk).privacy_settings == {}


def test_nobody_else_speaks_for_the_family(cast, father):
    with tenancy.system(cast.harbor):
        account = FamilyAccount.objects.get(pk=father.account_id)
        account.privacy_settings = {family.MEMBERS_SEE_MEMBERS: True}
        account.save()
    beside(cast, "jane", cast.mr_doe)
    said = {"account": account, "name": "Others"}
    with denied(Permission.SHARING_MANAGE):
        at_home(cast, family_account.rename, by="jane", **said)
    with cast.acting("jane", portal=True), denied(Permission.SHARING_MANAGE):
        family_account.rename(**said, by=cast.john)
    with cast.acting("alma"), denied(Permission.SHARING_MANAGE):
        family_account.rename(**said, by=cast.alma)
    with refused(Missing):
        at_home(cast, family_account.rename, by="ana", **said)
    with tenancy.system(cast.harbor):
        assert FamilyAccount.objects.get(pk=account.pk).name != "Others"


# Accounts of patients
@pytest.fixture
def eva(cast) -> Patient:
    with tenancy.system(cast.harbor):
        return registration.register(
            by=None, first_name="Eva", last_name="Roe", date_of_birth=date(1990, 3, 1)
        )


def test_a_patient_is_invited_to_her_record(cast, eva):
    letter = at_the_desk(cast, enrolment.invite, patient=eva, email="eva@example.org")
    with tenancy.system(cast.harbor):
        letter = Invitation.objects.get(pk=letter.pk)
        assert (letter.email, letter.role) == ("eva@example.org", "patient")
        assert (letter.first_name, letter.last_name) == ("Eva", "Roe")
        assert letter.invited_by_id == cast.fred.pk
        assert Patient.objects.get(pk=eva.pk).invitation_id == letter.pk
    again = at_the_desk(cast, enrolment.invite, patient=eva, email="eva2@example.org")
    with tenancy.system(cast.harbor):
        assert Invitation.objects.get(pk=letter.pk).withdrawn_at
        assert Invitation.objects.get(pk=again.pk).is_open
        enrolment.joined(again, person("eva", cast.harbor, Role.PATIENT))
        enrolment.joined(again, cast.ana)  # the letter has been taken up
        assert Patient.objects.get(pk=eva.pk).user.email == "eva@harbor.test"
        own = AccessGrant.grants.filter(content_object=eva, source="self")
        assert set(own.values_list("permission__codename", flat=True)) == set(C.values)


def test_without_an_address_nobody_is_invited(cast, eva):
    before = counts(cast)
    with refused(Invalid, "email"):
        at_the_desk(cast, enrolment.invite, patient=eva)
    with refused(Conflict):
        at_the_desk(cast, enrolment.invite, patient=cast.mr_doe, email="x@example.org")
    for name in ("sarah", "nina", "aud"):
        with denied(Permission.FAMILY_MANAGE):
            at_the_desk(cast, enrolment.invite, by=name, patient=eva, email="x@example.org")
    with cast.acting("fred"), denied(Permission.PATIENT_VIEW):
        enrolment.invite(patient=eva, email="x@example.org", by=cast.alma)
    with refused(Missing, "patient"):
        at_the_desk(cast, enrolment.invite, by="rita", patient=eva, email="x@example.org")
    assert counts(cast) == before


def test_a_minor_waits_for_a_guardian_with_an_account(cast, father):
    """Of another child there is a guardian; of this one there was; of this one one is invited."""
    with tenancy.system(cast.harbor):
        child = registration.register(
            by=None, first_name="Kid", last_name="Roe", date_of_birth=date(2016, 3, 1)
        )
        invited = family.stand(
            patient=child, user=cast.jane, relationship="sibling", level="limited"
        )
    said = {"patient": child, "email": "kid@example.org"}
    assert not has_guardian(cast, child)
    with refused(Conflict):
        at_the_desk(cast, enrolment.invite, **said)
    at_the_desk(cast, family.invite_guardian, patient=child, **AUNT | {"relationship": "parent"})
    with refused(Conflict):  # she has not taken it up
        at_the_desk(cast, enrolment.invite, **said)
    at_home(cast, consent.give, by="john", member=beside(cast, "jane", cast.jimmy),
            categories=[C.RECORDS])  # fmt: skip
    assert not has_guardian(cast, child)
    guardian = beside(cast, "john", child, "full", relationship="parent", is_guardian=True)
    assert at_the_desk(cast, enrolment.invite, **said).is_open
    # What a guardian agreed to for another makes her no guardian.
    at_home(cast, consent.give, member=invited, categories=[C.RECORDS])
    with tenancy.system(cast.harbor):
        FamilyMember.objects.filter(pk=guardian.pk).update(ended_at=timezone.now())
        assert consent.standing_of(guardian) and not enrolment.has_guardians_consent(child)
        FamilyMember.objects.filter(pk=guardian.pk).update(ended_at=None)
    at_the_desk(cast, family.end_guardian, member=guardian)
    with refused(Conflict):
        at_the_desk(cast, enrolment.invite, **said)
    assert kept(cast, invited).ended_at is None


def has_guardian(cast, patient) -> bool:
    with tenancy.system(cast.harbor):
        return enrolment.has_guardians_consent(patient)


def test_a_minor_with_an_account_does_not_decide(cast, father):
    with tenancy.system(cast.harbor):
        enrolment.connect(patient=cast.jimmy, user=person("jim", cast.harbor, Role.PATIENT))
        own = AccessGrant.grants.filter(content_object=cast.jimmy, source="self")
        assert set(own.values_list("permission__codename", flat=True)) == set(C.values) - {
            C.SHARING
        }
    said = AUNT | {"relationship": "guardian"}
    assert at_the_desk(cast, family.invite_guardian, patient=cast.jimmy, **said).is_guardian


def test_an_account_is_of_one_patient_and_of_no_relative(cast, jane):
    with tenancy.system(cast.harbor):
        for user in (cast.john, cast.jane):
            with refused(Conflict):
                enrolment.connect(patient=cast.mrs_doe if user == cast.john else cast.mr_doe,
                                  user=user)  # fmt: skip
        enrolment.connect(patient=cast.mr_doe, user=cast.john)  # her own, again
    with tenancy.system(cast.harbor):
        assert Patient.objects.get(pk=cast.mr_doe.pk).user_id == cast.john.pk


def test_who_was_taken_for_a_relative_can_be_the_patient_herself(cast, eva):
    cast.people["eva"] = person("eva", cast.harbor, Role.FAMILY_MEMBER)
    member = beside(cast, "eva", eva, relationship="other")
    with tenancy.system(cast.harbor), refused(Conflict):
        enrolment.connect(patient=eva, user=cast.eva)
    at_home(cast, family.leave, by="eva", member=member)
    with tenancy.system(cast.harbor):
        enrolment.connect(patient=eva, user=cast.eva)
        assert Patient.objects.get(pk=eva.pk).user_id == cast.eva.pk


def test_she_speaks_for_no_family_that_has_a_voice_or_is_not_hers(cast, eva, father):
    with tenancy.system(cast.harbor):
        lone = registration.register(
            by=None, first_name="Lone", last_name="Poe", date_of_birth=date(1990, 1, 1)
        )
        johns = FamilyAccount.objects.get(pk=father.account_id)
    beside(cast, "jane", eva, account=johns)
    waiting = beside(cast, "jane", lone).account_id
    with tenancy.system(cast.harbor):
        enrolment.connect(patient=eva, user=person("eva", cast.harbor, Role.PATIENT))
        assert FamilyAccount.objects.get(pk=johns.pk).primary_member_id == cast.john.pk
        assert FamilyAccount.objects.get(pk=waiting).primary_member_id is None


@pytest.mark.django_db(transaction=True)
def test_the_first_relatives_invited_at_once_found_one_family():
    with transaction.atomic():
        cast = make_cast()
    start = Barrier(2)

    def invite(number: int):
        try:
            with cast.acting("jane", portal=True), transaction.atomic():
                start.wait(timeout=20)
                said = AUNT | {"email": f"{number}@example.org"}
                return family.invite(patient=cast.mrs_doe, by=cast.jane, **said).account_id
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(invite, range(2))
    assert one == other
    with tenancy.system(cast.harbor), transaction.atomic():
        assert FamilyAccount.objects.filter(primary_member=cast.jane).count() == 1


@pytest.mark.django_db(transaction=True)
def test_children_of_one_guardian_who_come_at_once_are_of_one_family():
    with transaction.atomic():
        cast = make_cast()
        with tenancy.system(cast.harbor):
            may = person("may", cast.harbor, Role.FAMILY_MEMBER)
        children = [a_child(cast, name) for name in ("Joy", "Roy")]
    start = Barrier(2)

    def stand(child: Patient):
        try:
            with tenancy.system(cast.harbor), transaction.atomic():
                start.wait(timeout=20)
                return family.stand(
                    patient=child, user=may, relationship="parent", is_guardian=True
                ).account_id
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(stand, children)
    assert one == other
