"""The whole path on a phone: a visit is booked, moved and canceled, and who waits is offered the
time that it leaves, and takes it."""

import re
import time as clock
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from clinic.models import Facility
from clinic.security import tenancy
from e2e import axe
from e2e.conftest import DESK, PHONE
from e2e.furniture import NEW_YORK
from e2e.looks import look, problems
from scheduling.models import (
    Appointment,
    AppointmentType,
    AvailabilityBlock,
    WaitlistOffer,
)

AHEAD = 34  # days to the day on which Omar has one hour only; no other test books then
PATIENCE = 20  # seconds for the worker


@pytest.fixture(scope="module")
def hearing(clinic) -> AppointmentType:
    """A test that takes an hour. On one day Omar has a single hour for it, on the next all day; it
    is never quiet, whatever the time of this run is."""
    cast = clinic.cast
    with tenancy.system(cast.harbor), transaction.atomic():
        Facility.objects.filter(pk=cast.harbor.pk).update(quiet_from=time(3), quiet_until=time(3))
        AvailabilityBlock.objects.create(
            facility=cast.harbor, specialist=cast.specialists["omar"], exception_date=the_day(),
            start_time=time(9), end_time=time(10),
        )  # fmt: skip
        return AppointmentType.objects.create(
            facility=cast.harbor, name="Hearing test", minutes=60,
            preparation={"en": "No loud music the day before."},
        )  # fmt: skip


def the_day() -> date:
    return datetime.now(NEW_YORK).date() + timedelta(days=AHEAD)


def stamp(cast, day: date, hour: int) -> str:
    """What names a time of Omar's on a page."""
    start = datetime.combine(day, time(hour), NEW_YORK).astimezone(UTC)
    return f"{cast.specialists['omar'].pk}@{start:%Y%m%dT%H%MZ}"


def pick(page: Page, value: str) -> None:
    """Choose a time and go on."""
    page.locator(".cr-slot").filter(has=page.locator(f"input[value='{value}']")).click()
    page.get_by_role("button", name="Continue").click()


def find(page: Page, cast, kind: AppointmentType, day: date) -> None:
    """From the first page to the times of a day with Omar."""
    page.goto("/portal/")
    page.get_by_role("link", name="Visits", exact=True).click()
    page.get_by_role("link", name="Book a visit").first.click()
    page.get_by_text(kind.name).click()
    page.get_by_text(cast.specialists["omar"].display_name).click()
    page.get_by_role("button", name="See free times").click()
    for _week in range(8):
        chosen = page.locator(f".p-days a[href*='day={day}']")
        if chosen.count():
            chosen.click()
            return
        page.get_by_role("link", name="Later week").click()
    raise AssertionError(f"No way leads to {day}.")


def book(page: Page, cast, kind: AppointmentType, day: date, hour: int) -> None:
    find(page, cast, kind, day)
    pick(page, stamp(cast, day, hour))
    expect(page.get_by_role("heading", level=1)).to_have_text("Check and book")
    expect(page.get_by_text("We keep this time for you until")).to_be_visible()
    expect(page.get_by_text("No loud music the day before.")).to_be_visible()
    page.get_by_label("What is it about?").fill("Hearing on the left")
    page.get_by_role("button", name="Book this visit").click()
    expect(page.get_by_text("Your visit is booked")).to_be_visible()


def cancel(page: Page) -> None:
    """From the page of a visit."""
    page.get_by_role("link", name="Cancel this visit").click()
    page.get_by_label("Why you cannot come").fill("I am away")
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_text("The visit is canceled")).to_be_visible()


def wait_for_offer(cast) -> None:
    """The worker offers the time that became free."""
    until = clock.monotonic() + PATIENCE
    while clock.monotonic() < until:
        with tenancy.system(cast.harbor), transaction.atomic():
            if WaitlistOffer.objects.open().filter(patient=cast.mrs_doe).exists():
                return
        clock.sleep(0.3)
    raise AssertionError("Nothing was offered.")


