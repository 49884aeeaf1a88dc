"""Signing in with a second step and with a passkey, and staying signed in, in a real browser."""

import re
from datetime import timedelta

import psycopg
import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from playwright.sync_api import Page, expect

from clinic.tests.authenticator import code_of
from clinic.tests.people import PASSWORD
from e2e.axe import violations
from e2e.conftest import DESK, PHONE
from e2e.house import House

MINUTE = 60_000  # milliseconds


def at_localhost(clinic: House) -> str:
    """Where a browser takes passkeys without TLS: an address of numbers is no name."""
    return clinic.address.replace("127.0.0.1", "localhost")


def with_passkeys(page: Page):
    """Gives the page's browser a phone that holds passkeys, and asks who holds it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    phone = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, phone["authenticatorId"]


def type_password(page: Page, clinic: House, name: str) -> None:
    page.goto(f"{at_localhost(clinic)}/accounts/login/")
    page.get_by_label("Email").fill(clinic.cast.people[name].email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "/accounts/login/" not in address)


def in_the_database(clinic: House, sql: str, *parameters) -> list:
    """A statement that the running product sees at once, not those of the test's transaction."""
    with psycopg.connect(clinic.environment["DATABASE_URL"], autocommit=True) as database:
        cursor = database.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def pass_by(minutes: int, name: str, clinic: House) -> None:
    """So much time passes on the server."""
    in_the_database(
        clinic,
        "UPDATE usersessions_usersession SET last_seen_at = last_seen_at - %s,"
        " created_at = created_at - %s WHERE user_id = %s",
        *[timedelta(minutes=minutes)] * 2, clinic.cast.people[name].pk,
    )  # fmt: skip


@pytest.fixture
def fred(clinic):
    """Fred of the front desk has a password and, for now, no second step."""
    cache.clear()
    fred = clinic.cast.people["fred"].pk
    password = make_password(PASSWORD)
    in_the_database(clinic, "UPDATE clinic_user SET password = %s WHERE id = %s", password, fred)
    in_the_database(clinic, "DELETE FROM mfa_authenticator WHERE user_id = %s", fred)
    yield fred
    in_the_database(clinic, "DELETE FROM mfa_authenticator WHERE user_id = %s", fred)


def passkeys_of(person, clinic: House) -> int:
    counted = "SELECT count(*) FROM mfa_authenticator WHERE user_id = %s AND type = 'webauthn'"
    return in_the_database(clinic, counted, person)[0][0]


def test_who_has_no_second_step_sets_one_up_and_goes_on(pages, clinic, fred):
    page = pages.open(width=PHONE)
    type_password(page, clinic, "fred")
    page.goto(f"{at_localhost(clinic)}/admin/day/")
    expect(page).to_have_url(re.compile("/accounts/2fa/$"))
    expect(page.get_by_text("Your clinic asks for a second step")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("I cannot scan it").click()
    secret = page.locator(".cr-secret").inner_text()
    code = code_of(secret)
    page.locator("input[name=code]").fill(code)
    page.get_by_role("button", name="Turn it on").click()
    page.get_by_role("link", name="I have kept them. Continue").click()
    expect(page).to_have_url(re.compile("/admin/day/$"))


def test_a_passkey_is_added_used_both_ways_renamed_and_removed(pages, clinic, fred):
    page = pages.open(width=DESK)
    with_passkeys(page)
    type_password(page, clinic, "fred")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("My phone")
    assert violations(page) == []
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url(re.compile("/admin/"))
    assert passkeys_of(fred, clinic) == 1

    leave(page, clinic)
    page.goto(f"{at_localhost(clinic)}/accounts/login/?next=/admin/day/")
    assert violations(page) == []
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r"^[^?]*/admin/day/"))

    leave(page, clinic)
    type_password(page, clinic, "fred")
    expect(page.get_by_role("heading", level=1)).to_have_text("One more step")
    assert violations(page) == []
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile("/admin/"))

    page.goto(f"{at_localhost(clinic)}/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Rename My phone").click()
    page.get_by_role("button", name="Use a passkey").click()  # is it you?
    page.get_by_label("Name").fill("Old phone")
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_text("Old phone").first).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Remove Old phone").click()
    page.get_by_role("button", name="Yes, remove it").click()
    page.wait_for_url(re.compile("/accounts/2fa/"))
    assert passkeys_of(fred, clinic) == 0


