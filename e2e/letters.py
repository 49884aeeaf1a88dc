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


def add_and_ask(page: Page, patient, file: Path, fact) -> None:
    """Add the letter at the desk, wait until it is read, ask about it on the chart, and follow the
    answer to the passage that it comes from."""
    page.goto(f"/admin/documents/?patient={patient.pk}")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Add document").click()
    wait_until_read(page)
    page.get_by_role("link", name="Open the chart").click()
    answer = ask(page, fact.question)
    expect(answer).to_contain_text(fact.answer)
    open_first_source(answer)
    expect(page.locator("mark")).to_be_visible()


def open_first_source(answer: Locator) -> None:
    answer.locator(".cr-sources a").first.click()
