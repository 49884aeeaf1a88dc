"""Family, consents, relationships, referrals and questions in the API."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS
from clinic.tests.people import nobody_id, person
from clinic.tests.programs import wrong_fields
from patients import family
from patients.models import AccessGrant, CareRelationship, Consent, FamilyMember


@pytest.fixture
def jane(cast):
    """Jane stands beside her husband; nothing is open to her yet."""
    with tenancy.system(cast.harbor):
        return family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")


def test_a_consent_opens_what_it_names_and_its_end_closes_it(api, cast, jane):
    john, wife, path = api("john"), api("jane"), f"patients/{cast.mr_doe.pk}/"
    assert wife.get(path).status_code == 404
    body = {"family_member": str(jane.pk), "categories": ["medications"]}
    given = john.post(f"{path}consents/", body)
    assert given.status_code == 201, given.content
    consent = given.json()
    assert consent["categories"] == ["medications"] and consent["number"] == 1
    assert "Jane" in consent["text"] and consent["revoked_at"] is None
    assert wife.get(f"{path}medications/").status_code == 200
    assert wife.get(f"{path}conditions/").status_code == 404
    assert john.delete(f"{path}consents/{consent['id']}/").status_code == 204
    assert john.delete(f"{path}consents/{consent['id']}/").status_code == 404
    assert wife.get(f"{path}medications/").status_code == 404
    [row] = john.get(f"{path}consents/").json()["results"]
    assert row["revoked_at"] is not None


def test_sensitive_stands_for_every_kind(api, cast, jane):
    john, path = api("john"), f"patients/{cast.mr_doe.pk}/consents/"
    body = {"family_member": str(jane.pk), "categories": ["records", "sensitive"]}
    answered = john.post(path, body).json()["categories"]
    assert set(answered) == {"records", "sensitive", *CONFIDENTIAL_KINDS}
    fewer = {"family_member": str(jane.pk), "categories": ["records", "hiv"]}
    assert john.post(path, fewer).json()["categories"] == ["records", "hiv"]
    assert [row["number"] for row in john.get(path).json()["results"]] == [2, 1]


def test_nobody_else_agrees_for_the_patient(api, cast, jane):
    path = f"patients/{cast.mr_doe.pk}/consents/"
    body = {"family_member": str(jane.pk), "categories": ["records"]}
    for name, status in (
        ("jane", 404), ("sarah", 403), ("fred", 403), ("alma", 403), ("lucia", 404), ("aud", 403),
    ):  # fmt: skip
        assert api(name).post(path, body).status_code in {status, 403}, name
    assert wrong_fields(api("john").post(path, body | {"family_member": str(nobody_id())})) == {
        "family_member"
    }
    assert wrong_fields(api("john").post(path, body | {"patient": str(cast.jimmy.pk)})) == {
        "patient"
    }
    with tenancy.system(cast.harbor):
        assert not Consent.objects.filter(family_member=jane).exists()
        assert not AccessGrant.grants.filter(user=cast.jane, content_object=cast.mr_doe).exists()


def test_a_consent_of_another_patients_relative_does_not_exist(api, cast, jane):
    """The id of a child of another parent, in the address and in the body."""
    given = api("john").post(
        f"patients/{cast.mr_doe.pk}/consents/",
        {"family_member": str(jane.pk), "categories": ["records"]},
    )
    theirs = given.json()["id"]
    with tenancy.system(cast.harbor):
        guard = FamilyMember.objects.get(patient=cast.jimmy, user=cast.john)
    other = f"patients/{cast.jimmy.pk}/consents/"
    assert api("john").get(f"{other}{theirs}/").status_code == 404
    assert api("john").delete(f"{other}{theirs}/").status_code == 404
    body = {"family_member": str(jane.pk), "categories": ["records"]}
    assert wrong_fields(api("john").post(other, body)) == {"family_member"}
    with tenancy.system(cast.harbor):
        assert Consent.objects.get(pk=theirs).revoked_at is None
        assert guard.ended_at is None


def test_relatives_are_invited_changed_and_taken_away(api, cast):
    john, path = api("john"), f"patients/{cast.mr_doe.pk}/family/"
    made = john.post(
        path,
        {"email": "grace@example.org", "name": "Grace Doe", "relationship": "parent",
         "categories": ["appointments"]},
    )  # fmt: skip
    assert made.status_code == 201, made.content
    grace = made.json()
    assert grace["user"] is None and grace["name"] == "Grace Doe"
    changed = john.patch(f"{path}{grace['id']}/", {"permission_level": "none"})
    assert changed.json()["permission_level"] == "none"
    assert wrong_fields(john.patch(f"{path}{grace['id']}/", {"patient": "x"})) == {"patient"}
    assert john.delete(f"{path}{grace['id']}/").status_code == 204
    assert john.get(path).json()["results"] == []
    for name in ("sarah", "fred", "jane", "lucia"):
        body = {"email": "x@example.org", "name": "X", "relationship": "other"}
        assert api(name).post(path, body).status_code in {403, 404}, name
    with tenancy.system(cast.harbor):
        assert FamilyMember.objects.filter(patient=cast.mr_doe).count() == 1


def test_an_invited_clinician_sees_once_she_agrees_and_until_it_ends(api, cast):
    john, omar, path = api("john"), api("omar"), f"patients/{cast.mr_doe.pk}/"
    asked = john.post(
        f"{path}relationships/", {"clinician": str(cast.omar.pk), "categories": ["records"]}
    )
    assert asked.status_code == 201, asked.content
    assert omar.get(path).status_code == 404, "asked is not agreed"
    [mine] = omar.get("relationships/").json()["results"]
    assert omar.post(f"relationships/{mine['id']}/agree/").json()["status"] == "active"
    assert omar.get(f"{path}conditions/").status_code == 200
    assert omar.get(f"{path}medications/").status_code == 404
    relation = asked.json()["id"]
    wider = john.patch(f"{path}relationships/{relation}/", {"categories": ["medications"]})
    assert wider.json()["categories"] == ["medications"]
    assert omar.get(f"{path}conditions/").status_code == 404
    assert john.post(f"{path}relationships/{relation}/end/").json()["status"] == "inactive"
    assert omar.get(path).status_code == 404
    assert omar.post(f"relationships/{relation}/agree/").status_code in {404, 409}


def test_who_is_blocked_sees_nothing_whatever_her_role_reaches(api, cast):
    john, sarah, path = api("john"), api("sarah"), f"patients/{cast.mr_doe.pk}/"
    assert sarah.get(path).status_code == 200
    blocked = john.post(f"{path}relationships/block/", {"clinician": str(cast.sarah.pk)})
    assert blocked.json()["status"] == "blocked", blocked.content
    assert sarah.get(path).status_code == 404
    assert sarah.get(f"{path}chart/").status_code == 404
    assert str(cast.mr_doe.pk) not in sarah.get("patients/?limit=200").content.decode()
    assert sarah.get(f"patients/{cast.jimmy.pk}/").status_code == 200
    assert api("nina").get(path).status_code == 200
    again = john.post(f"{path}relationships/{blocked.json()['id']}/unblock/")
    assert again.json()["status"] == "inactive"
    assert sarah.get(path).status_code == 200


def test_a_patient_is_named_exactly_and_nobody_is_told_whether_she_is_there(api, cast):
    omar = api("omar")
    right = {"mrn": cast.mr_doe.mrn, "last_name": "doe", "date_of_birth": "1980-04-12"}
    wrong = right | {"last_name": "Smith"}
    answers = [omar.post("relationships/", body) for body in (right, wrong)]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    with tenancy.system(cast.harbor):
        [relation] = CareRelationship.objects.filter(clinician=cast.omar)
    assert (relation.patient_id, relation.status) == (cast.mr_doe.pk, "pending")
    assert omar.get(f"patients/{cast.mr_doe.pk}/").status_code == 404
    path = f"patients/{cast.mr_doe.pk}/relationships/"
    agreed = api("john").post(f"{path}{relation.pk}/agree/", {"categories": ["documents"]})
    assert agreed.json()["status"] == "active"
    assert omar.get(f"patients/{cast.mr_doe.pk}/").status_code == 200


def test_a_referral_ends_by_itself_or_is_ended(api, cast):
    sarah, omar, path = api("sarah"), api("omar"), f"patients/{cast.mr_doe.pk}/"
    until = (timezone.now() + timedelta(days=10)).isoformat()
    body = {"to": str(cast.omar.pk), "reason": "Back pain", "until": until}
    assert sarah.post(f"{path}referrals/", body).status_code == 201
    assert omar.get(f"{path}chart/").status_code == 200
    with tenancy.system(cast.harbor):
        AccessGrant.grants.filter(user=cast.omar).update(
            expires_at=timezone.now() - timedelta(hours=1)
        )
    assert omar.get(f"{path}chart/").status_code == 404
    assert sarah.post(f"{path}referrals/", body).status_code == 201
    assert sarah.delete(f"{path}referrals/{cast.omar.pk}/").status_code == 204
    assert omar.get(f"{path}chart/").status_code == 404
    late = {**body, "until": (timezone.now() + timedelta(days=800)).isoformat()}
    assert wrong_fields(sarah.post(f"{path}referrals/", late)) == {"until"}


def test_a_look_is_asked_about_and_answered_once(api, cast):
    path = f"patients/{cast.mr_doe.pk}/"
    api("nina").get(f"{path}chart/")
    [look] = [
        x
        for x in api("john").get(f"{path}access-log/").json()["results"]
        if x["who"] != "John Test"
    ]
    body = {"look": look["look"], "question": "Who is this?"}
    asked = api("john").post(f"{path}look-questions/", body)
    assert asked.status_code == 201, asked.content
    assert api("john").post(f"{path}look-questions/", body).status_code == 409
    assert api("sarah").post(f"{path}look-questions/", body).status_code == 403
    missing = api("john").post(f"{path}look-questions/", body | {"look": "no-such"})
    assert missing.status_code == 404
    [queued] = api("alma").get("look-questions/").json()["results"]
    assert api("sarah").get("look-questions/").status_code == 403
    answer = f"look-questions/{queued['id']}/answer/"
    assert api("alma").post(answer, {"answer": "The nurse."}).status_code == 200
    assert api("alma").post(answer, {"answer": "Another."}).status_code == 409
    [told] = api("john").get(f"{path}look-questions/").json()["results"]
    assert told["answer"] == "The nurse."


def test_the_desk_invites_to_the_portal(api, cast):
    with tenancy.system(cast.harbor):
        from patients import registration

        new = registration.register(
            by=None, first_name="Nora", last_name="New", date_of_birth=cast.mr_doe.date_of_birth
        )
    path = f"patients/{new.pk}/portal-account/"
    assert api("fred").get(path).json() == {"user": None, "invited_until": None}
    invited = api("fred").post(path, {"email": "nora@example.org"})
    assert invited.status_code == 201 and invited.json()["invited_until"]
    assert api("sarah").get(path).status_code == 403
    assert api("lucia").get(path).status_code in {403, 404}
    assert api("fred").post(f"patients/{cast.jimmy.pk}/portal-account/", {}).status_code == 400


def test_how_a_record_is_kept_decides_who_reads_it(api, cast):
    """Confidential content is its author's, the patient's, and whose grant names the kind."""
    body = {"patient": str(cast.mr_doe.pk), "primary_diagnosis": "Grief",
            "sensitivity": "confidential", "confidential_kind": "mental_health"}  # fmt: skip
    made = api("sarah").post("medical-records/", body)
    assert made.status_code == 201, made.content
    path = f"medical-records/{made.json()['id']}/"
    assert api("sarah").get(path).status_code == 200
    for name in ("nina", "alma", "phil", "omar", "jane", "lucia"):
        assert api(name).get(path).status_code in {403, 404}, name
        assert "Grief" not in api(name).get("medical-records/").content.decode()
    cast.people["vera"] = person("vera", cast.harbor, "physician")
    with cast.acting("alma"):
        from patients import care_team

        care_team.confide(
            patient=cast.mr_doe, user=cast.vera, kinds=["mental_health"],
            reason="She takes over the therapy.", by=cast.alma,
        )  # fmt: skip
    assert api("vera").get(path).status_code == 200
    assert wrong_fields(api("nina").post("medical-records/", body | {"confidential_kind": ""})) == {
        "confidential_kind"
    }
