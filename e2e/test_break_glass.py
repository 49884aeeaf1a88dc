"""An emergency: opened with a code, ended in the middle of a page, reviewed, told the patient."""

import re
import time

from playwright.sync_api import expect

from config.embedded import preparation
from e2e.axe import violations
from e2e.conftest import PHONE, code_of

REASON = "He collapsed in the waiting room and cannot speak."


def fresh_code(name: str) -> str:
    """A code for this act: the one before was spent."""
    time.sleep(31 - time.time() % 30)
    return code_of(name)


# What the system does to a patient's emergency access so that an hour is over soon.
SHORTEN = """
from datetime import timedelta
from django.db import transaction
from django.utils import timezone
from clinic.security import tenancy
from compliance.models import EmergencyAccess
from patients.models import AccessGrant
with tenancy.system("{facility}"), transaction.atomic():
    soon = timezone.now() + timedelta(seconds={seconds})
    EmergencyAccess.objects.in_force().update(expires_at=soon)
    AccessGrant.grants.filter(source="emergency").update(expires_at=soon)
"""


def shorten(clinic, seconds: int) -> None:
    code = SHORTEN.format(facility=clinic.cast.harbor.pk, seconds=seconds)
    preparation.manage(["shell", "-v", "0", "-c", code], clinic.environment)


OUT_OF_REACH = """
from clinic.security import tenancy
from django.db import transaction
from patients.models import AccessGrant

with tenancy.system("{facility}"), transaction.atomic():
    AccessGrant.grants.filter(user_id="{user}", content_object_id="{patient}").delete()
"""


def test_an_emergency_from_the_code_to_the_review(sign_in, clinic):
    cast, john = clinic.cast, clinic.cast.mr_doe
    away = OUT_OF_REACH.format(facility=cast.harbor.pk, user=cast.omar.pk, patient=john.pk)
    preparation.manage(["shell", "-v", "0", "-c", away], clinic.environment)
    page = sign_in("omar")
    page.goto(f"/admin/chart/{john.pk}/")
    expect(page.get_by_text("John Doe")).to_have_count(0)
    page.goto("/admin/find/?q=john")
    page.goto("/admin/emergency/")
    page.get_by_label("Record number").fill(john.mrn)
    page.get_by_label("Acute danger").check()
    page.get_by_label("Why it cannot wait").fill("Urgent")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Open the patient").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    page.get_by_label("Why it cannot wait").fill(REASON)
    page.get_by_label("Code").fill(fresh_code("omar"))
    page.get_by_role("button", name="Open the patient").click()
    expect(page.get_by_text("Severe allergy: Penicillin")).to_be_visible()
    expect(page.get_by_text("Amlodipine")).to_be_visible()
    expect(page.get_by_text("Migraine")).to_have_count(0)
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"(59|60):\d\d left"))
    assert violations(page) == []

    shorten(clinic, seconds=8)
    page.reload()
    expect(page.get_by_text("Severe allergy: Penicillin")).to_be_visible()
    expect(page.get_by_text("The access has ended")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Penicillin")).to_have_count(0)
    expect(page.get_by_text("John Doe")).to_have_count(0)
    page.goto(f"/admin/chart/{john.pk}/")
    expect(page.get_by_text("John Doe")).to_have_count(0)

    page = sign_in("alma", width=PHONE)
    page.goto("/admin/")
    page.get_by_role("link", name="Show them").click()
    page.get_by_role("link", name="Omar Reyes").click()
    expect(page.get_by_text(REASON)).to_be_visible()
    expect(page.get_by_text("Opened the emergency summary").first).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Justified").check()
    page.get_by_role("button", name="Record the review").click()
    expect(page.get_by_text("The review is recorded.")).to_be_visible()
    page.get_by_role("link", name="Reviewed").click()
    expect(page.get_by_text("Justified")).to_be_visible()

    page = sign_in("john")
    page.goto("/portal/access/")
    expect(page.get_by_text("Emergency").first).to_be_visible()
    look = page.get_by_role("row", name=re.compile("Omar Reyes.*Emergency summary.*Acute danger"))
    expect(look.first).to_be_visible()


def test_what_is_given_back_leaves_the_other_window(sign_in, clinic):
    """A second window about the same patient notices, without being touched."""
    page = sign_in("omar")
    page.goto("/admin/emergency/")
    page.get_by_label("Full name").fill("jane doe")
    page.get_by_label("Date of birth").fill("1982-09-03")
    page.get_by_label("The patient cannot answer").check()
    page.get_by_label("Why it cannot wait").fill(REASON)
    page.get_by_label("Code").fill(fresh_code("omar"))
    page.get_by_role("button", name="Open the patient").click()
    expect(page.get_by_role("heading", name="Jane Doe")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="Jane Doe")).to_be_visible()
    page.get_by_role("button", name="Give back").click()
    expect(page.get_by_text("The emergency access has ended.")).to_be_visible()
    expect(other.get_by_text("The access has ended")).to_be_visible(timeout=15_000)
    expect(other.get_by_text("Jane Doe")).to_have_count(0)
