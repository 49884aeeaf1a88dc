"""Browsers for the tests: headless Chromium, driven by Playwright, at the product as it runs.

`sign_in("john")` opens a page in which John is signed in, by his password and a code; each person
does so once in a run, because a code works once. A page that reports an error of its own, or breaks
the content security policy, fails the test. Pictures of failures lie in .local/e2e.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from clinic.tests import authenticator
from clinic.tests.people import PASSWORD
from config.embedded.home import ROOT
from e2e import furniture, house

# Playwright's loop runs in this thread; what the tests ask of the database is not asked in it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PICTURES = ROOT / ".local" / "e2e"
PHONE, DESK = 390, 1280  # pixels wide
PATIENCE = 10_000  # milliseconds
INSIDE = re.compile(r"/(portal|admin)/")  # where patients, and where staff are led


def pytest_collection_modifyitems(items):
    """pytest-django makes the database of the tests only where a test says that it needs it."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(scope="session")
def clinic(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[house.House]:
    """The product, furnished and running."""
    with django_db_blocker.unblock():
        cast = furniture.furnish()
        with house.running(tmp_path_factory.mktemp("house"), cast) as running:
            yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("The browser tests need Chromium: apt-get install chromium")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def code_of(name: str) -> str:
    """The code that the person's phone shows now, with time left to type it."""
    return authenticator.code_of(furniture.SECRETS[name], left=5)


def enter(page: Page, clinic: house.House, name: str, code: str) -> None:
    """Go through the door: password, then the code."""
    page.goto(f"{clinic.address}/accounts/login/")
    page.get_by_label("Email").fill(clinic.cast.people[name].email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=code]").fill(code)
    page.locator("input[name=code]").press("Enter")


class Pages:
    """Opens pages, and knows what went wrong in them."""

    def __init__(self, browser: Browser, clinic: house.House):
        self.browser, self.clinic = browser, clinic
        self.contexts: list[BrowserContext] = []
        self.problems: list[str] = []

    def open(self, *, width: int = DESK, theme: str = "light", javascript: bool = True, state=None):
        """A page in a browser of its own, `width` pixels wide."""
        context = self.browser.new_context(
            base_url=self.clinic.address,
            viewport={"width": width, "height": 844 if width == PHONE else 900},
            color_scheme=theme,
            java_script_enabled=javascript,
            storage_state=state,
            locale="en-GB",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self.listen)
        return page

    def listen(self, message) -> None:
        if "Content Security Policy" in message.text:
            self.problems.append(message.text)


@pytest.fixture(scope="session")
def signed_in() -> dict[str, dict]:
    """What the browser of each person keeps once she has signed in."""
    return {}


@pytest.fixture
def pages(chromium, clinic, request) -> Iterator[Pages]:
    opened = Pages(chromium, clinic)
    yield opened
    if getattr(request.node, "failed", False):
        PICTURES.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", request.node.name)
        for number, context in enumerate(opened.contexts):
            for page in context.pages:
                page.screenshot(path=PICTURES / f"{name}-{number}.png", full_page=True)
    for context in opened.contexts:
        context.close()
    assert opened.problems == []


@pytest.fixture
def sign_in(pages, clinic, signed_in) -> Callable[..., Page]:
    """`sign_in("john", width=PHONE)` opens a page in which John is signed in."""

    def opened(name: str, **options) -> Page:
        if name not in signed_in:
            page = pages.open()
            enter(page, clinic, name, code_of(name))
            page.wait_for_url(INSIDE)
            signed_in[name] = page.context.storage_state()
            page.context.close()
            pages.contexts.remove(page.context)
        return pages.open(state=signed_in[name], **options)

    return opened


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed
