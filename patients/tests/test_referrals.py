"""Referrals: to whom, of what, and how they end."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clinic.errors import Invalid, Missing
from clinic.models import Facility, Notification, RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied, Permission, Role
from clinic.tests.people import person
from clinic.tests.refusals import denied, refused
from patients import access, care_team, referrals, relationships
from patients.models import AccessGrant

C = Category


def soon(days: float = 30):
    return timezone.now() + timedelta(days=days)


def refer(cast, to="omar", by="sarah", **changed):
    said = {"reason": "Back pain", "until": soon()} | changed
    with cast.acting(by):
        return referrals.refer(patient=cast.mr_doe, to=cast.people[to], by=cast.people[by], **said)


def end(cast, by: str, of="omar", portal=False):
    with cast.acting(by, portal=portal):
        referrals.end(patient=cast.mr_doe, user=cast.people[of], by=cast.people[by])


def open_to(cast, name: str) -> frozenset[Category]:
    with cast.acting(name):
        return access.categories_of(cast.people[name], cast.mr_doe)


def count(cast) -> int:
    with tenancy.system(cast.harbor):
        return AccessGrant.grants.filter(source="referral").count()


def test_a_referral_opens_what_is_needed_and_the_colleague_is_told(cast):
    assert open_to(cast, "omar") == frozenset()
    refer(cast)
    assert open_to(cast, "omar") == set(care_team.USUAL)
    with tenancy.system(cast.harbor):
        [told] = Notification.objects.filter(user=cast.omar)
    assert told.title == "A patient was referred to you"
    assert "Sarah Test" in told.text and "Doe" not in told.title + told.text
    assert (told.link, told.patient_id) == (f"/admin/chart/{cast.mr_doe.pk}/", cast.mr_doe.pk)
    with cast.acting("omar"):
        [mine] = referrals.to(cast.omar)
        assert mine.content_object.pk == cast.mr_doe.pk and mine.reason == "Back pain"


def test_it_ends_by_itself(cast):
    refer(cast)
    with tenancy.system(cast.harbor):
        AccessGrant.grants.filter(source="referral").update(
            expires_at=timezone.now() - timedelta(hours=1)
        )
    assert open_to(cast, "omar") == frozenset()
    with cast.acting("omar"):
        assert referrals.to(cast.omar) == []
    with cast.acting("sarah"):
        assert referrals.of_patient(cast.mr_doe) == []


def test_it_is_not_listed_to_who_has_begun_anew_since(cast):
    """She reads the patient by her role; the referral of the time before counts no more."""
    refer(cast, to="nina")
    with tenancy.system(cast.harbor):
        RoleAssignment.objects.filter(user=cast.nina).update(held_since=timezone.now())
    with cast.acting("nina"):
        assert referrals.to(cast.nina) == []


def test_each_is_told_of_her_own_and_of_what_is_a_referral(cast):
    refer(cast)
    with cast.acting("sarah"):
        care_team.join(patient=cast.mrs_doe, user=cast.omar, by=cast.sarah)
    with cast.acting("omar"):
        assert [row.content_object_id for row in referrals.to(cast.omar)] == [cast.mr_doe.pk]
    with cast.acting("nina"):
        assert referrals.to(cast.nina) == []
        with denied(Permission.PATIENT_VIEW):
            referrals.to(cast.omar)


def test_whom_the_patient_blocked_finds_it_no_more(cast):
    refer(cast)
    with cast.acting("john", portal=True):
        relationships.block(patient=cast.mr_doe, clinician=cast.omar, by=cast.john)
    with cast.acting("omar"):
        assert referrals.to(cast.omar) == []


@pytest.mark.parametrize(
    ("by", "portal"), [("sarah", False), ("omar", False), ("nina", False), ("john", True)]
)
def test_each_side_ends_it(cast, by, portal):
    refer(cast)
    end(cast, by, portal=portal)
    assert open_to(cast, "omar") == frozenset() and count(cast) == 0
    with pytest.raises(Missing):
        end(cast, "sarah")


@pytest.mark.parametrize(
    ("by", "portal", "refusal"),
    [("fred", False, Denied), ("phil", False, Denied), ("lucia", False, Missing),
     ("jane", True, Denied), ("ana", True, Denied)],
)  # fmt: skip
def test_nobody_else_does(cast, by, portal, refusal):
    refer(cast)
    before = count(cast)
    with pytest.raises(refusal):
        end(cast, by, portal=portal)
    assert count(cast) == before and open_to(cast, "omar")


@pytest.mark.parametrize(
    "wrong",
    [{"reason": " "}, {"reason": "\u200b\u3164"}, {"until": soon(-1)}, {"until": soon(366)},
     {"to": "lucia"}, {"to": "jane"},
     {"to": "sarah"}, {"categories": [C.SHARING]}, {"categories": [C.HIV]}],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_open(cast, wrong):
    with refused(Invalid, *wrong):
        refer(cast, **wrong)
    assert count(cast) == 0


def test_why_and_by_whom_is_kept(cast):
    refer(cast, reason=f"  {'Back pain. ' * 40}")
    with tenancy.system(cast.harbor):
        for row in AccessGrant.grants.filter(source="referral"):
            assert row.reason == ("Back pain. " * 40)[:300]
            assert row.granted_by_id == cast.sarah.pk


def test_a_referral_is_not_stretched_by_whom_it_serves(cast):
    refer(cast, until=soon(1), categories=[C.RECORDS])
    with cast.acting("omar"):
        for wrong in ({"to": cast.omar}, {"to": cast.nina, "categories": [C.MEDICATIONS]}):
            with pytest.raises(Invalid):
                referrals.refer(
                    patient=cast.mr_doe, reason="More", until=soon(99), by=cast.omar, **wrong
                )
    assert open_to(cast, "omar") == {C.VIEW, C.RECORDS}


def test_a_chain_of_referrals_ends_with_its_first(cast):
    cast.people["olga"] = person("olga", cast.harbor, Role.SPECIALIST)
    day = soon(1)
    refer(cast, until=day)
    refer(cast, to="olga", by="omar", until=soon(364))
    refer(cast, to="omar", by="olga", until=soon(364))
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(source="referral").values_list("user_id", "expires_at")
        assert set(rows) == {(cast.omar.pk, day), (cast.olga.pk, day)}


def test_who_does_not_reach_the_patient_refers_nobody(cast):
    for name, refusal in (("omar", Missing), ("fred", Denied), ("lucia", Missing)):
        with pytest.raises(refusal):
            refer(cast, to="nina", by=name)
    with cast.acting("sarah"), denied(Permission.PATIENT_VIEW):  # in another's name
        referrals.refer(
            patient=cast.mr_doe, to=cast.omar, reason="Knee", until=soon(), by=cast.alma
        )
    assert count(cast) == 0


def test_ending_one_referral_leaves_the_others(cast):
    refer(cast)
    refer(cast, to="nina")
    with cast.acting("sarah"):
        referrals.refer(
            patient=cast.mrs_doe, to=cast.omar, reason="Knee", until=soon(), by=cast.sarah
        )
        care_team.join(patient=cast.mr_doe, user=cast.phil, by=cast.sarah)
        with pytest.raises(Missing):  # in the care team, and not referred to
            referrals.end(patient=cast.mr_doe, user=cast.phil, by=cast.sarah)
        with pytest.raises(Denied):  # in another's name
            referrals.end(patient=cast.mr_doe, user=cast.omar, by=cast.alma)
    before = count(cast)
    end(cast, "sarah")
    assert count(cast) == before - len(care_team.USUAL)
    with cast.acting("omar"):
        assert [g.content_object_id for g in referrals.to(cast.omar)] == [cast.mrs_doe.pk]
    with pytest.raises(Missing):  # hers stands, and his is over
        end(cast, "sarah")
    assert C.RECORDS in open_to(cast, "phil")


def test_where_one_sees_whom_one_treats_she_ends_what_she_began(cast):
    """Who was referred to reads the patient by that alone, and gives it back."""
    with tenancy.system(cast.harbor):
        Facility.objects.filter(pk=cast.harbor.pk).update(care_reach="care_team")
        access.grant(patient=cast.mr_doe, user=cast.sarah, source="care_team")
    refer(cast, to="nina")
    end(cast, "sarah", of="nina")
    assert open_to(cast, "nina") == frozenset() and count(cast) == 0
