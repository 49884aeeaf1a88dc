"""My patients: invitations of both sides, what was agreed to, and referrals."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.security import tenancy
from clinic.security.permissions import Category
from patients import referrals, relationships
from patients.models import AccessGrant, CareRelationship

PAGE = "/admin/relationships/"
INVITE = "/admin/relationships/invite/"


@pytest.fixture
def asked(cast):
    """John asks Omar, who sees nobody yet, to treat him."""
    with cast.acting("john", portal=True):
        return relationships.invite_clinician(
            patient=cast.mr_doe, clinician=cast.omar, by=cast.john,
            categories=[Category.RECORDS], message="plantedmessage",
        )  # fmt: skip


def status_of(cast, relation) -> str:
    with tenancy.system(cast.harbor):
        return CareRelationship.objects.get(pk=relation.pk).status


def grants(cast, user) -> set[str]:
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=user).values_list("permission__codename", flat=True)
        return set(rows)


def test_who_asks_is_named_and_nothing_else_is_open(cast, browse, asked):
    omar = browse("omar")
    answer = omar.get(PAGE)
    body = answer.content.decode()
    assert "John Doe" in body and "plantedmessage" in body and not answer.context["agreed"]
    assert cast.mr_doe.mrn not in body
    assert omar.get(reverse("admin:chart", args=[cast.mr_doe.pk])).status_code == 404


def test_agreeing_opens_what_the_patient_said(cast, browse, asked):
    omar = browse("omar")
    assert omar.post(PAGE, {"agree": asked.pk})["Location"] == PAGE
    assert grants(cast, cast.omar) == {"view", "records"}
    [one] = omar.get(PAGE).context["agreed"]
    assert one["labels"] == ["Records"]
    assert omar.get(reverse("admin:chart", args=[cast.mr_doe.pk])).status_code == 200


def test_declining_opens_nothing(cast, browse, asked):
    omar = browse("omar")
    assert omar.post(PAGE, {"decline": asked.pk}).status_code == 302
    assert status_of(cast, asked) == "inactive" and grants(cast, cast.omar) == set()
    assert not omar.get(PAGE).context["asking"]
    assert omar.post(PAGE, {"agree": asked.pk}).status_code == 404


def test_ending_is_asked_once_more_and_closes_at_once(cast, browse, asked):
    omar = browse("omar")
    end = reverse("admin:relationship_end", args=[asked.pk])
    assert omar.get(end).status_code == 404, "not agreed to yet"
    omar.post(PAGE, {"agree": asked.pk})
    assert "John Doe" in omar.get(end).content.decode()
    assert status_of(cast, asked) == "active"
    assert omar.post(end)["Location"] == PAGE
    assert status_of(cast, asked) == "inactive" and grants(cast, cast.omar) == set()
    assert omar.get(reverse("admin:chart", args=[cast.mr_doe.pk])).status_code == 404


@pytest.mark.parametrize("name", ["sarah", "nina", "alma", "phil", "lucia"])
def test_anothers_relationship_does_not_exist(cast, browse, asked, name):
    browser = browse(name)
    body = browser.get(PAGE).content.decode()
    assert "plantedmessage" not in body and "John Doe" not in body
    for act in ("agree", "decline"):
        assert browser.post(PAGE, {act: asked.pk}).status_code == 404
    end = reverse("admin:relationship_end", args=[asked.pk])
    assert browser.get(end).status_code == browser.post(end).status_code == 404
    assert status_of(cast, asked) == "pending"


@pytest.mark.parametrize("name", ["fred", "aud"])
def test_who_treats_nobody_has_no_such_page(cast, browse, name):
    assert browse(name).get(PAGE).status_code == 403
    assert browse(name).get(INVITE).status_code == 403


def test_what_is_no_key_is_not_there(cast, browse, asked):
    for sent in ({}, {"agree": ""}, {"agree": "x"}, {"decline": "1"}):
        assert browse("omar").post(PAGE, sent).status_code == 404


def said(patient, **changed) -> dict:
    return {
        "mrn": patient.mrn, "last_name": patient.last_name,
        "date_of_birth": patient.date_of_birth.isoformat(),
    } | changed  # fmt: skip


def test_inviting_tells_nothing_of_who_there_is(cast, browse):
    """One who is there, one without an account, a wrong name, nobody: the answers are the same."""
    omar, answers = browse("omar"), set()
    for sent in (
        said(cast.mr_doe), said(cast.jimmy), said(cast.mr_doe, last_name="Smith"),
        said(cast.mr_doe, mrn="ZZ999999"), said(cast.dona_ana),
    ):  # fmt: skip
        answer = omar.post(INVITE, sent)
        page = omar.get(PAGE)
        assert not page.context["asking"] and not page.context["agreed"]
        body = page.content.decode()
        assert "Doe" not in body and "Souza" not in body
        answers.add((answer.status_code, answer["Location"], body.count("If there is such")))
    assert answers == {(302, PAGE, 1)}
    with tenancy.system(cast.harbor):
        [one] = CareRelationship.objects.all()
    assert (one.patient_id, one.status, one.invited_by) == (cast.mr_doe.pk, "pending", "clinician")


def test_once_the_patient_agrees_she_stands_there(cast, browse):
    browse("omar").post(INVITE, said(cast.mr_doe))
    with cast.acting("john", portal=True):
        [relation] = relationships.of_patient(cast.mr_doe)
        relationships.agree(relation=relation, categories=[Category.MEDICATIONS], by=cast.john)
    [one] = browse("omar").get(PAGE).context["agreed"]
    assert one["relation"].patient.full_name == "John Doe" and one["labels"] == ["Medicines"]


def test_who_declined_is_told_to_nobody(cast, browse):
    browse("omar").post(INVITE, said(cast.mr_doe))
    with cast.acting("john", portal=True):
        [relation] = relationships.of_patient(cast.mr_doe)
        relationships.end(relation=relation, by=cast.john)
    assert "Doe" not in browse("omar").get(PAGE).content.decode()


@pytest.mark.parametrize("wrong", [{"mrn": ""}, {"last_name": ""}, {"date_of_birth": "May"}])
def test_an_invitation_names_her_exactly(cast, browse, wrong):
    answer = browse("omar").post(INVITE, said(cast.mr_doe, **wrong))
    assert answer.status_code == 400 and set(answer.context["form"].errors) == set(wrong)
    with tenancy.system(cast.harbor):
        assert not CareRelationship.objects.exists()


def test_who_is_blocked_stands_nowhere(cast, browse, asked):
    with cast.acting("john", portal=True):
        relationships.block(patient=cast.mr_doe, clinician=cast.omar, by=cast.john)
    body = browse("omar").get(PAGE).content.decode()
    assert "Doe" not in body and "plantedmessage" not in body


def test_referrals_stand_there_until_they_end(cast, browse):
    with cast.acting("sarah"):
        referrals.refer(
            patient=cast.mr_doe, to=cast.omar, reason="Back pain", by=cast.sarah,
            until=timezone.now() + timedelta(days=9),
        )  # fmt: skip
    body = browse("omar").get(PAGE).content.decode()
    assert "John Doe" in body and "Back pain" in body and "Sarah Test" in body
    assert reverse("admin:patient_referral", args=[cast.mr_doe.pk, cast.omar.pk]) in body
    with tenancy.system(cast.harbor):
        AccessGrant.grants.update(expires_at=timezone.now() - timedelta(hours=1))
    assert "Doe" not in browse("omar").get(PAGE).content.decode()
