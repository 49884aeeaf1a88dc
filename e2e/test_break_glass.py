"""An emergency: opened with a code or a passkey, ended in the middle of a page, reviewed, told the
patient."""

import re
import time

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from clinic.tests.people import PASSWORD
from config.embedded import preparation
from e2e.axe import violations
from e2e.conftest import PHONE, code_of
from e2e.test_sign_in_ways import at_localhost, in_the_database, type_password, with_passkeys

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


REACH = """
from clinic.models import Facility
from clinic.security import tenancy
from django.db import transaction

with tenancy.system("{facility}"), transaction.atomic():
    Facility.objects.update(care_reach="{reach}")
"""


@pytest.fixture
def lucia(clinic):
    """Lucia's clinic lets physicians see only whom they treat; she has no second step yet."""
    cache.clear()
    lucia, austa = clinic.cast.lucia.pk, clinic.cast.austa.pk

    def reach(name: str) -> None:
        code = REACH.format(facility=austa, reach=name)
        preparation.manage(["shell", "-v", "0", "-c", code], clinic.environment)

    reach("care_team")
    in_the_database(clinic, "DELETE FROM mfa_authenticator WHERE user_id = %s", lucia)
    yield lucia
    in_the_database(clinic, "DELETE FROM mfa_authenticator WHERE user_id = %s", lucia)
    reach("facility")


def test_a_passkey_in_the_place_of_a_code_opens_once(pages, clinic, lucia):
    page = pages.open(width=PHONE)
    session, phone = with_passkeys(page)
    type_password(page, clinic, "lucia")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("My phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")

    page.goto(f"{at_localhost(clinic)}/admin/emergency/")
    assert violations(page) == []
    page.get_by_role("link", name="Use your passkey instead").click()
    verified = {"authenticatorId": phone, "isUserVerified": False}
    session.send("WebAuthn.setUserVerified", verified)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("That did not work")).to_be_visible()
    session.send("WebAuthn.setUserVerified", verified | {"isUserVerified": True})
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("/admin/emergency/$"))
    expect(page.get_by_text("You used your passkey just now.")).to_be_visible()
    expect(page.get_by_label("Code")).to_have_count(0)
    assert violations(page) == []

    page.get_by_label("Record number").fill(clinic.cast.dona_ana.mrn)
    page.get_by_label("The patient cannot answer").check()
    page.get_by_label("Why it cannot wait").fill("Urgent")
    page.get_by_role("button", name="Open the patient").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(page.get_by_text("You used your passkey just now.")).to_be_visible()
    page.get_by_label("Why it cannot wait").fill(REASON)
    page.get_by_role("button", name="Open the patient").click()
    expect(page.get_by_role("heading", name="Ana Souza")).to_be_visible()

    page.get_by_role("link", name="Ask for more").click()
    expect(page.get_by_label("Code")).to_be_visible()  # the passkey was used up
    page.get_by_role("link", name="Use your passkey instead").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("/more/$"))
    page.get_by_label("Records").check()
    page.get_by_label("Why it cannot wait").fill(REASON)
    page.get_by_role("button", name="Open these parts").click()
    page.wait_for_url(re.compile("/admin/chart/"))
    page.get_by_role("button", name="Give back").click()
    expect(page.get_by_text("The emergency access has ended.")).to_be_visible()
