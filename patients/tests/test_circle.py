"""Who treats a patient, and what of it is told to whom: a reason tells what it was given for."""

import pytest
from django.db import transaction

from clinic.security import tenancy, trail
from clinic.security.permissions import Category as C
from clinic.security.permissions import Role
from clinic.tests.people import person
from patients import care_team, circle, consent, family
from patients.models import AccessGrant, Medication, Patient

WHY = "plantedreason: the HIV of the patient"
TEAM = AccessGrant.Source.CARE_TEAM


@pytest.fixture(params=["mr_doe", "jimmy"])
def confided(cast, request) -> Patient:
    """Omar was let into the HIV of a patient; of Jimmy, whose guardian is not to know it."""
    patient = cast.patients[request.param]
    with cast.acting("alma"):
        care_team.confide(patient=patient, user=cast.omar, kinds=[C.HIV], reason=WHY, by=cast.alma)
    return patient


def join(cast, patient) -> None:
    """Omar treats her back besides, which everybody may know."""
    with cast.acting("sarah"):
        care_team.join(patient=patient, user=cast.omar, reason="Back pain", by=cast.sarah)


def told(cast, name: str, patient) -> list[tuple[str, list[str]]]:
    with cast.acting(name):
        return [(one.reason, one.categories) for one in circle.of(patient, TEAM)]


def test_who_does_not_read_the_kind_is_told_of_nobody_who_does(cast, confided, api):
    path = f"patients/{confided.pk}/care-team/"
    for name in ("phil", "sarah", "nina"):
        answer = api(name).get(path)
        assert answer.status_code == 200
        assert answer.json()["results"] == [], name
    assert told(cast, "alma", confided) == [(WHY, ["hiv", "view"])]


def test_nor_why_where_she_is_told_of_something_else(cast, confided, api):
    join(cast, confided)
    told_to_phil = api("phil").get(f"patients/{confided.pk}/care-team/")
    [one] = told_to_phil.json()["results"]
    assert one["reason"] == "Back pain" and "hiv" not in one["categories"]
    assert "plantedreason" not in told_to_phil.content.decode()


def test_nor_after_the_permission_has_ended(cast, confided):
    join(cast, confided)
    with cast.acting("alma"):
        care_team.confide(patient=confided, user=cast.omar, kinds=[C.HIV], reason=WHY, by=cast.alma)
    with tenancy.system(cast.harbor), transaction.atomic():
        AccessGrant.grants.filter(user=cast.omar, permission__codename="hiv").delete()
    [(reason, _categories)] = told(cast, "phil", confided)
    assert reason == "Back pain"


def test_a_guardian_is_not_told_why_what_is_the_childs_own_was_opened(cast, api, browse):
    with cast.acting("alma"):
        care_team.confide(
            patient=cast.jimmy, user=cast.omar, kinds=[C.HIV], reason=WHY, by=cast.alma
        )
    join(cast, cast.jimmy)
    for text in (
        api("john").get(f"patients/{cast.jimmy.pk}/care-team/").content.decode(),
        his_page(browse("john"), cast.jimmy),
    ):
        assert "plantedreason" not in text and "Omar" in text


def his_page(browser, patient) -> str:
    browser.post(f"/portal/person/{patient.pk}/")
    page = browser.get("/portal/sharing/")
    assert page.status_code == 200
    return page.content.decode()


def test_the_patient_is_told_all_of_it(cast, api):
    with cast.acting("alma"):
        care_team.confide(
            patient=cast.mr_doe, user=cast.omar, kinds=[C.HIV], reason=WHY, by=cast.alma
        )
    [one] = api("john").get(f"patients/{cast.mr_doe.pk}/care-team/").json()["results"]
    assert (one["reason"], one["categories"]) == (WHY, ["hiv", "view"])


@pytest.mark.parametrize("way", ["api", "quick", "verb"])
def test_a_look_of_a_relative_is_the_familys(cast, api, way):
    """Whatever she looks with: what she is to the patient says it, and not the page."""
    with tenancy.system(cast.harbor):
        cast.people["sis"] = person("sis", cast.harbor, Role.FAMILY_MEMBER)
        sister = family.stand(patient=cast.mr_doe, user=cast.sis, relationship="sibling")
        Medication.objects.create(facility=cast.harbor, patient=cast.mr_doe, generic_name="a pill")
    with cast.acting("john", portal=True):
        consent.give(member=sister, categories=[C.MEDICATIONS], by=cast.john)
    path = f"patients/{cast.mr_doe.pk}/"
    if way == "verb":
        with cast.acting("sis", portal=True):
            trail.read("patients.patient", [(cast.mr_doe.pk, cast.mr_doe.pk)])
    else:
        answer = api("sis").get(path if way == "quick" else f"{path}medications/")
        assert answer.status_code == 200
    api("john").get(path)
    rows = api("john").get(f"{path}access-log/").json()["results"]
    assert {(one["who"], one["purpose"]) for one in rows} == {
        ("Sis Test", "family"), ("John Test", "own"),
    }  # fmt: skip
