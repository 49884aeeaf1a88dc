"""A patient's day in the portal, on a phone and without scripts: visits, documents, a question,
the family, and who looked."""

import re

import pytest
from playwright.sync_api import Page, expect

from e2e import letters
from e2e.conftest import DESK, PHONE
from e2e.furniture import letters_about
from records import demo_letters


def show(page: Page, name: str) -> None:
    """Choose whose record is shown."""
    page.locator(".p-switch > summary").click()
    page.locator(".p-menu").get_by_role("button", name=name).click()
    expect(page.locator(".p-switch > summary")).to_contain_text(name.split()[0])


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
def test_a_visit_is_booked_and_canceled_on_a_phone(sign_in, javascript):
    page = sign_in("john", width=PHONE, javascript=javascript)
    page.goto("/portal/")
    page.get_by_role("link", name="Visits", exact=True).click()
    page.get_by_role("link", name="Book a visit").first.click()
    page.get_by_text("Check-up").click()
    page.get_by_text("Dr Sarah Smith").click()
    page.get_by_role("button", name="See free times").click()
    page.locator(".p-days a").nth(2).click()
    page.locator(".cr-slot").nth(3).click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check and book")
    page.get_by_label("What is it about?").fill("A cough that will not go away")
    page.get_by_role("button", name="Book this visit").click()
    expect(page.get_by_text("Your visit is booked")).to_be_visible()
    expect(page.get_by_text("A cough that will not go away")).to_be_visible()
    page.get_by_role("link", name="Cancel this visit").click()
    page.get_by_label("Why you cannot come").fill("I am away")
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_text("The visit is canceled")).to_be_visible()


def test_without_a_time_the_page_says_what_is_missing(sign_in):
    page = sign_in("john")
    page.goto("/portal/visits/book/")
    page.get_by_role("button", name="See free times").click()
    page.locator("input[name=slot]").evaluate_all("all => all.forEach(one => one.required = false)")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(page).to_have_title(re.compile("^Error:"))


def test_a_scanned_letter_is_added_watched_and_asked(sign_in, clinic, tmp_path):
    """The worker reads the picture meanwhile; the page shows it without being loaded again."""
    letter = letters_about(clinic.cast.mr_doe)[2]
    file = letters.written(letter, demo_letters.Form.PNG, tmp_path)
    page = sign_in("john", width=PHONE)
    page.goto("/portal/documents/")
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("What is it?").select_option("referral")
    page.get_by_role("button", name="Add document").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(file.name)
    expect(page.get_by_text("We are reading this document")).to_be_visible()
    letters.wait_until_read(page)
    expect(page.locator("#page-1")).to_contain_text(letter.heading[-1].split(",")[0])
    page.get_by_role("link", name="All documents").click()
    expect(page.get_by_role("link", name=file.name)).to_be_visible()


def test_a_question_is_answered_with_its_page(sign_in, clinic):
    letter = letters_about(clinic.cast.mr_doe)[1]
    page = sign_in("john")
    page.goto("/portal/ask/")
    answer = letters.ask(page, letter.facts[0].question)
    expect(answer).to_contain_text(letter.facts[0].answer)
    letters.open_first_source(answer)
    expect(page).to_have_url(re.compile(r"/portal/documents/[0-9a-f-]+/#page-\d+$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(".pdf")


def test_where_nothing_stands_the_answer_says_so(sign_in):
    page = sign_in("john", javascript=False)
    page.goto("/portal/ask/")
    answer = letters.ask(page, "When was my left hip replaced?")
    expect(answer).to_contain_text("Nothing in the documents answers this.")


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
def test_the_childs_record_is_shown_and_always_named(sign_in, javascript):
    page = sign_in("john", width=PHONE, javascript=javascript)
    page.goto("/portal/")
    show(page, "Jimmy Doe")
    band = page.locator(".p-band")
    expect(band).to_contain_text("You are looking at the record of Jimmy Doe, 12")
    for section in ("Record", "Visits", "Documents", "Access", "Home"):
        page.locator(".p-nav").get_by_role("link", name=section).click()
        expect(band).to_be_visible()
    expect(page.get_by_text("Penicillin")).to_have_count(0)
    page.get_by_role("button", name="Back to my record").click()
    expect(band).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_contain_text("John")


def test_two_windows_never_mix_two_people_up(sign_in):
    first = sign_in("john")
    first.goto("/portal/visits/book/")
    second = first.context.new_page()
    second.goto("/portal/")
    show(second, "Jimmy Doe")
    first.get_by_role("button", name="See free times").click()
    expect(first.get_by_text("Nothing was changed")).to_be_visible()
    expect(first.locator(".p-band")).to_contain_text("Jimmy Doe")
    second.get_by_role("button", name="Back to my record").click()


def test_who_looked_is_told_in_plain_words(sign_in):
    page = sign_in("john", width=DESK)
    looks = []
    for number in range(1, 9):  # other tests may have looked since: the looks meant are further on
        page.goto(f"/portal/access/?page={number}")
        table = page.get_by_role("table", name="Latest looks")
        looks += table.get_by_role("row").all_inner_texts()
    assert any("Sarah Smith" in look and "The whole record" in look for look in looks)
    assert any("Nina Berg" in look and "Nurse" in look for look in looks)
    page.goto("/portal/access/")
    expect(page.get_by_text("Looks each week").first).to_be_visible()


def test_the_language_can_be_changed_and_stays(sign_in):
    page = sign_in("john", javascript=False)
    page.goto("/portal/visits/")
    page.get_by_role("button", name="Español").click()
    assert page.url.endswith("/portal/visits/")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
