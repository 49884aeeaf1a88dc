"""Signing in to the portal in a real browser: a password and a code, and the code only once."""

import re

from playwright.sync_api import Page, expect

from e2e.conftest import PHONE, code_of, enter
from e2e.house import House


def stays_outside(page: Page, clinic: House) -> None:
    """Who asks for a record is sent back to the door."""
    page.goto("/portal/record/")
    expect(page).to_have_url(re.compile(f"^{re.escape(clinic.address)}/accounts/"))


def test_with_password_and_code_one_is_in(pages, clinic):
    page = pages.open(width=PHONE)
    code = code_of("jane")
    enter(page, clinic, "jane", code)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Jane")
    again = pages.open()
    enter(again, clinic, "jane", code)
    expect(again.get_by_text("Incorrect code").first).to_be_visible()
    stays_outside(again, clinic)


def test_without_the_code_nobody_is_in(pages, clinic):
    page = pages.open()
    enter(page, clinic, "ana", "000000")
    expect(page.get_by_text("Incorrect code").first).to_be_visible()
    stays_outside(page, clinic)


def test_it_works_without_scripts(pages, clinic):
    page = pages.open(javascript=False)
    enter(page, clinic, "ana", code_of("ana"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ana")
    page.locator(".p-switch > summary").click()
    page.get_by_role("button", name="Sign out").click()
    stays_outside(page, clinic)
