"""Every page of the portal, on a phone and at a desk, light and dark: no rule of accessibility is
broken, nothing runs off the side, and what is typed is named."""

import pytest
from playwright.sync_api import Page

from e2e.conftest import DESK, PHONE
from e2e.looks import look, problems

PAGES = {
    "home": "/portal/",
    "visits": "/portal/visits/",
    "visit": "/portal/visits/{visit}/",
    "cancel": "/portal/visits/{visit}/cancel/",
    "book": "/portal/visits/book/",
    "time": "/portal/visits/book/?appointment_type={kind}",
    "no-time": "/portal/visits/book/?appointment_type={kind}&part=evening",
    "record": "/portal/record/",
    "documents": "/portal/documents/",
    "ask": "/portal/ask/",
    "access": "/portal/access/",
    "sharing": "/portal/sharing/",
    "invite": "/portal/sharing/relatives/",
    "ask-clinician": "/portal/sharing/clinicians/",
    "block": "/portal/sharing/block/",
    "shared": "/portal/shared/",
    "family": "/portal/family/",
    "no-longer": "/portal/no-longer/",
    "settings": "/portal/settings/",
    "not-found": "/portal/visits/00000000-0000-0000-0000-000000000000/",
}
NARROW = 320  # pixels: WCAG 1.4.10, 400 % zoom of 1280


def address(name: str, clinic) -> str:
    return PAGES[name].format(visit=clinic.cast.next_visit.pk, kind=clinic.cast.kinds[0].pk)


def runs_off_the_side(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_is_accessible(sign_in, clinic, width):
    page = sign_in("john", width=width)
    assert problems(page, {name: address(name, clinic) for name in PAGES}, gone=["not-found"]) == {}


def test_what_opens_is_accessible_too(sign_in, clinic):
    page = sign_in("john", width=PHONE)
    page.goto("/portal/")
    page.locator(".p-switch > summary").click()
    assert look(page) == []
    page.keyboard.press("Escape")
    page.goto("/portal/access/")
    page.get_by_text("Show these numbers as a table").click()
    assert look(page) == []
    page.goto("/portal/ask/")
    page.get_by_role("button", name="Ask").click()
    assert look(page) == []


def test_nothing_runs_off_a_very_narrow_screen(sign_in, clinic):
    page = sign_in("john", width=NARROW)
    wide = []
    for name in PAGES:
        page.goto(address(name, clinic))
        if runs_off_the_side(page):
            wide.append(name)
    assert wide == []


def test_the_keyboard_alone_leads_through(sign_in):
    page = sign_in("john")
    page.goto("/portal/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator(".p-switch > summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".p-switch").get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert page.locator(".p-switch").get_attribute("open") is None
