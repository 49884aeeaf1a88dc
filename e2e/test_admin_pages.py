"""Every page of the staff's site: at both widths and in both themes, without a violation, without
scrolling sideways, and without a word against the content security policy."""

import pytest
from playwright.sync_api import expect

from e2e.axe import violations
from e2e.conftest import DESK, PHONE
from e2e.looks import problems


def addresses(cast) -> dict[str, str]:
    """The pages that a physician works with."""
    patient, visit = cast.mr_doe.pk, cast.past_visit.pk
    return {
        "today": "/admin/",
        "find": "/admin/find/?q=doe",
        "nobody found": "/admin/find/?q=zzzz",
        "chart": f"/admin/chart/{patient}/",
        "write": f"/admin/chart/{patient}/write/?appointment={visit}",
        "day": "/admin/day/",
        "visit": f"/admin/visits/{cast.next_visit.pk}/",
        "book": f"/admin/visits/new/?patient={patient}",
        "documents": "/admin/documents/",
        "documents of one": f"/admin/documents/?patient={patient}",
        "register": "/admin/patients/patient/add/",
        "correct": f"/admin/patients/patient/{patient}/change/",
        "specialists": "/admin/clinic/specialist/",
        "hours": f"/admin/hours/{cast.specialists['sarah'].pk}/",
        "kinds": "/admin/scheduling/appointmenttype/",
        "kind": "/admin/scheduling/appointmenttype/add/",
        "roles": "/admin/people/",
    }


def of_administrators(cast) -> dict[str, str]:
    """The pages that an administrator has besides."""
    return {
        "trail": "/admin/trail/",
        "nothing on the trail": "/admin/trail/?who=nobody",
        "person": f"/admin/people/{cast.nina.pk}/",
        "invite": "/admin/people/invite/",
        "clinic": "/admin/clinic/",
        "choose": "/admin/clinic/choose/",
        "new specialist": "/admin/clinic/specialist/add/",
        "specialist": f"/admin/clinic/specialist/{cast.specialists['omar'].pk}/change/",
    }


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_physicians_pages(sign_in, clinic, width):
    page = sign_in("sarah", width=width)
    assert problems(page, addresses(clinic.cast)) == {}


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_administrators_pages(sign_in, clinic, width):
    page = sign_in("alma", width=width)
    assert problems(page, of_administrators(clinic.cast)) == {}


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_they_are_there_without_scripts(sign_in, clinic, width):
    page = sign_in("sarah", width=width, javascript=False)
    for name, address in addresses(clinic.cast).items():
        page.goto(address)
        expect(page.locator("h1"), name).to_be_visible()
    page.goto("/admin/find/?q=doe")
    page.get_by_role("link", name="John Doe").click()
    expect(page.get_by_text("Severe allergy: Penicillin")).to_be_visible()


def test_the_frame_is_worked_by_keyboard(sign_in):
    page = sign_in("sarah")
    page.goto("/admin/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "cr-skiplink"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    menu = page.locator("button.cr-user")
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Change password").wait_for()
    assert violations(page) == []
