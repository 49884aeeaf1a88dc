"""The trail in the API: read by who oversees it, changed by nobody."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clinic import staffing
from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from patients import health
from patients.models import Allergy


def test_the_trail_tells_who_did_what_to_whom(api, cast):
    api("sarah").get(f"patients/{cast.mr_doe.pk}/")
    rows = api("alma").get("audit/", actor=cast.sarah.pk, action="access").json()["results"]
    assert len(rows) == 1
    row = rows[0]
    assert row["patient"] == row["object"] == str(cast.mr_doe.pk)
    assert (row["resource"], row["purpose"], row["surface"]) == (
        "patients.patient",
        "treatment",
        "api",
    )
    assert row["token"] and row["address"] == "127.0.0.1" and row["details"]["how"] == "detail"


def test_it_is_filtered_by_everything_that_the_contract_names(api, cast):
    api("sarah").get(f"patients/{cast.mr_doe.pk}/")
    api("nina").get(f"patients/{cast.jimmy.pk}/")
    api("omar").get(f"patients/{cast.jimmy.pk}/")
    alma = api("alma")

    def actors(**query):
        return {row["actor"] for row in alma.get("audit/", **query).json()["results"]}

    sarah, nina, omar = (str(p.pk) for p in (cast.sarah, cast.nina, cast.omar))
    assert actors(patient=cast.mr_doe.pk, action="access") == {sarah}
    assert actors(patient=cast.jimmy.pk, action="access", resource="patients.patient") == {nina}
    assert actors(flag="refused") == {omar}
    assert actors(actor=nobody_id()) == actors(flag="nothing") == set()
    later = (timezone.now() + timedelta(minutes=1)).isoformat()
    assert actors(**{"from": later}) == set()
    assert {sarah, nina, omar} <= actors(to=later)
    page = alma.get("audit/", limit=2).json()
    ids = [row["id"] for row in page["results"]]
    following = [row["id"] for row in alma.get(page["next"]).json()["results"]]
    assert ids == sorted(ids, reverse=True) and not set(ids) & set(following)
    assert wrong_fields(alma.get("audit/", actor="sarah")) == {"actor"}


def test_only_overseers_read_it_and_only_their_own_facilitys(api, cast):
    for name in ("sarah", "omar", "nina", "fred", "phil", "john", "jane", "lucia"):
        assert api(name).get("audit/").status_code == 403, name
    api("sarah").get(f"patients/{cast.mr_doe.pk}/")
    assert str(cast.mr_doe.pk) not in api("rita").get("audit/", limit=200).content.decode()
    assert api("aud").get("audit/", patient=cast.mr_doe.pk).json()["results"]


def test_it_tells_no_clinical_content(api, cast):
    with cast.acting("sarah"):
        health.record(
            Allergy, patient=cast.mr_doe, by=cast.sarah, allergen="Penicillin", severity="severe"
        )
    whole = api("alma").get("audit/", limit=200).content.decode()
    oversight = api("aud").get("audit/", limit=200).content.decode()
    assert "Penicillin" not in whole and "Penicillin" not in oversight
    assert '"severe"' in whole and '"severe"' not in oversight


def test_nothing_in_it_is_changed_through_the_api(api, cast):
    alma = api("alma")
    assert alma.post("audit/", {}).status_code == 405
    entry = alma.get("audit/").json()["results"][0]["id"]
    for answer in (alma.patch(f"audit/{entry}/", {}), alma.delete(f"audit/{entry}/")):
        assert answer.status_code == 404


def test_reading_the_trail_is_on_the_trail(api, cast):
    api("aud").get("audit/", flag="refused")
    with cast.acting("alma"):
        entry = LogEntry.entries.filter(actor_id=cast.aud.pk, resource="clinic.logentry").get()
    assert entry.additional_data == {"how": "list", "asked": ["flag"]}


@pytest.mark.parametrize("also", [Role.PATIENT, Role.SPECIALIST])
def test_an_auditor_with_a_second_role_reads_no_values(api, cast, also):
    """What one of her roles reads of a few patients is not unmasked for all of them."""
    with cast.acting("sarah"):
        health.record(
            Allergy, patient=cast.mr_doe, by=cast.sarah, allergen="Latex", severity="anaphylactic"
        )
    with tenancy.system(cast.harbor):
        staffing.assign(user=cast.people["aud"], role=also, facility=cast.harbor)
    answer = api("aud").get("audit/", resource="patients.allergy")
    (row,) = answer.json()["results"]
    assert set(row["changes"]) >= {"severity"} and b"anaphylactic" not in answer.content
    assert b"anaphylactic" in api("alma").get("audit/", resource="patients.allergy").content
