"""Signing in to the API, tokens, one's own account and the people of the clinic."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from clinic import staffing
from clinic.models import ApiToken, LogEntry, User
from clinic.security import tenancy
from clinic.tests.authenticator import code_of
from clinic.tests.people import PASSWORD, nobody_id
from clinic.tests.people import TOTP_SECRET as SECRET
from clinic.tests.programs import Program, wrong_fields


@pytest.fixture
def signing_in(cast, settings):
    """Sarah and John have a password; Sarah a second factor too. Nobody has tried yet."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
    cache.clear()
    for name in ("sarah", "john"):
        with tenancy.system(cast.harbor):
            user = cast.people[name]
            user.set_password(PASSWORD)
            user.save()
    yield cast
    cache.clear()


def code() -> str:
    return code_of(SECRET)


def sign_in(api, name="sarah", **body):
    return api().post("auth/token/", {"email": f"{name}@harbor.test", "password": PASSWORD} | body)


def test_a_token_for_password_and_second_factor(signing_in, api):
    answer = sign_in(api, otp=code())
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"token", "expires_at"}
    me = Program(answer.json()["token"]).get("me/").json()
    assert me["email"] == "sarah@harbor.test"
    assert sign_in(api, "john").status_code == 200, "an account without a second factor"


def test_whatever_is_wrong_the_answer_is_the_same(signing_in, api, cast):
    with tenancy.system(cast.harbor):
        User.objects.filter(pk=cast.john.pk).update(is_active=False)
    answers = [
        sign_in(api), sign_in(api, otp="000000"), sign_in(api, otp=""),
        sign_in(api, password="wrong", otp=code()), sign_in(api, "nobody"), sign_in(api, "john"),
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert {answer["Content-Type"] for answer in answers} == {"application/problem+json"}


def test_a_code_works_once(signing_in, api):
    used = code()
    assert sign_in(api, otp=used).status_code == 200
    assert sign_in(api, otp=used).status_code == 401


def test_attempts_are_on_the_trail_without_what_was_typed(signing_in, api, cast):
    sign_in(api, otp=code())
    sign_in(api)
    sign_in(api, password="planted password")
    with cast.acting("alma"):
        failed = list(LogEntry.entries.filter(compliance_flags__contains=["login_failed"]))
        entries = LogEntry.entries.filter(actor_id=cast.sarah.pk)
        assert entries.filter(compliance_flags__contains=["login"]).count() == 1
    assert len(failed) == 2 and all(entry.risk_score >= 30 for entry in failed)
    assert not any(
        word in f"{entry.changes} {entry.additional_data}" for entry in failed
        for word in ("sarah", "planted")
    )  # fmt: skip


def test_sign_in_is_slowed_down(signing_in, api):
    answers = [sign_in(api, password="wrong") for _ in range(11)]
    assert [a.status_code for a in answers] == [401] * 10 + [429]
    assert int(answers[-1]["Retry-After"]) >= 1


def test_a_sign_in_that_cannot_be_is_named(api):
    cache.clear()
    for body, field in (
        ({"email": "a@b.co"}, "password"), ({"password": "x"}, "email"),
        ({"email": ["a@b.co"], "password": "x"}, "email"),
        ({"email": "a@b.co", "password": "x" * 1001}, "password"),
        ({"email": "a\x00@b.co", "password": "x"}, "email"),
        ({"email": "a@b.co", "password": "x", "otp": 123456}, "otp"),
        ({"email": "a@b.co", "password": "x", "admin": True}, "admin"),
    ):  # fmt: skip
        assert wrong_fields(api().post("auth/token/", body)) == {field}
    cache.clear()


def test_tokens_are_listed_and_revoked(api, cast):
    first, second, nina = api("sarah"), api("sarah"), api("nina")
    rows = first.get("auth/tokens/").json()["results"]
    assert [row["current"] for row in rows] == [False, True]
    assert "digest" not in rows[0] and first.token not in first.get("auth/tokens/").content.decode()
    other = nina.get("auth/tokens/").json()["results"][0]["id"]
    assert first.delete(f"auth/tokens/{other}/").status_code == 404
    assert first.delete(f"auth/tokens/{nobody_id()}/").status_code == 404
    assert first.delete(f"auth/tokens/{rows[0]['id']}/").status_code == 204
    assert second.get("me/").status_code == 401 and first.get("me/").status_code == 200
    assert first.delete("auth/tokens/").status_code == 204
    assert first.get("me/").status_code == 401 and nina.get("me/").status_code == 200


def test_a_token_ends_with_its_time_its_person_or_her_password(api, cast):
    nina = api("nina")
    assert nina.get("me/").status_code == 200
    with tenancy.system(cast.harbor):
        ApiToken.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    assert nina.get("me/").status_code == 401
    nina = api("nina")
    with tenancy.system(cast.harbor):
        User.objects.filter(pk=cast.nina.pk).update(password="argon2$other")
    assert nina.get("me/").status_code == 401
    phil = api("phil")
    with tenancy.system(cast.harbor):
        User.objects.filter(pk=cast.phil.pk).update(is_active=False)
    assert phil.get("me/").status_code == 401


def test_a_person_of_two_facilities_names_one(api, cast):
    with tenancy.system(cast.austa):
        staffing.assign(user=cast.sarah, role="nurse", facility=cast.austa)
    mine = {f["slug"]: f for f in api("sarah").get("facilities/").json()["results"]}
    assert set(mine) == {"harbor", "austa"}
    for slug, role in (("harbor", "physician"), ("austa", "nurse")):
        me = api("sarah", slug).get("me/").json()
        assert me["facility"] == mine[slug]["id"]
        assert {r["role"] for r in me["roles"] if r["facility"] == me["facility"]} == {role}
        assert ("record.write" in me["permissions"]) == (role in {"physician", "nurse"})
    assert api("sarah", "austa").get(f"patients/{cast.mr_doe.pk}/").status_code == 404
    assert api("sarah", "austa").get(f"patients/{cast.dona_ana.pk}/").status_code == 200
    assert api("sarah").get(f"patients/{cast.mr_doe.pk}/").status_code == 200


def test_who_works_here(api, cast):
    staff = {u["email"]: u for u in api("fred").get("users/").json()["results"]}
    assert {e.partition("@")[0] for e in staff} == {
        "alma", "sarah", "omar", "nina", "fred", "phil", "aud"
    }  # fmt: skip
    sarah = staff["sarah@harbor.test"]
    assert sarah["first_name"] == "Sarah" and sarah["is_active"] is True
    assert sarah["roles"] == [
        {"role": "physician", "facility": str(cast.harbor.pk), "department": "", "is_primary": True}
    ]
    everyone = api("alma").get("users/").json()["results"]
    assert {"john@harbor.test", "jane@harbor.test"} <= {u["email"] for u in everyone}
    assert api("fred").get(f"users/{cast.john.pk}/").status_code == 404
    assert api("alma").get(f"users/{cast.lucia.pk}/").status_code == 404
    assert api("john").get("users/").status_code == 403
    assert api("alma").post("users/", {}).status_code == 405


def test_who_is_a_patient_here_too_is_told_to_who_manages_people_alone(api, cast):
    with tenancy.system(cast.harbor):
        staffing.assign(user=cast.nina, role="patient", facility=cast.harbor)
    with tenancy.system(cast.austa):
        staffing.assign(user=cast.fred, role="auditor", facility=cast.austa)

    def told_to(name, of):
        rows = api(name, "harbor").get("users/").json()["results"]
        [person] = [row for row in rows if row["id"] == str(cast.people[of].pk)]
        return {role["role"] for role in person["roles"]}

    assert told_to("fred", "nina") == told_to("nina", "nina") == {"nurse"}
    assert told_to("alma", "nina") == {"nurse", "patient"}
    assert told_to("fred", "fred") == {"front_desk"}, "what she is elsewhere is told at me/"
    mine = api("fred", "harbor").get("me/").json()["roles"]
    assert {role["role"] for role in mine} == {"front_desk", "auditor"}


def test_facility_and_specialists(api, cast):
    fields = {
        "id", "slug", "name", "npi", "tax_id", "facility_type", "timezone", "address_line1", "city",
        "state", "zip_code", "settings", "is_active",
    }  # fmt: skip
    for name in ("sarah", "john", "aud"):
        rows = api(name).get("facilities/").json()["results"]
        assert [row["slug"] for row in rows] == ["harbor"] and set(rows[0]) >= fields
    assert api("sarah").get(f"facilities/{cast.austa.pk}/").status_code == 404
    rows = api("john").get("specialists/").json()["results"]
    assert {row["user"] for row in rows} == {str(cast.sarah.pk), str(cast.omar.pk)}
    assert {"specialty", "professional_license", "license_authority", "bio"} <= set(rows[0])
    foreign = cast.specialists["lucia"].pk
    assert api("sarah").get(f"specialists/{foreign}/").status_code == 404
