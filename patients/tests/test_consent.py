"""Consent, verb by verb: what a version says, what it opens, and who may change it."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone, translation

from clinic.errors import Invalid, Missing
from clinic.models import RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, SHARED, Category, Permission
from clinic.tests.refusals import denied, refused
from patients import ages, consent, family, registration
from patients.models import AccessGrant, Consent, FamilyMember
from patients.tests.opened import ends_of

C = Category
TOMORROW = timezone.now() + timedelta(days=1)
NEXT_WEEK = timezone.now() + timedelta(days=7)


def beside(cast, name: str, patient, level="limited", **more) -> FamilyMember:
    with tenancy.system(cast.harbor):
        return family.stand(
            patient=patient, user=cast.people[name], relationship="spouse", level=level, **more
        )


@pytest.fixture
def jane(cast) -> FamilyMember:
    """Jane stands beside John."""
    return beside(cast, "jane", cast.mr_doe)


@pytest.fixture
def of_jimmy(cast) -> FamilyMember:
    """Jane stands beside Jimmy, 8 years old, whose guardian is John."""
    born(cast, years=8)
    return beside(cast, "jane", cast.jimmy)


def born(cast, *, years: int) -> date:
    """Let Jimmy be so old, and some days."""
    day = timezone.now().astimezone(cast.harbor.zone).date() - timedelta(days=40)
    day = ages.birthday(day, -years)
    with tenancy.system(cast.harbor):
        registration.correct(patient=cast.jimmy, by=None, date_of_birth=day)
        cast.jimmy.refresh_from_db()
    return day


def give(cast, member, *categories, by="john", **more) -> Consent:
    with cast.acting(by, portal=True):
        return consent.give(member=member, categories=categories, by=cast.people[by], **more)


def opened(cast, member) -> dict[str, datetime | None]:
    """What is open to the relative, each with its end."""
    return ends_of(cast, member.user_id, member.patient_id, "family")


def versions(cast, member) -> list[tuple]:
    """Each version: number, categories, who took it back."""
    with tenancy.system(cast.harbor):
        rows = Consent.objects.filter(family_member=member).order_by("number")
        return [
            (row.number, row.categories, row.revoked_by_id if row.revoked_at else "stands")
            for row in rows
        ]


# What a version says
def test_a_version_says_who_agreed_to_what_until_when(cast, jane):
    version = give(cast, jane, C.HIV, C.RECORDS, expires_at=NEXT_WEEK)
    with tenancy.system(cast.harbor):
        row = Consent.objects.get(pk=version.pk)
    assert (row.number, row.basis, row.language) == (1, "agreed", "en")
    assert row.categories == ["records", "hiv"], "in the order of the page"
    assert (row.patient_id, row.family_member_id) == (cast.mr_doe.pk, jane.pk)
    assert (row.facility_id, row.given_by_id) == (cast.harbor.pk, cast.john.pk)
    assert (row.expires_at, row.revoked_at, row.revoked_by_id) == (NEXT_WEEK, None, None)
    day = NEXT_WEEK.astimezone(cast.harbor.zone)
    assert row.text == (
        "John Test agrees that Jane Test (Spouse or partner) sees of the record of John Doe at"
        f" Harbor Family Clinic: Records, HIV. This holds until {day.day} {day:%B %Y}"
        " and can be taken back at any time."
    )
    assert opened(cast, jane) == {"view": NEXT_WEEK, "records": NEXT_WEEK, "hiv": NEXT_WEEK}
    with tenancy.system(cast.harbor):
        givers = AccessGrant.grants.filter(user=cast.jane, source="family")
        assert {row.granted_by_id for row in givers} == {cast.john.pk}


def test_without_an_end_it_says_so(cast, jane):
    version = give(cast, jane, C.MEDICATIONS)
    assert version.text == (
        "John Test agrees that Jane Test (Spouse or partner) sees of the record of John Doe at"
        " Harbor Family Clinic: Medicines. This can be taken back at any time."
    )
    assert opened(cast, jane) == {"view": None, "medications": None}


def test_the_text_is_kept_in_the_language_in_which_it_was_agreed_to(cast, jane):
    with translation.override("es"):
        version = give(cast, jane, C.RECORDS)
    assert version.language == "es" and "agrees" not in version.text
    with translation.override(None):
        version = give(cast, jane, C.DOCUMENTS)
    assert version.language == cast.harbor.language


def test_a_guardians_version_is_the_law(cast):
    day = born(cast, years=13)
    with tenancy.system(cast.harbor):
        john = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
        version = consent.standing_of(john)
    of_age = datetime(day.year + 18, day.month, day.day, tzinfo=cast.harbor.zone)
    assert (version.basis, version.expires_at) == ("guardian", of_age)
    assert version.categories == [c for c in SHARED if c not in CONFIDENTIAL_KINDS]
    assert version.text == (
        "John Test (Parent) is guardian of Jimmy Doe and sees at Harbor Family Clinic: Visits,"
        " Medicines, Records, Documents, Messages. It ends by itself on"
        f" {of_age.day} {of_age:%B %Y}."
    )
    assert opened(cast, john) == dict.fromkeys(
        ["view", "access_log", "sharing", *version.categories], of_age
    )


# What it changes
def test_a_new_version_takes_the_one_before_back(cast, jane):
    give(cast, jane, C.RECORDS)
    give(cast, jane, C.DOCUMENTS, expires_at=TOMORROW)
    assert versions(cast, jane) == [
        (1, ["records"], cast.john.pk),
        (2, ["documents"], "stands"),
    ]
    assert opened(cast, jane) == {"view": TOMORROW, "documents": TOMORROW}


def test_versions_of_others_are_left_alone(cast, jane):
    other = beside(cast, "fred", cast.mr_doe)
    first, second = give(cast, jane, C.RECORDS), give(cast, other, C.DOCUMENTS)
    assert (first.number, second.number) == (1, 1)
    with cast.acting("john", portal=True):
        consent.revoke(consent=first, by=cast.john)
    assert versions(cast, other) == [(1, ["documents"], "stands")]
    with cast.acting("john", portal=True), refused(Missing):
        consent.revoke(consent=first, by=cast.john)


@pytest.mark.parametrize(
    "level, sees",
    [
        ("none", set()),
        ("limited", {"view", "records"}),
        ("full", {"view", "records", "access_log"}),
    ],
)
def test_what_is_open_follows_what_she_may_do(cast, level, sees):
    member = beside(cast, "jane", cast.mr_doe, level)
    give(cast, member, C.RECORDS, expires_at=TOMORROW)
    assert opened(cast, member) == dict.fromkeys(sees, TOMORROW)


def test_of_a_minor_it_ends_on_the_day_of_majority_at_the_latest(cast, of_jimmy):
    of_age = ages.of_age_at(cast.jimmy.date_of_birth, cast.harbor)
    own = datetime.combine(
        ages.birthday(cast.jimmy.date_of_birth, 12), datetime.min.time(), cast.harbor.zone
    )
    for said, end in [(None, of_age), (of_age + timedelta(days=1), of_age), (TOMORROW, TOMORROW)]:
        version = give(cast, of_jimmy, C.RECORDS, C.HIV, expires_at=said)
        assert version.expires_at == end
        assert opened(cast, of_jimmy) == {"view": end, "records": end, "hiv": min(own, end)}
    with tenancy.system(cast.harbor):
        assert FamilyMember.objects.get(pk=of_jimmy.pk).guardian_consent


def test_what_has_become_a_minors_own_closes_with_the_next_change(cast, of_jimmy):
    give(cast, of_jimmy, C.RECORDS, C.HIV)
    born(cast, years=13)
    with cast.acting("john", portal=True):
        version = consent.change(member=of_jimmy, category=C.DOCUMENTS, opened=True, by=cast.john)
    assert version.categories == ["records", "documents"]
    assert set(opened(cast, of_jimmy)) == {"view", "records", "documents"}
    with cast.acting("john", portal=True), refused(Invalid, "categories"):
        consent.change(member=of_jimmy, category=C.HIV, opened=True, by=cast.john)
    assert set(opened(cast, of_jimmy)) == {"view", "records", "documents"}


def change(cast, member, category, opened: bool, by="john"):
    with cast.acting(by, portal=True):
        return consent.change(member=member, category=category, opened=opened, by=cast.people[by])


def test_one_tap_opens_and_closes_one_category(cast, jane):
    assert change(cast, jane, C.RECORDS, opened=False) is None
    assert versions(cast, jane) == []
    assert change(cast, jane, C.RECORDS, opened=True).categories == ["records"]
    assert change(cast, jane, C.HIV, opened=True).categories == ["records", "hiv"]
    assert change(cast, jane, C.RECORDS, opened=False).categories == ["hiv"]
    assert opened(cast, jane) == {"view": None, "hiv": None}
    assert change(cast, jane, C.HIV, opened=False) is None
    assert opened(cast, jane) == {}
    assert [number for number, _c, end in versions(cast, jane) if end == "stands"] == []


def test_a_tap_keeps_the_end_and_begins_anew_after_it(cast, jane, monkeypatch):
    give(cast, jane, C.RECORDS, expires_at=TOMORROW)
    assert change(cast, jane, C.HIV, opened=True).expires_at == TOMORROW
    monkeypatch.setattr(timezone, "now", lambda: TOMORROW + timedelta(minutes=1))
    again = change(cast, jane, C.DOCUMENTS, opened=True)
    assert (again.categories, again.expires_at) == (["documents"], None)


def test_a_change_is_taken_back_to_what_was_said_before(cast, jane):
    first = give(cast, jane, C.RECORDS, C.HIV, expires_at=TOMORROW)
    give(cast, jane, C.DOCUMENTS)
    with cast.acting("john", portal=True):
        again = consent.restore(consent=first, by=cast.john)
    assert (again.number, again.categories) == (3, ["records", "hiv"])
    assert opened(cast, jane) == {"view": TOMORROW, "records": TOMORROW, "hiv": TOMORROW}


def test_what_the_law_says_is_not_restored(cast):
    with tenancy.system(cast.harbor):
        law = Consent.objects.get(patient=cast.jimmy, basis="guardian")
    with cast.acting("john", portal=True), refused(Missing):
        consent.restore(consent=law, by=cast.john)


@pytest.mark.parametrize("by", ["john", "jane"])
def test_it_is_taken_back_by_who_decides_and_by_the_relative(cast, jane, by):
    version = give(cast, jane, C.RECORDS)
    before = timezone.now()
    with cast.acting(by, portal=True):
        consent.revoke(consent=version, by=cast.people[by])
    assert opened(cast, jane) == {} and versions(cast, jane) == [
        (1, ["records"], cast.people[by].pk)
    ]
    with tenancy.system(cast.harbor):
        assert before <= Consent.objects.get(pk=version.pk).revoked_at <= timezone.now()
    with cast.acting(by, portal=True), refused(Missing):
        consent.revoke(consent=version, by=cast.people[by])


# What is refused
WRONG = {
    "nothing": ({"categories": []}, "categories"),
    "nothing at all": ({"categories": None}, "categories"),
    "the cover": ({"categories": [C.VIEW]}, "categories"),
    "to decide": ({"categories": [C.RECORDS, C.SHARING]}, "categories"),
    "over already": ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_at"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_agreed_to_changes_nothing(cast, jane, wrong):
    give(cast, jane, C.RECORDS)
    said, field = WRONG[wrong]
    with cast.acting("john", portal=True), refused(Invalid, field):
        consent.give(**{"member": jane, "categories": [C.RECORDS], "by": cast.john} | said)
    assert versions(cast, jane) == [(1, ["records"], "stands")]


def test_of_a_minor_what_is_her_own_is_nobody_elses_to_open(cast, of_jimmy):
    born(cast, years=13)
    for kind in CONFIDENTIAL_KINDS:
        with refused(Invalid, "categories"):
            give(cast, of_jimmy, C.RECORDS, kind)
    assert versions(cast, of_jimmy) == [] and opened(cast, of_jimmy) == {}


def test_a_guardians_law_is_not_agreed_to(cast):
    with tenancy.system(cast.harbor):
        john = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
    before = versions(cast, john)
    with refused(Invalid, "family_member"):
        give(cast, john, C.RECORDS)
    assert versions(cast, john) == before


def test_nobody_else_agrees_or_takes_back(cast, jane):
    version = give(cast, jane, C.RECORDS)
    for name, portal in [("jane", True), ("alma", False), ("sarah", False)]:
        with cast.acting(name, portal=portal), denied(Permission.SHARING_MANAGE):
            consent.give(member=jane, categories=[C.HIV], by=cast.people[name])
        with cast.acting(name, portal=portal), denied(Permission.SHARING_MANAGE):
            consent.give(member=jane, categories=[C.HIV], by=cast.john)  # in his name
        if name != "jane":
            with cast.acting(name, portal=portal), denied(Permission.SHARING_MANAGE):
                consent.revoke(consent=version, by=cast.people[name])
    assert versions(cast, jane) == [(1, ["records"], "stands")]
    assert opened(cast, jane) == {"view": None, "records": None}


def test_who_has_left_is_no_relative(cast, jane):
    version = give(cast, jane, C.RECORDS)
    with cast.acting("jane", portal=True):
        family.leave(member=jane, by=cast.jane)
    assert versions(cast, jane) == [(1, ["records"], cast.jane.pk)]
    for refused_act in (
        lambda: consent.give(member=jane, categories=[C.RECORDS], by=cast.john),
        lambda: consent.revoke(consent=version, by=cast.john),
    ):
        with cast.acting("john", portal=True), refused(Missing):
            refused_act()
    assert opened(cast, jane) == {}


# Guardians
def test_a_corrected_law_is_a_new_version_and_the_same_one_is_not(cast):
    born(cast, years=10)
    with tenancy.system(cast.harbor):
        john = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
        before = consent.standing_of(john)
        assert consent.by_law(member=john, by=None).pk == before.pk
        cast.harbor.private_from = {"hiv": 9}
        cast.harbor.save()
        after = consent.by_law(member=john, by=cast.alma)
    assert after.number == before.number + 1 and after.given_by_id == cast.alma.pk
    assert set(before.categories) - set(after.categories) == {"hiv"}
    assert "hiv" not in opened(cast, john) and "mental_health" in opened(cast, john)
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=cast.john, content_object=cast.jimmy)
        assert {row.granted_by_id for row in rows} == {cast.alma.pk}


def test_of_age_the_law_ends(cast):
    with tenancy.system(cast.harbor):
        john = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
    day = timezone.now().astimezone(cast.harbor.zone).date()
    with tenancy.system(cast.harbor):
        cast.jimmy.date_of_birth = ages.birthday(day, -18)
        cast.jimmy.save()
        assert consent.by_law(member=john, by=cast.alma) is None
        assert consent.by_law(member=john, by=cast.alma) is None
    assert versions(cast, john)[-1][2] == cast.alma.pk and opened(cast, john) == {}


def test_of_age_what_a_guardian_agreed_to_is_not_opened_anew(cast, of_jimmy):
    """Before the clinic's clock comes round, and whatever end it had."""
    give(cast, of_jimmy, C.RECORDS)
    day = timezone.now().astimezone(cast.harbor.zone).date()
    with tenancy.system(cast.harbor):
        cast.jimmy.date_of_birth = ages.birthday(day, -18)
        cast.jimmy.save()
        member = FamilyMember.objects.get(pk=of_jimmy.pk)
        assert consent.standing_of(member).expires_at > timezone.now()
        consent.apply(member)
    assert opened(cast, of_jimmy) == {}


def test_who_left_and_was_taken_on_again_is_seen_by_law_as_before(cast):
    """A guardian's account is connected later: the law opens what it says from then on."""
    with tenancy.system(cast.harbor):
        john = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
        AccessGrant.grants.filter(user=cast.john, content_object=cast.jimmy).delete()
        RoleAssignment.objects.filter(user=cast.john).update(held_since=timezone.now())
        consent.apply(john)
    assert {"view", "records", "sharing"} <= set(opened(cast, john))
    assert len(versions(cast, john)) == 1


def test_a_patients_consents_are_listed_newest_first(cast, jane, of_jimmy):
    first, second = give(cast, jane, C.RECORDS), give(cast, jane, C.HIV)
    give(cast, of_jimmy, C.RECORDS)
    with cast.acting("john", portal=True):
        assert list(consent.visible_to(cast.john, cast.mr_doe)) == [second, first]
    with cast.acting("ana", portal=True):
        assert not consent.visible_to(cast.ana, cast.mr_doe)
