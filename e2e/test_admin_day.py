"""A clinic's day at a desk: find, open the chart, book, confirm, write, take in a letter, ask."""

import re
from datetime import datetime, timedelta

from playwright.sync_api import expect

from e2e import letters
from e2e.conftest import PHONE
from e2e.furniture import NEW_YORK, letters_about
from records import demo_letters


def test_a_patient_is_found_and_her_chart_read(sign_in):
    page = sign_in("sarah")
    page.goto("/admin/")
    page.get_by_label("Find a patient").fill("DÓE joh")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="John Doe").click()
    expect(page.get_by_role("heading", name="John Doe")).to_be_visible()
    expect(page.get_by_text("Severe allergy: Penicillin")).to_be_visible()
    expect(page.get_by_label("Blood pressure").first).to_contain_text("131/82")
    page.get_by_text("Show these numbers as a table").first.click()
    expect(page.get_by_role("cell", name=re.compile("152")).first).to_be_visible()
    page.get_by_text("1 problem of the past").click()
    expect(page.get_by_text("Migraine")).to_be_visible()


def test_a_patient_is_registered_and_what_is_wrong_is_told(sign_in):
    page = sign_in("sarah", width=PHONE)
    page.goto("/admin/patients/patient/add/")
    page.get_by_label("First name").fill("Zoë")
    page.get_by_label("Last name").fill("Quill")
    page.get_by_label("Date of birth").fill("1990-05-17")
    page.get_by_label("CPF").fill("111.111.111-11")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Enter a valid CPF")).to_be_visible()
    page.get_by_label("CPF").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Zoë Quill")).to_be_visible()


def test_a_visit_is_booked_from_a_name_confirmed_moved_and_canceled(sign_in):
    page = sign_in("sarah")
    page.goto("/admin/day/")
    page.get_by_role("link", name="New visit").last.click()
    page.get_by_label("Name, record number or phone").fill("jane")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Jane Doe").click()
    day = datetime.now(NEW_YORK).date() + timedelta(days=9)
    page.get_by_label("From", exact=True).fill(day.isoformat())
    page.get_by_role("button", name="Show free times").click()
    page.locator("button[name=keep]").first.click()
    page.get_by_label("Reason").fill("A cough")
    page.get_by_role("button", name="Book this visit").click()
    expect(page.get_by_text("The visit is booked")).to_be_visible()
    expect(page.get_by_text("A cough")).to_be_visible()
    page.get_by_role("link", name="Move the visit").click()
    page.get_by_role("link", name="Find a free time").click()
    page.locator("button[name=keep]").nth(4).click()
    expect(page.get_by_text("The visit is moved")).to_be_visible()
    page.get_by_label("Reason for canceling").fill("She called")
    page.get_by_role("button", name="Cancel the visit").click()
    expect(page.get_by_text("The visit is now “Canceled”")).to_be_visible()


def test_a_record_is_written_of_a_visit(sign_in, clinic):
    page = sign_in("sarah")
    page.goto(f"/admin/visits/{clinic.cast.past_visit.pk}/")
    page.get_by_role("link", name="Write a record").click()
    page.get_by_label("Upper blood pressure, mmHg").fill("900")
    page.get_by_label("Primary diagnosis").fill("Ankle swelling")
    page.get_by_role("button", name="Save record").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    page.get_by_label("Upper blood pressure, mmHg").fill("128")
    page.get_by_role("button", name="Save record").click()
    expect(page.get_by_text("The draft is saved")).to_be_visible()
    expect(page.get_by_text("Ankle swelling").first).to_be_visible()


def test_a_letter_is_added_watched_and_asked_about(sign_in, clinic, tmp_path):
    """The page shows how far the worker is without being loaded again; the answer leads to the
    passage that it comes from."""
    patient = clinic.cast.mrs_doe
    letter = letters_about(patient)[0]
    file = letters.written(letter, demo_letters.Form.SCAN, tmp_path)
    page = sign_in("sarah")
    letters.add_and_ask(page, patient, file, letter.facts[0])


def test_what_sarah_did_is_on_the_trail(sign_in, clinic):
    page = sign_in("sarah")
    page.goto(f"/admin/chart/{clinic.cast.mr_doe.pk}/")
    page = sign_in("alma")
    page.goto("/admin/trail/")
    page.get_by_label("Person’s e-mail").fill("sarah@harbor")
    page.get_by_role("button", name="Show", exact=True).click()
    row = page.get_by_role("row", name=re.compile("Opened the chart.*John Doe")).first
    expect(row).to_contain_text("Physician")