def test_a_passkey_that_is_not_there_is_said(pages, clinic):
    page = pages.open()
    session, phone = with_passkeys(page)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": phone, "isUserVerified": False})
    page.goto(f"{at_localhost(clinic)}/accounts/login/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("That did not work")).to_be_visible()


def leave(page: Page, clinic: House) -> None:
    page.wait_for_load_state()
    page.goto(f"{at_localhost(clinic)}/accounts/logout/")
    page.locator("main form[action$='/logout/'] button").first.click()
    page.wait_for_url(lambda address: "/logout/" not in address)


class TestStaying:
    """The clock of the browser and the clock of the server go on together, faster."""

    def go_on(self, page: Page, clinic: House, name: str, minutes: int) -> None:
        pass_by(minutes, name, clinic)
        page.clock.fast_forward(minutes * MINUTE)

    def opened(self, sign_in, name: str, address: str) -> Page:
        page = sign_in(name)
        page.clock.install()
        page.goto(address)
        return page

    def test_a_long_form_is_not_lost_while_somebody_types(self, sign_in, clinic):
        page = self.opened(sign_in, "nina", f"/admin/patients/{clinic.cast.mr_doe.pk}/")
        page.goto("/admin/find/")
        for _ in range(20):
            self.go_on(page, clinic, "nina", 1)
            with page.expect_response(re.compile("/accounts/sessions/alive/$")):
                page.keyboard.press("Tab")
        expect(page.locator("#signed-in")).to_be_hidden()
        page.goto("/admin/find/")
        expect(page).to_have_url(re.compile("/admin/find/$"))

    def test_before_the_end_one_is_asked_and_can_stay(self, sign_in, clinic):
        page = self.opened(sign_in, "nina", "/admin/find/")
        self.go_on(page, clinic, "nina", 13)
        page.clock.run_for(2000)
        expect(page.locator("#signed-in")).to_be_hidden()
        self.go_on(page, clinic, "nina", 1)
        page.clock.run_for(2000)
        expect(page.get_by_role("dialog", name="Are you still there?")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Stay signed in").click()
        expect(page.locator("#signed-in")).to_be_hidden()
        self.go_on(page, clinic, "nina", 13)
        page.clock.run_for(2000)
        expect(page.locator("#signed-in")).to_be_hidden()

    def test_at_the_end_nothing_stays_in_sight(self, sign_in, clinic, signed_in):
        """As after a computer slept: the clock jumps, and the page is gone."""
        page = self.opened(sign_in, "nina", "/admin/find/")
        self.go_on(page, clinic, "nina", 16)
        page.clock.run_for(2000)
        page.wait_for_url(re.compile("/accounts/login/"))
        expect(page.get_by_text("You were signed out")).to_be_visible()
        page.go_back()
        assert "/admin/" not in page.url, "the way back leads to no page that was open"
        signed_in.pop("nina")

    def test_another_window_keeps_this_one_too(self, sign_in, clinic):
        page = self.opened(sign_in, "alma", "/admin/find/")
        page.clock.fast_forward(14 * MINUTE + 1000)  # here nobody acts, on the server somebody did
        page.clock.run_for(2000)
        expect(page.locator("#signed-in")).to_be_hidden()
        expect(page).to_have_url(re.compile("/admin/find/"))


def test_where_one_is_signed_in(sign_in):
    page = sign_in("alma", width=PHONE)
    page.goto("/accounts/sessions/")
    expect(page.get_by_text("This one")).to_be_visible()
    assert violations(page) == []
