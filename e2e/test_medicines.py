"""Medicines on a phone: a reminder is set, a dose is taken and taken back, a journey is told."""

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.conftest import DESK, PHONE
from e2e.looks import look, problems


def begin(page: Page, medicine: str) -> None:
    page.goto("/portal/medicines/")
    page.get_by_role("link", name=medicine).click()


def test_a_reminder_is_set_and_its_first_dose_taken(sign_in, clinic):
    page = sign_in("john", width=PHONE)
    begin(page, "Amlodipine")
    assert look(page) == []
    page.get_by_label("Every so many hours", exact=True).check()
    page.get_by_role("button", name="Set the reminder").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert look(page) == []
    page.get_by_label("Hours between two doses").fill("6")
    page.get_by_label("How much").fill("1 tablet")
    page.get_by_role("button", name="Set the reminder").click()
    expect(page.get_by_text("The reminder is set.")).to_be_visible()
    expect(page.get_by_text("Due now")).to_be_visible()
    page.get_by_role("button", name=re.compile("Taken.*Amlodipine")).first.click()
    today = page.get_by_role("region", name="Today")
    expect(today.get_by_text("Taken", exact=True).first).to_be_visible()
    assert look(page) == []
    today.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("Due now")).to_be_visible()
    page.get_by_role("region", name="Reminders").get_by_role("link", name="Amlodipine").click()
    page.get_by_role("link", name="Stop this reminder").click()
    assert look(page) == []
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("The reminder has stopped.")).to_be_visible()


def test_as_needed_and_without_scripts(sign_in, clinic):
    page = sign_in("john", width=PHONE, javascript=False)
    begin(page, "Vitamin D")
    page.get_by_label("As needed", exact=True).check()
    page.get_by_role("button", name="Set the reminder").click()
    page.get_by_role("button", name=re.compile("Taken now.*Vitamin D")).click()
    expect(page.get_by_text("Vitamin D taken")).to_be_visible()
    page.goto("/portal/medicines/travel/")
    page.get_by_label("Time zone").select_option("Europe/Lisbon")
    page.get_by_role("button", name="Use this time zone").click()
    expect(page.get_by_text("by the clock in")).to_be_visible()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_pages_are_accessible(sign_in, width):
    page = sign_in("john", width=width)
    pages = {"medicines": "/portal/medicines/", "travel": "/portal/medicines/travel/"}
    assert problems(page, pages) == {}
