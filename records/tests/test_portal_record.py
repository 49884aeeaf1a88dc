"""My record: what is known of the person shown, as far as it is shared."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.security.permissions import Category
from patients import access
from patients.models import AccessGrant, Allergy, Condition, Medication, Reading
from records import charting


@pytest.fixture
def charted(cast):
    """John has an allergy, a medicine, a problem, readings and a note."""
    with tenancy.system(cast.harbor):
        whose = {"facility": cast.harbor, "patient": cast.mr_doe}
        Allergy.objects.create(**whose, allergen="Penicillin", severity="severe")
        Medication.objects.create(**whose, generic_name="Amlodipine", dosage="5 mg")
        Medication.objects.create(**whose, generic_name="Aspirin", is_active=False)
        Condition.objects.create(**whose, display="Hypertension")
        for weeks, upper, lower in ((3, 150, 95), (2, 140, 90), (1, 131, 82)):
            Reading.objects.create(
                **whose, reading_type="blood_pressure", value=upper, unit="mm[Hg]",
                components=[{"code": "8462-4", "value": str(lower), "unit": "mm[Hg]"}],
                taken_at=timezone.now() - timedelta(weeks=weeks),
            )  # fmt: skip
        Reading.objects.create(
            **whose, reading_type="laboratory", display="Potassium", value=Decimal("5.9"),
            unit="mmol/L", reference_low=Decimal("3.5"), reference_high=Decimal("5.3"),
            taken_at=timezone.now(),
        )  # fmt: skip
    with cast.acting("sarah"):
        charting.write(
            patient=cast.mr_doe, primary_diagnosis="Migraine", treatment="Rest", final=True,
            by=cast.sarah,
        )  # fmt: skip
        charting.write(patient=cast.mr_doe, primary_diagnosis="Only a draft", by=cast.sarah)
    return cast


def test_the_record_on_one_page(browse, charted):
    answer = browse("john").get("/portal/record/")
    page = answer.content.decode()
    for words in ("Penicillin", "Severe", "Amlodipine", "Hypertension", "Migraine", "Rest"):
        assert words in page
    assert "Aspirin" not in page, "a medicine that is not taken any more"
    assert "Only a draft" not in page
    newest = {one.name: one for one in answer.context["readings"]}
    assert newest["Blood pressure"].value == "131/82"
    assert newest["Blood pressure"].unit == "mmHg"
    assert (newest["Potassium"].usual, newest["Potassium"].in_range) == ("3.5–5.3", False)
    [course] = answer.context["charts"]
    assert course.takeaway.startswith("Down from 150/95 on ")
    assert " to 131/82 on " in course.takeaway
    assert [event.title for event in answer.context["timeline"]] == ["Record: Migraine"]


def test_what_is_not_sure_is_said_in_plain_words(browse, charted):
    browser = browse("john")
    page = browser.get("/portal/record/").content.decode()
    assert "Not confirmed yet" not in page and "High risk" not in page
    with tenancy.system(charted.harbor):
        whose = {"facility": charted.harbor, "patient": charted.mr_doe}
        Allergy.objects.create(**whose, allergen="Latex", criticality="high")
        Allergy.objects.create(**whose, allergen="Soy", verification_status="presumed")
        Condition.objects.create(**whose, display="Lupus", verification_status="differential")
        Condition.objects.create(**whose, display="Asthma", verification_status="confirmed")
    answer = browser.get("/portal/record/")
    page = answer.content.decode()
    assert page.count("Not confirmed yet") == 2, "the allergy to soy, and the lupus"
    assert page.count("High risk") == 1
    assert not any(word in page for word in ("Presumed", "Differential"))
    critical, plain = answer.context["allergies"][:2], answer.context["allergies"][2:]
    assert {one.allergen for one in critical} == {"Latex", "Penicillin"}
    assert [one.allergen for one in plain] == ["Soy"]


def test_nothing_of_it_is_shown_to_others(browse, charted):
    for name in ("jane", "ana"):
        page = browse(name).get("/portal/record/").content.decode()
        assert not any(words in page for words in ("Penicillin", "Amlodipine", "Migraine", "John"))


@pytest.mark.parametrize(
    ("category", "there", "not_there"),
    [
        (Category.MEDICATIONS, ["Penicillin", "Amlodipine"], ["Hypertension", "131/82"]),
        (Category.RECORDS, ["Hypertension", "Migraine", "131/82"], ["Penicillin", "Amlodipine"]),
    ],
)
def test_each_part_is_shared_for_itself(browse, charted, category, there, not_there):
    with tenancy.system(charted.harbor):
        access.grant(
            patient=charted.mr_doe, user=charted.jane, categories=[Category.VIEW, category],
            source=AccessGrant.Source.FAMILY,
        )  # fmt: skip
    browser = browse("jane")
    browser.post(f"/portal/person/{charted.mr_doe.pk}/")
    page = browser.get("/portal/record/").content.decode()
    assert "Not everything is shared with you" in page
    assert all(words in page for words in there)
    assert not any(words in page for words in not_there)


def test_the_look_is_noted_with_the_parts_that_were_shown(browse, charted):
    browse("john").get("/portal/record/")
    with tenancy.system(charted.harbor):
        entry = LogEntry.entries.reads().get(patient_id=charted.mr_doe.pk)
    assert entry.additional_data == {"how": "chart", "parts": ["medicines", "record"]}
