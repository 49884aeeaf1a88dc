"""Family, care team and access log in the API."""

from datetime import timedelta

from django.utils import timezone

from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from patients.models import AccessGrant


def test_the_family_of_a_patient(api, cast):
    path = f"patients/{cast.jimmy.pk}/family/"
    for name in ("sarah", "fred", "john"):
        rows = api(name).get(path).json()["results"]
        assert [(r["user"], r["relationship"], r["permission_level"]) for r in rows] == [
            (str(cast.john.pk), "parent", "full")
        ], name
        assert rows[0]["is_minor"] is rows[0]["guardian_consent"] is True
    assert api("jane").get(path).status_code == 404
    assert api("lucia").get(path).status_code == 404
    assert api("aud").get(path).status_code == 403
    assert api("sarah").get(f"patients/{cast.mr_doe.pk}/family/").json()["results"] == []


def test_a_specialist_joins_the_care_team_and_leaves_it(api, cast):
    sarah, omar = api("sarah"), api("omar")
    path, chart = f"patients/{cast.mr_doe.pk}/care-team/", f"patients/{cast.mr_doe.pk}/chart/"
    assert omar.get(chart).status_code == 404
    joined = sarah.post(path, {"user": str(cast.omar.pk), "reason": "Back pain"})
    assert joined.status_code == 201, joined.content
    assert joined.json()["user"] == str(cast.omar.pk) and "records" in joined.json()["categories"]
    assert omar.get(chart).status_code == 200
    assert [m["user"] for m in sarah.get(path).json()["results"]] == [str(cast.omar.pk)]
    assert [m["user"] for m in omar.get(path).json()["results"]] == [str(cast.omar.pk)]
    assert sarah.delete(f"{path}{cast.omar.pk}/").status_code == 204
    assert sarah.delete(f"{path}{cast.omar.pk}/").status_code == 404
    assert omar.get(chart).status_code == 404


def test_a_grant_opens_what_it_says_until_its_end(api, cast):
    sarah, omar, path = api("sarah"), api("omar"), f"patients/{cast.mr_doe.pk}/"
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    body = {"user": str(cast.omar.pk), "categories": ["appointments"], "expires_at": soon}
    assert sarah.post(f"{path}care-team/", body).json()["categories"] == ["appointments", "view"]
    assert omar.get(path).status_code == 200
    assert omar.get(f"{path}readings/").status_code == 404
    with tenancy.system(cast.harbor):
        AccessGrant.grants.filter(user=cast.omar).update(
            expires_at=timezone.now() - timedelta(hours=1)
        )
    assert omar.get(path).status_code == 404


def test_only_people_of_the_clinic_join_and_only_who_may_lets_them(api, cast):
    path = f"patients/{cast.mr_doe.pk}/care-team/"
    sarah = api("sarah")
    for body, field in (
        ({"user": str(cast.lucia.pk)}, "user"), ({"user": str(nobody_id())}, "user"),
        ({"user": str(cast.jane.pk)}, "user"), ({}, "user"), ({"user": 7}, "user"),
        ({"user": str(cast.omar.pk), "categories": ["secrets"]}, "categories"),
        ({"user": str(cast.omar.pk), "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ):  # fmt: skip
        assert any(n.startswith(field) for n in wrong_fields(sarah.post(path, body))), body
    member = {"user": str(cast.omar.pk)}
    for name, status in (("fred", 403), ("john", 403), ("aud", 403), ("lucia", 404), ("omar", 404)):
        assert api(name).post(path, member).status_code == status, name
        assert api(name).delete(f"{path}{cast.omar.pk}/").status_code == status, name
    assert sarah.get(path).json()["results"] == []


def test_a_specialist_lets_nobody_else_in(api, cast):
    path = f"patients/{cast.mr_doe.pk}/care-team/"
    api("sarah").post(path, {"user": str(cast.omar.pk)})
    assert api("omar").post(path, {"user": str(cast.phil.pk)}).status_code == 403
    with cast.acting("sarah"):
        assert not AccessGrant.grants.filter(user=cast.phil).exists()


def test_a_patient_sees_who_looked(api, cast):
    api("sarah").get(f"patients/{cast.mr_doe.pk}/chart/")
    api("fred").get(f"patients/{cast.mr_doe.pk}/")
    path = f"patients/{cast.mr_doe.pk}/access-log/"
    looks = api("john").get(path).json()["results"]
    assert [(look["who"], look["role"], look["purpose"]) for look in looks] == [
        ("Fred Test", "Front desk", "operations"), ("Sarah Test", "Physician", "treatment"),
    ]  # fmt: skip
    assert all(set(look) >= {"at", "who", "role", "what", "purpose"} for look in looks)
    assert api("john").get(path).json()["results"][0]["who"] == "John Test", "a look is a look"
    for name, status in (("jane", 404), ("lucia", 404), ("fred", 403), ("aud", 403)):
        assert api(name).get(path).status_code == status, name
    page = api("sarah").get(path, limit=1).json()
    assert page["next"] and api("sarah").get(page["next"]).json()["results"]
