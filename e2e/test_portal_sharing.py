"""A husband shares his medicines with his wife, she sees exactly that, and he takes it back while
her page is open; and he asks who looked at his record, and is answered."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from config.embedded.home import ROOT
from e2e import axe
from e2e.conftest import PHONE
from e2e.looks import look
from e2e.test_portal_day import show

CLOSED_WITHIN = 25_000  # milliseconds: an open page asks every 15 seconds
ASIDE = """
from django.db import transaction
from clinic import staffing
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES
from clinic.security.tenancy import Origin
from patients import family, questions
from patients.models import Patient

def person(name):
    return User.objects.get(email=f"{name}@harbor.test")

def acting(name, roles):
    actor = staffing.enter(user=person(name), roles=roles, origin=Origin(surface="test"))
    return tenancy.acting(actor)
"""
BESIDE = """
with acting("alma", STAFF_ROLES), transaction.atomic():
    john = Patient.objects.get(user=person("john"))
    if not family.members(john).filter(user=person("jane")).exists():
        family.stand(patient=john, user=person("jane"), relationship="spouse", level="limited")
"""
ANSWER = """
with acting("alma", STAFF_ROLES), transaction.atomic():
    [question] = questions.waiting(person("alma"))
    questions.answer(question=question, answer="She prepared your visit.", by=person("alma"))
"""


def aside(clinic, program: str) -> None:
    """What happens meanwhile at the clinic, by its verbs."""
    words = [sys.executable, "manage.py", "shell", "--no-imports", "-c", ASIDE + program]
    done = subprocess.run(
        words, env=clinic.environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def switch(page: Page, category: str):
    return page.get_by_role("switch", name=f"Jane Doe can see: {category}")


def everything_closed(page: Page) -> None:
    """Nothing is open to Jane any more."""
    opened = page.get_by_role("switch", name=re.compile("^Jane Doe can see"), checked=True)
    while left := opened.count():
        opened.first.click()
        expect(opened).to_have_count(left - 1)


@pytest.fixture
def husband(sign_in, clinic) -> Page:
    aside(clinic, BESIDE)
    page = sign_in("john")
    page.goto("/portal/sharing/")
    everything_closed(page)
    return page


def test_what_is_shared_is_seen_and_nothing_else_until_it_is_taken_back(husband, sign_in):
    switch(husband, "Medicines").click()
    expect(switch(husband, "Medicines")).to_be_checked()
    expect(husband.get_by_text("Jane Doe can see this now: Medicines")).to_be_visible()
    wife = sign_in("jane", width=PHONE)
    wife.goto("/portal/")
    show(wife, "John Doe")
    wife.goto("/portal/record/")
    expect(wife.get_by_text("Amlodipine")).to_be_visible()
    expect(wife.get_by_text("Hypertension")).to_have_count(0)
    for page in ("visits", "documents", "ask", "access"):
        wife.goto(f"/portal/{page}/")
        expect(wife.get_by_role("heading", name="Not shared with you")).to_have_count(1)
    wife.goto("/portal/record/")
    expect(wife.get_by_text("Amlodipine")).to_be_visible()
    husband.get_by_role("switch", name="Jane Doe can see: Medicines").click()
    expect(switch(husband, "Medicines")).not_to_be_checked()
    # She touches nothing: her page goes by itself.
    closed = wife.get_by_text("This is no longer shared with you")
    expect(closed).to_be_visible(timeout=CLOSED_WITHIN)
    expect(wife.get_by_text("Amlodipine")).to_have_count(0)
    wife.go_back()
    expect(wife.get_by_text("Amlodipine")).to_have_count(0)


def test_one_tap_is_taken_back_by_another(husband):
    for category in ("Medicines", "Visits"):
        switch(husband, category).click()
        expect(switch(husband, category)).to_be_checked()
    husband.get_by_role("button", name="Undo").click()
    expect(switch(husband, "Visits")).not_to_be_checked()
    expect(switch(husband, "Medicines")).to_be_checked()
    expect(husband.get_by_text("It is as before.")).to_be_visible()


def test_the_switches_work_by_keyboard_and_keep_their_place(husband):
    records = switch(husband, "Records")
    records.focus()
    husband.keyboard.press("Space")
    expect(records).to_be_checked()
    expect(records).to_be_focused()
    husband.keyboard.press("Enter")
    expect(records).not_to_be_checked()


def test_without_scripts_it_is_the_same(husband, sign_in):
    page = sign_in("john", width=PHONE, javascript=False)
    page.goto("/portal/sharing/")
    switch(page, "Documents").click()
    expect(switch(page, "Documents")).to_be_checked()
    expect(page.get_by_text("Jane Doe can see this now: Documents")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(switch(page, "Documents")).not_to_be_checked()


@pytest.mark.parametrize("width", [PHONE, 1280])
def test_the_grid_is_accessible_after_a_tap(husband, sign_in, width):
    page = sign_in("john", width=width)
    page.goto("/portal/sharing/")
    switch(page, "HIV").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert look(page) == []
    page.get_by_role("link", name="Jane Doe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jane Doe")
    assert look(page) == []
    page.get_by_role("link", name=re.compile("^Version")).first.click()
    expect(page.get_by_text("agrees that Jane Doe")).to_be_visible()
    assert look(page) == []


def test_a_look_is_asked_about_and_answered(sign_in, clinic):
    page = sign_in("john", width=PHONE)
    page.goto("/portal/access/")
    page.get_by_role("link", name=re.compile("^Ask about this")).first.click()
    assert axe.violations(page) == []
    page.get_by_label("Your question").fill("Why did you look at my record?")
    page.get_by_role("button", name="Send the question").click()
    expect(page.get_by_text("Asked, not yet answered")).to_be_visible()
    aside(clinic, ANSWER)
    page.reload()
    expect(page.get_by_text("She prepared your visit.")).to_be_visible()
    page.get_by_role("link", name="Asked and answered").click()
    expect(page.get_by_text("Answered by Alma Stone").first).to_be_in_viewport()