def test_book_move_be_offered_what_was_freed_and_cancel(sign_in, clinic, hearing):
    cast, day = clinic.cast, the_day()
    john, jane = sign_in("john", width=PHONE), sign_in("jane", width=PHONE)
    book(john, cast, hearing, day, 9)

    # Jane finds nothing on that day, and waits for it.
    jane.goto(f"/portal/waiting/join/?appointment_type={hearing.pk}")
    jane.get_by_label(cast.specialists["omar"].display_name).check()
    for label in ("From", "Until"):
        jane.get_by_label(label, exact=True).fill(f"{day:%d %m %Y}")
    jane.get_by_role("button", name="Join the waiting list").click()
    expect(jane.get_by_text("You are on the waiting list")).to_be_visible()
    expect(jane.get_by_text("Number 1 of those who wait")).to_be_visible()

    # John moves his visit to the day after.
    john.get_by_role("link", name="Move this visit").click()
    expect(john.get_by_text(re.compile("Your visit stays at"))).to_be_visible()
    later = day + timedelta(days=1)
    john.goto(f"{john.url.partition('?')[0]}?day={later}")
    pick(john, stamp(cast, later, 9))
    expect(john.get_by_role("heading", level=1)).to_have_text("Move your visit?")
    john.get_by_role("button", name="Move the visit").click()
    expect(john.get_by_text("Your visit is moved")).to_be_visible()

    # What he left is offered to Jane, who takes it.
    wait_for_offer(cast)
    jane.goto("/portal/")
    jane.get_by_role("link", name="A time is free for you").click()
    expect(jane.get_by_role("heading", level=1)).to_have_text("A time is free for you")
    assert axe.violations(jane) == []
    jane.get_by_role("button", name="Yes, book it").click()
    expect(jane.get_by_text("Your visit is booked")).to_be_visible()

    cancel(john)
    with tenancy.system(cast.harbor), transaction.atomic():
        rows = Appointment.objects.filter(appointment_type=hearing).order_by("start_datetime")
        told = [
            (row.patient_id, row.start_datetime.astimezone(NEW_YORK), row.status) for row in rows
        ]
    assert told == [
        (cast.mrs_doe.pk, datetime.combine(day, time(9), NEW_YORK), "Confirmed"),
        (cast.mr_doe.pk, datetime.combine(later, time(9), NEW_YORK), "Canceled"),
    ]


def test_without_scripts_too(sign_in, clinic, hearing):
    page = sign_in("john", width=PHONE, javascript=False)
    day = the_day() + timedelta(days=2)
    book(page, clinic.cast, hearing, day, 10)
    cancel(page)


def test_a_time_that_was_kept_by_another_is_said_with_others_beside_it(sign_in, clinic, hearing):
    day = the_day() + timedelta(days=3)
    value = stamp(clinic.cast, day, 11)
    john, jane = sign_in("john", width=PHONE), sign_in("jane", width=PHONE)
    for page in (jane, john):
        page.goto(f"/portal/visits/book/?appointment_type={hearing.pk}&day={day}")
    pick(jane, value)
    expect(jane.get_by_role("heading", level=1)).to_have_text("Check and book")
    pick(john, value)
    expect(john.get_by_text("This time has just been taken").first).to_be_visible()
    expect(john.get_by_role("heading", name="Free times close to it")).to_be_visible()
    assert axe.violations(john) == []
    jane.get_by_role("button", name="Choose another time").click()
    expect(jane.locator(f"input[value='{value}']")).to_have_count(1)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_of_it_is_accessible(sign_in, clinic, hearing, width):
    page = sign_in("john", width=width)
    visit, kind = clinic.cast.next_visit.pk, clinic.cast.kinds[0].pk
    pages = {
        "visits": "/portal/visits/",
        "visit": f"/portal/visits/{visit}/",
        "cancel": f"/portal/visits/{visit}/cancel/",
        "move": f"/portal/visits/{visit}/move/",
        "choose": "/portal/visits/book/",
        "times": f"/portal/visits/book/?appointment_type={kind}",
        "evening": f"/portal/visits/book/?appointment_type={kind}&part=evening",
        "waiting": "/portal/waiting/",
        "join": "/portal/waiting/join/",
        "gone": "/portal/visits/book/00000000-0000-0000-0000-000000000000/",
    }
    assert problems(page, pages, gone=["gone"]) == {}
    page.goto(f"/portal/visits/book/?appointment_type={kind}&day={the_day()}")
    page.locator(".cr-slot").first.click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check and book")
    assert look(page) == []
    page.get_by_role("button", name="Choose another time").click()
    page.goto("/portal/waiting/join/")
    page.get_by_label("From", exact=True).fill("yesterday")
    page.get_by_role("button", name="Join the waiting list").click()
    assert look(page) == []
