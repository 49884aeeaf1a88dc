"""Signing in to the portal in a real browser: a password and a code, and the code only once."""

from playwright.sync_api import expect

from e2e.conftest import PHONE, code_of, enter


def test_with_password_and_code_one_is_in(pages, clinic):
    page = pages.open(width=PHONE)
    code = code_of("jane")
    enter(page, clinic, "jane", code)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Jane")
    again = pages.open()
    enter(again, clinic, "jane", code)
    expect(again.get_by_text("Incorrect code").first).to_be_visible()
    again.goto("/portal/")
    expect(again).to_have_url(f"{clinic.address}/accounts/login/?next=/portal/")


def test_without_the_code_nobody_is_in(pages, clinic):
    page = pages.open()
    enter(page, clinic, "ana", "000000")
    expect(page.get_by_text("Incorrect code").first).to_be_visible()
    page.goto("/portal/record/")
    expect(page).to_have_url(f"{clinic.address}/accounts/login/?next=/portal/record/")


def test_it_works_without_scripts(pages, clinic):
    page = pages.open(javascript=False)
    enter(page, clinic, "ana", code_of("ana"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ana")
    page.locator(".p-switch > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/portal/")
    expect(page).to_have_url(f"{clinic.address}/accounts/login/?next=/portal/")
