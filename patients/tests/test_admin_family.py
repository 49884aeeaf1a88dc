"""Family and portal at the desk: the patient's account, guardians, and what is a minor's own."""

import pytest
from django.urls import reverse

from clinic.models import Invitation
from clinic.security import tenancy
from patients import registration
from patients.models import FamilyMember, Patient

GUARDIAN = {
    "name": "Gloria Doe", "relationship": "grandparent", "email": "gloria@home.test",
    "papers": "on",
}  # fmt: skip


def page(patient) -> str:
    return reverse("admin:patient_family", args=[patient.pk])


def guardian_page(patient) -> str:
    return reverse("admin:patient_guardian", args=[patient.pk])


def letters(cast) -> list[tuple[str, str]]:
    with tenancy.system(cast.harbor):
        return [(row.email, row.role) for row in Invitation.objects.all()]


@pytest.fixture
def newcomer(cast):
    """A patient of age without an account, whose address is on file."""
    with cast.acting("fred"):
        patient = cast.mrs_doe
        with tenancy.system(cast.harbor):
            Patient.objects.filter(pk=patient.pk).update(user=None)
        return registration.correct(patient=patient, by=cast.fred, email="jane@home.test")


def test_an_account_is_shown_with_its_day(cast, browse):
    answer = browse("fred").get(page(cast.mr_doe))
    assert answer.context["account"].name == "John Test"
    body = answer.content.decode()
    assert "Connected to the portal since" in body and "Invite to the portal" not in body


def test_the_patient_is_invited_at_the_address_on_file_and_again(cast, browse, newcomer):
    fred = browse("fred")
    form = fred.get(page(newcomer)).context["form"]
    assert form["email"].value() == "jane@home.test"
    assert fred.post(page(newcomer), {"email": "jane@home.test"})["Location"] == page(newcomer)
    body = fred.get(page(newcomer)).content.decode()
    assert "Invited at jane@home.test" in body and "Invite again" in body
    fred.post(page(newcomer), {"email": "new@home.test"})
    with tenancy.system(cast.harbor):
        standing = Invitation.objects.get(withdrawn_at=None)
        assert standing.email == "new@home.test" and Invitation.objects.count() == 2
        assert Patient.objects.get(pk=newcomer.pk).invitation_id == standing.pk


@pytest.mark.parametrize("email", ["", "nobody", "a@b"])
def test_an_address_that_is_none(cast, browse, newcomer, email):
    answer = browse("fred").post(page(newcomer), {"email": email})
    assert answer.status_code == 400 and "email" in answer.context["form"].errors
    assert letters(cast) == []


def test_who_has_an_account_is_not_invited(cast, browse):
    answer = browse("fred").post(page(cast.mr_doe), {"email": "x@home.test"})
    assert answer.status_code == 400 and letters(cast) == []


def test_of_a_minor_the_day_of_majority_and_what_is_private_are_shown(cast, browse):
    answer = browse("fred").get(page(cast.jimmy))
    assert answer.context["of_age"].isoformat() == "2032-06-01"
    own = {str(kind["label"]): (kind["years"], kind["already"]) for kind in answer.context["own"]}
    assert own["HIV"] == (12, True)
    [guardian] = answer.context["relatives"]
    assert guardian["member"].name == "John Test" and guardian["member"].is_guardian


def test_a_minor_without_a_guardian_has_to_wait(cast, browse):
    with tenancy.system(cast.harbor):
        member = FamilyMember.objects.get(patient=cast.jimmy)
    end = reverse("admin:patient_guardian_end", args=[cast.jimmy.pk, member.pk])
    fred = browse("fred")
    assert "John Test" in fred.get(end).content.decode()
    assert fred.post(end)["Location"] == page(cast.jimmy)
    assert fred.get(end).status_code == 404
    assert not fred.get(page(cast.jimmy)).context["can_invite"]
    answer = fred.post(page(cast.jimmy), {"email": "jimmy@home.test"})
    assert answer.status_code == 400 and letters(cast) == []
    assert browse("john").post(f"/portal/person/{cast.jimmy.pk}/").status_code == 404


def test_a_guardian_is_invited_when_the_papers_were_seen(cast, browse):
    fred = browse("fred")
    assert fred.get(guardian_page(cast.jimmy)).status_code == 200
    assert fred.post(guardian_page(cast.jimmy), GUARDIAN)["Location"] == page(cast.jimmy)
    assert letters(cast) == [("gloria@home.test", "family_member")]
    with tenancy.system(cast.harbor):
        member = FamilyMember.objects.get(patient=cast.jimmy, user=None)
    assert (member.name, member.is_guardian) == ("Gloria Doe", True)
    body = fred.get(page(cast.jimmy)).content.decode()
    assert "Gloria Doe" in body and "Invited" in body


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"papers": ""}, "papers"), ({"name": ""}, "name"), ({"email": "gloria"}, "email"),
        ({"relationship": "sibling"}, "relationship"), ({"relationship": ""}, "relationship"),
    ],
)  # fmt: skip
def test_what_is_missing_is_asked_for_and_nobody_is_written_to(cast, browse, wrong, field):
    answer = browse("fred").post(guardian_page(cast.jimmy), GUARDIAN | wrong)
    assert answer.status_code == 400 and field in answer.context["form"].errors
    assert letters(cast) == []


def test_who_is_of_age_gets_no_guardian(cast, browse):
    answer = browse("fred").post(guardian_page(cast.mr_doe), GUARDIAN)
    assert answer.status_code == 400 and letters(cast) == []


def test_a_guardian_is_ended_at_the_patient_whom_she_guards(cast, browse):
    with tenancy.system(cast.harbor):
        member = FamilyMember.objects.get(patient=cast.jimmy)
    end = reverse("admin:patient_guardian_end", args=[cast.mr_doe.pk, member.pk])
    assert browse("fred").get(end).status_code == browse("fred").post(end).status_code == 404
    with tenancy.system(cast.harbor):
        assert FamilyMember.objects.get(pk=member.pk).ended_at is None


@pytest.mark.parametrize(
    ("name", "status"), [("sarah", 403), ("nina", 403), ("aud", 403), ("rita", 404)]
)
def test_the_desk_alone_sets_up_families(cast, browse, name, status):
    browser = browse(name)
    for address in (page(cast.jimmy), guardian_page(cast.jimmy)):
        assert browser.get(address).status_code == status
        assert browser.post(address, GUARDIAN).status_code == status
    assert letters(cast) == []
