"""The staff's calendar in a browser: a visit is dragged and dragged back, one is booked in three
steps, and the pages read well for everybody."""

from datetime import datetime, time, timedelta

import pytest
from django.db import transaction
from playwright.sync_api import expect

from clinic.security import tenancy
from e2e.conftest import DESK, PHONE
from e2e.furniture import NEW_YORK
from e2e.looks import problems
from scheduling.models import Appointment, Room

PAGES = (
    "/admin/day/?day=%s", "/admin/day/?day=%s&by=room", "/admin/week/?day=%s",
    "/admin/check-in/?day=%s", "/admin/visits/new/", "/admin/waiting/", "/admin/closures/",
    "/admin/figures/", "/admin/messages/", "/admin/calendars/",
)  # fmt: skip
DAYS = 12  # from today: no other test is there


def day() -> str:
    return (datetime.now(NEW_YORK).date() + timedelta(days=DAYS)).isoformat()


@pytest.fixture(scope="module")
def moved(clinic, django_db_blocker) -> str:
    """The name of a visit of John's with Sarah at nine."""
    cast = clinic.cast
    start = datetime.combine(datetime.fromisoformat(day()).date(), time(9), NEW_YORK)
    with django_db_blocker.unblock(), transaction.atomic(), tenancy.system(cast.harbor):
        Room.objects.get_or_create(facility=cast.harbor, name="Room 1")
        return str(
            Appointment.objects.create(
                facility=cast.harbor, patient=cast.mr_doe, specialist=cast.specialists["sarah"],
                appointment_type=cast.kinds[1], start_datetime=start,
                end_datetime=start + timedelta(minutes=30),
            ).pk
        )  # fmt: skip


def cell(page, clinic, name: str, clock: str):
    who = clinic.cast.specialists[name].pk
    return page.locator(f'td[data-who="{who}"][data-at="{day()}T{clock}"]')


def test_a_visit_is_dragged_elsewhere_and_back(sign_in, clinic, moved):
    page = sign_in("alma")
    page.goto(f"/admin/day/?day={day()}")
    event = page.locator(f'[data-move="/admin/visits/{moved}/move/"]')
    event.drag_to(cell(page, clinic, "omar", "10:30"), target_position={"x": 20, "y": 5})
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("09:00 → 10:30")
    expect(dialog).to_contain_text("Omar")
    dialog.get_by_role("button", name="Move the visit").click()
    expect(page.get_by_role("status")).to_contain_text("10:30")
    expect(cell(page, clinic, "omar", "10:30").locator(".cr-ev")).to_contain_text("John Doe")
    page.get_by_role("button", name="Undo").click()
    expect(cell(page, clinic, "sarah", "09:00").locator(".cr-ev")).to_contain_text("John Doe")


def test_where_nobody_receives_it_stays_and_the_page_says_why(sign_in, clinic, moved):
    page = sign_in("alma")
    page.goto(f"/admin/day/?day={day()}")
    event = page.locator(f'[data-move="/admin/visits/{moved}/move/"]')
    event.drag_to(cell(page, clinic, "sarah", "08:00"), target_position={"x": 20, "y": 5})
    page.get_by_role("dialog").get_by_role("button", name="Move the visit").click()
    expect(page.get_by_text("does not receive visits at that time")).to_be_visible()
    expect(cell(page, clinic, "sarah", "09:00").locator(".cr-ev")).to_contain_text("John Doe")


def test_by_the_keyboard(sign_in, moved):
    page = sign_in("alma")
    page.goto(f"/admin/day/?day={day()}")
    page.locator(f'[data-move="/admin/visits/{moved}/move/"]').focus()
    page.keyboard.press("m")
    page.wait_for_url(f"**/visits/{moved}/move/")
    page.get_by_label("Time").fill("11:00")
    page.get_by_role("button", name="Move the visit").click()
    expect(page.get_by_text("The visit is moved.")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_visit_is_booked_in_three_steps(sign_in, javascript):
    page = sign_in("alma", javascript=javascript)
    page.goto(f"/admin/visits/new/?day={day()}")
    page.get_by_label("Name, record number or phone").fill("jane")
    if not javascript:
        page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name="Jane Doe").click()
    page.locator("button[name=keep]").first.click()
    expect(page.get_by_text("This time is held for 10 minutes")).to_be_visible()
    page.get_by_label("Reason").fill("A cough")
    page.get_by_role("button", name="Book this visit").click()
    expect(page.get_by_text("The visit is booked")).to_be_visible()


def test_a_free_cell_says_when_and_with_whom(sign_in, clinic):
    page = sign_in("alma")
    page.goto(f"/admin/day/?day={day()}")
    cell(page, clinic, "omar", "14:15").click()
    page.get_by_label("Name, record number or phone").fill("jane")
    page.get_by_role("link", name="Jane Doe").click()
    expect(page.get_by_label("Time", exact=True)).to_have_value("14:15")
    page.get_by_role("button", name="Hold this time").click()
    expect(page.get_by_text("14:15")).to_be_visible()
    page.get_by_role("button", name="Choose another time").click()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_pages_break_no_rule(sign_in, moved, width):
    page = sign_in("alma", width=width)
    addresses = [*PAGES, f"/admin/visits/{moved}/", f"/admin/visits/{moved}/move/"]
    named = [address.replace("%s", day()) for address in addresses]
    assert problems(page, dict(zip(named, named, strict=True))) == {}
