"""What is wrong with how a page looks: in both themes, by axe-core, by its width, by its headings.

The theme follows the browser's as long as the person chose none, so one loading shows both; in the
second only what a theme changes is looked at, which is contrast.
"""

from collections.abc import Sequence

from playwright.sync_api import Page

from e2e.axe import violations

CONTRAST = ("color-contrast",)


def problems(page: Page, pages: dict[str, str], gone: Sequence[str] = ()) -> dict[str, list[str]]:
    """What is wrong with each page, by its name; empty where nothing is. What is `gone` says so."""
    found = {}
    for name, address in pages.items():
        answer = page.goto(address, wait_until="networkidle")
        wrong = look(page)
        if answer.status != (404 if name in gone else 200):
            wrong.append(f"answered {answer.status}")
        if wrong:
            found[name] = wrong
    return found


def look(page: Page) -> list[str]:
    """What is wrong with the page as it is now, in both themes."""
    wrong = violations(page)
    page.emulate_media(color_scheme="dark")
    wrong += [f"in the dark: {one}" for one in violations(page, only=CONTRAST)]
    page.emulate_media(color_scheme="light")
    aside = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if aside > 0:
        wrong.append(f"runs {aside} pixels off the side")
    if page.locator("h1").count() != 1:
        wrong.append("has not exactly one first heading")
    return wrong
