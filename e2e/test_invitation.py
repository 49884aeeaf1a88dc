"""From an invitation in the staff's site to the person who works there, by the letter as the worker
sends it: with no mail server set up it prints letters into its log."""

import re
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from config.embedded.home import Home
from e2e.axe import violations
from e2e.conftest import PHONE
from e2e.house import House

PASSWORD = "a lake of many words"
LINK = re.compile(r"/accounts/invitation/[\w:-]+/")
PATIENCE = 20  # seconds


def link_sent_to(clinic: House, address: str) -> str:
    """The link in the last letter to that address."""
    log = Home(Path(clinic.environment["STATIC_ROOT"]).parent).log("worker")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        _before, found, letter = log.read_text().rpartition(f"To: {address}")
        if found and (link := LINK.search(letter)):
            return link[0]
        time.sleep(0.3)
    raise AssertionError(f"no letter to {address} within {PATIENCE} seconds")


def invite(page: Page, address: str) -> None:
    page.goto("/admin/people/")
    page.get_by_role("link", name="Invite a person").click()
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("First name").fill("Gil")
    page.get_by_label("Last name").fill("Sá")
    page.get_by_label("Role").select_option("nurse")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status")).to_contain_text(f"The invitation to {address}")
    expect(page.get_by_role("region", name="Not taken up yet")).to_contain_text(address)


def test_a_new_person_is_invited_and_comes_as_far_as_her_second_step(pages, clinic, sign_in):
    alma = sign_in("alma")
    invite(alma, "gil@example.org")
    where = link_sent_to(clinic, "gil@example.org")
    page = pages.open(width=PHONE)
    page.goto(where)
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbor Family Clinic invites you")
    assert violations(page) == []
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create the account and accept").click()
    expect(page.get_by_role("alert")).to_contain_text("too short")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account and accept").click()
    expect(page).to_have_url(re.compile("/accounts/2fa/"))
    page.goto("/admin/find/")
    expect(page).to_have_url(re.compile("/accounts/2fa/"))
    again = pages.open()
    again.goto(where)
    expect(again.get_by_role("heading", level=1)).to_have_text("This invitation has ended")
    alma.goto("/admin/people/")
    expect(alma.get_by_role("table", name="Who works here")).to_contain_text("Gil Sá")


def test_an_invitation_is_withdrawn(pages, clinic, sign_in):
    alma = sign_in("alma")
    invite(alma, "never@example.org")
    where = link_sent_to(clinic, "never@example.org")
    alma.get_by_role("link", name="Gil Sá").first.click()
    alma.get_by_role("button", name="Withdraw").click()
    expect(alma.get_by_role("status")).to_contain_text("The invitation is withdrawn")
    page = pages.open()
    page.goto(where)
    expect(page.get_by_role("heading", level=1)).to_have_text("This invitation has ended")


def test_with_the_account_of_another_address_she_says_so(pages, clinic, sign_in):
    invite(sign_in("alma"), "other@example.org")
    page = sign_in("john", width=PHONE)
    page.goto(link_sent_to(clinic, "other@example.org"))
    expect(page.get_by_text("You are signed in as john@harbor.test.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Accept the invitation").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the box")
