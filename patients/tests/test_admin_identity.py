"""Registering and correcting a patient in the staff's site."""

import pytest
from django.contrib.admin.models import LogEntry as AdminLogEntry
from django.urls import reverse

from clinic.models import LogEntry
from clinic.security import tenancy
from patients import registration
from patients.models import Patient

ADD = "/admin/patients/patient/add/"
PERSON = {
    "first_name": "Zoë", "last_name": "Muñoz", "date_of_birth": "1990-05-17", "gender": "female",
    "preferred_language": "es", "phone": "+1 555 010 2233", "address_line1": "4 Quay Street",
    "address_city": "Boston", "emergency_contact_name": "Ida",
}  # fmt: skip


def change(patient) -> str:
    return reverse("admin:patients_patient_change", args=[patient.pk])


def shown(browser, patient) -> dict:
    """What the form of a patient sends back when nobody touches it."""
    form = browser.get(change(patient)).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: "" if value is None else value for name, value in values.items()}


def test_a_patient_is_registered_and_the_chart_opens(browse, cast):
    answer = browse("fred").post(ADD, PERSON)
    with cast.acting("fred"):
        patient = Patient.objects.latest("created_at")
        assert patient.full_name == "Zoë Muñoz"
        assert patient.address == {"line1": "4 Quay Street", "city": "Boston"}
        assert patient.emergency_contact == {"name": "Ida"}
    assert answer["Location"] == reverse("admin:chart", args=[patient.pk])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"first_name": "  "}, "first_name"),
        ({"date_of_birth": "2990-01-01"}, "date_of_birth"),
        ({"date_of_birth": "17 of May"}, "date_of_birth"),
        ({"cpf": "111.111.111-11"}, "cpf"),
        ({"ssn": "12"}, "ssn"),
        ({"email": "nobody"}, "email"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"preferred_language": "xx"}, "preferred_language"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(browse, cast, wrong, field):
    with cast.acting("fred"):
        before = Patient.objects.count()
    answer = browse("fred").post(ADD, PERSON | wrong)
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    with cast.acting("fred"):
        assert Patient.objects.count() == before


def test_a_number_that_another_has_is_refused_by_the_verb_and_shown(browse, cast):
    with cast.acting("fred"):
        registration.correct(patient=cast.mr_doe, by=cast.fred, ssn="123-45-6789")
        before = Patient.objects.count()
    answer = browse("fred").post(ADD, PERSON | {"ssn": "123456789"})
    assert "ssn" in answer.context["adminform"].form.errors
    with cast.acting("fred"):
        assert Patient.objects.count() == before


def test_a_correction_keeps_what_was_not_touched(browse, cast):
    with cast.acting("fred"):
        registration.correct(
            patient=cast.mr_doe, by=cast.fred, phone="555",
            address={"line1": "1 Pier", "country": "US"},
        )  # fmt: skip
    browser = browse("fred")
    answer = browser.post(
        change(cast.mr_doe), shown(browser, cast.mr_doe) | {"address_line1": "2 Pier"}
    )
    assert answer.status_code == 302
    with cast.acting("fred"):
        patient = Patient.objects.get(pk=cast.mr_doe.pk)
        assert patient.address == {"line1": "2 Pier", "country": "US"}
        assert (patient.phone, patient.first_name) == ("555", "John")


def test_a_form_that_was_overtaken_is_refused(browse, cast):
    browser = browse("fred")
    old = shown(browser, cast.mr_doe)
    with cast.acting("sarah"):
        registration.correct(patient=cast.mr_doe, by=cast.sarah, phone="555 0199")
    answer = browser.post(change(cast.mr_doe), old | {"phone": "555 0100"})
    assert answer.status_code == 200
    assert "changed since you read it" in answer.content.decode()
    with cast.acting("sarah"):
        assert Patient.objects.get(pk=cast.mr_doe.pk).phone == "555 0199"


def test_reading_and_writing_are_on_the_trail_and_not_in_the_admins_log(browse, cast):
    browser = browse("fred")
    browser.post(change(cast.mr_doe), shown(browser, cast.mr_doe) | {"phone": "555"})
    with tenancy.system(cast.harbor):
        about = LogEntry.entries.about(cast.mr_doe).filter(actor=cast.fred)
        actions = set(about.values_list("action", flat=True))
    assert actions == {LogEntry.Action.ACCESS, LogEntry.Action.UPDATE}
    assert not AdminLogEntry.objects.exists()
