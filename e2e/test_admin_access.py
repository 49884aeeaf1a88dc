"""Who sees a patient, worked by the staff in a browser: care team, referral, invitation, guardians,
and a question about a look."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import expect

from clinic.security import tenancy
from e2e.conftest import DESK, PHONE
from e2e.looks import problems
from patients import care_team, family, referrals, relationships
from patients.models import LookQuestion


@pytest.fixture(scope="module")
def circle(clinic):
    """John's circle: a care team, a referral, a spouse, and a question that waits."""
    with transaction.atomic():
        return drawn(clinic.cast)


def drawn(cast) -> dict:
    with cast.acting("sarah"):
        care_team.join(
            patient=cast.mr_doe, user=cast.omar, by=cast.sarah,
            reason="Acupuncture for back pain, twice a month",
        )  # fmt: skip
        referrals.refer(
            patient=cast.mr_doe, to=cast.nina, reason="Wound care after surgery", by=cast.sarah,
            until=timezone.now() + timedelta(days=20),
        )  # fmt: skip
    with tenancy.system(cast.harbor):
        family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")
        question = LookQuestion.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, look="7", looked_at=timezone.now(),
            looker=cast.nina, told="Nina Berg · Nurse · Documents",
            question="I do not know this person. Why did she read my letters?",
            asked_by=cast.john,
        )  # fmt: skip
    with cast.acting("john", portal=True):
        relationships.invite_clinician(
            patient=cast.mr_doe, clinician=cast.sarah, by=cast.john,
            message="You treated my father. I would like to come to you, too.",
        )  # fmt: skip
    return {"question": question}


def addresses(cast, circle) -> dict[str, str]:
    """The pages of care."""
    chart = f"/admin/chart/{cast.mr_doe.pk}"
    return {
        "access": f"{chart}/access/",
        "join": f"{chart}/access/join/",
        "leave": f"{chart}/access/leave/{cast.omar.pk}/",
        "refer": f"{chart}/access/refer/",
        "referral": f"{chart}/access/referral/{cast.nina.pk}/",
        "relationships": "/admin/relationships/",
        "invite": "/admin/relationships/invite/",
    }


def of_administrators(cast, circle) -> dict[str, str]:
    """The pages of who oversees the clinic, and of the desk."""
    jimmy = f"/admin/chart/{cast.jimmy.pk}/family/"
    return {
        "confide": f"/admin/chart/{cast.mr_doe.pk}/access/confide/",
        "family of one of age": f"/admin/chart/{cast.mr_doe.pk}/family/",
        "family of a minor": jimmy,
        "guardian": f"{jimmy}guardian/",
        "questions": "/admin/questions/",
        "question": f"/admin/questions/{circle['question'].pk}/",
        "minors": "/admin/clinic/minors/",
    }


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_pages(sign_in, clinic, circle, width):
    page = sign_in("sarah", width=width)
    assert problems(page, addresses(clinic.cast, circle)) == {}
    page = sign_in("alma", width=width)
    assert problems(page, of_administrators(clinic.cast, circle)) == {}


def test_a_colleague_is_added_and_taken_off(sign_in, clinic, circle):
    page = sign_in("sarah")
    page.goto(f"/admin/chart/{clinic.cast.mr_doe.pk}/")
    page.get_by_role("link", name="Who sees this").click()
    page.get_by_role("link", name="Add to the care team").click()
    page.get_by_label("Who").select_option(label="Phil Test, Pharmacist")
    page.get_by_label("Why").fill("Looks after his medicines")
    page.get_by_role("button", name="Add to the care team").click()
    row = page.get_by_role("row").filter(has_text="Phil Test")
    expect(row).to_contain_text("Looks after his medicines")
    row.get_by_role("link", name="Take off Phil Test").click()
    page.get_by_role("button", name="Take off the care team").click()
    expect(page.get_by_text("Phil Test is no longer in the care team.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Phil Test")).to_have_count(0)


def test_a_record_is_kept_as_confidential_and_marked(sign_in, clinic):
    page = sign_in("sarah")
    page.goto(f"/admin/chart/{clinic.cast.mrs_doe.pk}/write/")
    page.get_by_label("Primary diagnosis").fill("Anxiety")
    page.get_by_label("How is it kept?").select_option(label="Mental health")
    page.get_by_label("This record is final").check()
    page.get_by_role("button", name="Save record").click()
    expect(page.get_by_text("Confidential: Mental health").first).to_be_visible()


def test_an_invitation_is_agreed_to(sign_in, clinic, circle):
    page = sign_in("sarah", width=PHONE)
    page.goto("/admin/relationships/")
    expect(page.get_by_text("You treated my father.")).to_be_visible()
    page.get_by_role("button", name="Agree John Doe").click()
    expect(page.get_by_role("link", name="End John Doe")).to_be_visible()


def test_a_question_is_answered(sign_in, clinic, circle):
    page = sign_in("alma")
    page.goto("/admin/questions/")
    page.get_by_role("link", name="John Doe").click()
    page.get_by_label("Your answer").fill("Nina Berg checked your wound. She needed the letter.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("The patient is told your answer.")).to_be_visible()
    expect(page.get_by_text("No question waits")).to_be_visible()
