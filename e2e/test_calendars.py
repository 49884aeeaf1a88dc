"""Calendars beyond the clinic, in a browser: an address that is shown once, copied and ended; and a
calendar kept elsewhere, whose times are taken from a file."""

import os
import re
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from e2e.axe import violations
from e2e.conftest import DESK, PHONE

ICS = b"""BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
DTSTART:20270105T150000Z
DTEND:20270105T160000Z
END:VEVENT
END:VCALENDAR
"""


def is_good(page: Page, name: str) -> None:
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize(("width", "theme"), [(PHONE, "light"), (DESK, "dark")])
def test_a_patient_opens_copies_and_ends_an_address(sign_in, clinic, width, theme):
    page = sign_in("john", width=width, theme=theme)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/portal/settings/")
    page.get_by_role("link", name="Visits in your calendar").click()
    is_good(page, f"portal-{width}")
    page.get_by_label("The whole family").check()
    page.get_by_role("button", name="Open an address").click()
    address = page.get_by_label("Address", exact=True).input_value()
    assert re.search(r"/calendars/[\w-]{43}\.ics$", address)
    page.get_by_role("button", name="Copy address").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
    is_good(page, f"portal-opened-{width}")
    with urlopen(clinic.address + address[address.index("/calendars/") :]) as answer:
        assert answer.read().startswith(b"BEGIN:VCALENDAR")
    page.goto("/portal/calendars/")
    assert address not in page.content()
    page.get_by_role("link", name="End").first.click()
    is_good(page, f"portal-end-{width}")
    page.get_by_role("button", name="Yes, end it").click()
    expect(page.get_by_text("The calendar address has ended.")).to_be_visible()


def test_it_works_without_a_script(sign_in, clinic):
    page = sign_in("john", width=PHONE, javascript=False)
    page.goto("/portal/calendars/")
    page.get_by_label("My own visits").check()
    page.get_by_role("button", name="Open an address").click()
    expect(page.get_by_label("Address", exact=True)).to_have_value(re.compile("/calendars/"))
    expect(page.get_by_role("button", name="Copy address")).to_be_hidden()


@pytest.mark.parametrize(("width", "theme"), [(PHONE, "dark"), (DESK, "light")])
def test_a_specialist_connects_a_calendar_and_opens_her_own(sign_in, clinic, width, theme):
    page = sign_in("sarah", width=width, theme=theme)
    page.goto("/admin/calendars/")
    is_good(page, f"admin-empty-{width}")
    page.get_by_label("Name").fill(f"Hospital {width}")
    page.get_by_label("Address", exact=True).fill("http://127.0.0.1/mine.ics")
    page.get_by_role("button", name="Add calendar").click()
    expect(page.get_by_text("The address lies in a private network").first).to_be_visible()
    is_good(page, f"admin-refused-{width}")
    page.get_by_label("Address", exact=True).fill("")
    page.get_by_label("Or a file").set_input_files(
        {"name": "mine.ics", "mimeType": "text/calendar", "buffer": ICS}
    )
    page.get_by_role("button", name="Add calendar").click()
    expect(page.get_by_text("Its busy times are no longer offered.")).to_be_visible()
    page.get_by_role("button", name="Open an address").click()
    expect(page.get_by_role("heading", name="Your new calendar address")).to_be_visible()
    is_good(page, f"admin-opened-{width}")
    page.goto("/admin/calendars/")
    is_good(page, f"admin-{width}")
    page.get_by_role("link", name=f"Remove Hospital {width}").click()
    is_good(page, f"admin-remove-{width}")
    page.get_by_role("button", name="Remove the calendar").click()
    expect(page.get_by_text("The calendar is removed.")).to_be_visible()
