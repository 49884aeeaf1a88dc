"""Letters that are added and asked about, as a person does it in a browser."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from records import demo_letters

READ_WITHIN = 120_000  # milliseconds: the worker loads its models first
NOT_PART = "not part of this answer"


def written(letter, form: demo_letters.Form, folder: Path) -> Path:
    """The letter as a file of that form."""
    file = folder / demo_letters.filename(letter, form)
    file.write_bytes(demo_letters.render([letter], form))
    return file


def wait_until_read(page: Page) -> None:
    """The page of a document turns into its text by itself."""
    page.get_by_role("heading", name="Text of this document").wait_for(timeout=READ_WITHIN)


def ask(page: Page, question: str) -> Locator:
    """Ask on the page that is open; again where the answer says that a letter is not read yet."""
    for _attempt in range(READ_WITHIN // 2000):
        page.get_by_label("Your question").fill(question)
        page.get_by_role("button", name="Ask").click()
        answer = page.locator(".cr-ai")
        expect(answer).to_be_visible()
        if NOT_PART not in (answer.text_content() or ""):
            return answer
        page.wait_for_timeout(2000)
    raise AssertionError("The worker does not read.")


def open_first_source(answer: Locator) -> None:
    answer.locator(".cr-sources a").first.click()
