"""What is wrong with how a page looks: in both themes, by axe-core, by its width, by its headings.

The theme follows the browser's as long as the person chose none; staff pages look at it when they
are loaded. In the dark only what a theme changes is looked at, which is contrast; of a list of
pages at a desk only, since a phone has the same colours.
"""

from collections.abc import Sequence

from playwright.sync_api import Page

from e2e.axe import violations
from e2e.conftest import PHONE

CONTRAST = ("color-contrast",)
PAPER = "getComputedStyle(document.body).backgroundColor"


def problems(page: Page, pages: dict[str, str], gone: Sequence[str] = ()) -> dict[str, list[str]]:
    """What is wrong with each page, by its name; empty where nothing is. What is `gone` says so."""
    found = {}
    for name, address in pages.items():
        answer = page.goto(address, wait_until="networkidle")
        is_wide = page.viewport_size["width"] > PHONE
        wrong = look(page, again=True) if is_wide else look(page, dark=False)
        if answer.status != (404 if name in gone else 200):
            wrong.append(f"answered {answer.status}")
        if wrong:
            found[name] = wrong
    return found


def look(page: Page, dark: bool = True, again: bool = False) -> list[str]:
    """What is wrong with the page as it is now, in both themes; it may be loaded `again`."""
    wrong = violations(page) + (in_the_dark(page, again) if dark else [])
    aside = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if aside > 0:
        wrong.append(f"runs {aside} pixels off the side")
    if page.locator("h1").count() != 1:
        wrong.append("has not exactly one first heading")
    return wrong


def in_the_dark(page: Page, again: bool) -> list[str]:
    paper = page.evaluate(PAPER)
    page.emulate_media(color_scheme="dark")
    if again:
        page.reload(wait_until="load")
    wrong = [f"in the dark: {one}" for one in violations(page, only=CONTRAST)]
    if page.evaluate(PAPER) == paper:
        wrong.append("is not dark in the dark")
    page.emulate_media(color_scheme="light")
    return wrong
