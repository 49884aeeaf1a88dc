"""The cover of a chart: whole for who treats and who decides, short for everybody else."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from clinic.models import Facility
from clinic.security import tenancy
from clinic.security.permissions import Category as C
from clinic.security.permissions import Permission
from clinic.tests.refusals import denied
from patients import access, consent, family, registration
from patients.cover import PRIVATE
from patients.models import Patient

SAID = {
    "ssn": "123-45-6789", "cpf": "529.982.247-25", "phone": "+1 555 010 7788",
    "email": "planted@mail.test", "address": {"line1": "plantedstreet"},
    "insurance_info": {"insurer": "plantedinsurer"},
    "emergency_contact": {"name": "plantedbrother"},
}  # fmt: skip
PLANTED = ("123-45-6789", "529.982.247-25", "010 7788", "planted@mail", "plantedstreet",
           "plantedinsurer")  # fmt: skip


@pytest.fixture
def told(cast):
    """All is known of John and of his son."""
    with tenancy.system(cast.harbor):
        registration.correct(patient=cast.mr_doe, by=None, **SAID)
        only_one = {name: said for name, said in SAID.items() if name not in {"ssn", "cpf"}}
        registration.correct(patient=cast.jimmy, by=None, **only_one)
    return cast


@pytest.fixture
def narrowed(told):
    """Nina, who reaches whom she treats, broke the glass for John."""
    with tenancy.system(told.harbor), transaction.atomic():
        Facility.objects.filter(pk=told.harbor.pk).update(care_reach="care_team")
        access.grant(
            patient=told.mr_doe, user=told.nina, categories=[C.VIEW, C.SUMMARY],
            source="emergency", expires_at=timezone.now() + timedelta(minutes=30),
        )  # fmt: skip
    return told


def share(cast, level: str) -> None:
    with tenancy.system(cast.harbor):
        wife = family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse", level=level)
    with cast.acting("john", portal=True):
        consent.give(member=wife, categories=[C.MEDICATIONS], by=cast.john)


def covers(program, patient) -> list[tuple[dict, str]]:
    """What each way to the cover answers, and its text."""
    path = f"patients/{patient.pk}/"
    answers = [program.get(path), program.get("patients/"), program.get(f"{path}chart/")]
    assert [answer.status_code for answer in answers] == [200] * 3
    one, many, chart = (answer.json() for answer in answers)
    [listed] = [row for row in many["results"] if row["id"] == str(patient.pk)]
    return [(cover, str(cover)) for cover in (one, listed, chart["demographics"])]


@pytest.mark.parametrize("name", ["sarah", "fred", "alma", "john"])
def test_it_is_whole_for_the_clinic_and_for_the_patient(told, api, name):
    answer = api(name).get(f"patients/{told.mr_doe.pk}/").json()
    assert set(answer) > PRIVATE
    assert answer["ssn"] == SAID["ssn"] and answer["address"] == SAID["address"]


def test_it_is_whole_for_who_decides_for_a_minor(told, api):
    for cover, _text in covers(api("john"), told.jimmy):
        assert cover["phone"] == SAID["phone"]


@pytest.mark.parametrize("level", ["limited", "full"])
def test_a_relative_knows_who_the_patient_is_and_no_more(told, api, level):
    share(told, level)
    for cover, text in covers(api("jane"), told.mr_doe):
        assert set(cover).isdisjoint(PRIVATE)
        assert not [planted for planted in PLANTED if planted in text]
        assert cover["last_name"] == "Doe" and cover["date_of_birth"] == "1980-04-12"
        assert cover["emergency_contact"] == SAID["emergency_contact"]
    [own] = [row for row in api("jane").get("patients/").json()["results"] if "phone" in row]
    assert own["id"] == str(told.mrs_doe.pk), "of her own she knows all"


def test_the_glass_shows_who_the_patient_is_and_no_more(narrowed, api):
    for cover, text in covers(api("nina"), narrowed.mr_doe):
        assert set(cover).isdisjoint(PRIVATE)
        assert not [planted for planted in PLANTED if planted in text]
        assert cover["emergency_contact"] == SAID["emergency_contact"]


def test_nor_do_the_pages_of_the_clinic(narrowed, browse):
    browser, pk = browse("nina"), narrowed.mr_doe.pk
    for address in (f"/admin/chart/{pk}/", f"{reverse('admin:find_patient')}?q=Doe"):
        page = browser.get(address, follow=True)
        assert page.status_code == 200 and "Doe" in page.content.decode()
        assert not [planted for planted in PLANTED if planted in page.content.decode()]
    form = browser.get(f"/admin/patients/patient/{pk}/change/", follow=True)
    assert not [planted for planted in PLANTED if planted in form.content.decode()]


def test_treating_the_patient_as_well_opens_it(narrowed, api):
    with tenancy.system(narrowed.harbor):
        access.grant(
            patient=narrowed.mr_doe, user=narrowed.nina, categories=[C.VIEW, C.RECORDS],
            source="care_team",
        )  # fmt: skip
    assert api("nina").get(f"patients/{narrowed.mr_doe.pk}/").json()["ssn"] == SAID["ssn"]


def test_nobody_corrects_who_she_is_by_an_emergency_alone(narrowed, api, browse):
    said = {"email": "nina@x.test", "date_of_birth": "1970-01-01"}
    pk = narrowed.mr_doe.pk
    assert api("nina").patch(f"patients/{pk}/", said).status_code == 403
    page = browse("nina").post(f"/admin/patients/patient/{pk}/change/", said)
    assert page.status_code in {302, 403, 404}
    with narrowed.acting("nina"), denied(Permission.PATIENT_REGISTER):
        registration.correct(patient=narrowed.mr_doe, by=narrowed.nina, phone="+1 555 010 0001")
    with tenancy.system(narrowed.harbor):
        row = Patient.objects.get(pk=pk)
        assert (row.email, row.phone) == (SAID["email"], SAID["phone"])
        assert str(row.date_of_birth) == "1980-04-12"
