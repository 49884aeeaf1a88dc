"""The whole day once, over all three surfaces: a chart is imported and found, a program books, a
letter is read and asked about, the patient sees his part and who looked, the trail has it all.

Prints how long each part took (`-s` shows it)."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import expect

from clinic.tests.people import PASSWORD
from config.embedded import preparation
from config.embedded.home import ROOT
from e2e import letters
from e2e.conftest import PHONE, code_of
from e2e.furniture import letters_about
from records import demo_letters

CHART = ROOT / "records" / "demo_charts" / "liz-conn.json.gz"


@contextmanager
def part(name: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    print(f"{name:<60}{time.monotonic() - begun:6.1f} s", flush=True)


@pytest.fixture
def program(clinic) -> Iterator[httpx.Client]:
    """A program that signed in for Nina, with her password and a code."""
    with httpx.Client(base_url=f"{clinic.address}/api/v1/", timeout=30) as client:
        known = {"email": clinic.cast.nina.email, "password": PASSWORD}
        assert client.post("auth/token/", json=known).status_code == 401, "a code is asked for"
        signed = client.post("auth/token/", json=known | {"otp": code_of("nina")})
        client.headers["Authorization"] = f"Bearer {signed.json()['token']}"
        yield client


def test_a_clinics_day(sign_in, program, clinic, tmp_path):
    cast, john = clinic.cast, clinic.cast.mr_doe
    letter = letters_about(john)[2]
    file = letters.written(letter, demo_letters.Form.SCAN, tmp_path)

    with part("a chart is imported"):
        command = ["import_fhir", str(CHART), "--facility", cast.harbor.slug]
        preparation.manage(command, clinic.environment)

    with part("a physician signs in with a code and opens the chart"):
        desk = sign_in("sarah")
        desk.goto("/admin/")
        desk.get_by_label("Find a patient").fill("conn liz")
        desk.get_by_role("button", name="Find").click()
        desk.get_by_role("link", name="Liz Conn").click()
        expect(desk.get_by_role("heading", name="Liz Conn")).to_be_visible()

    with part("a program finds a patient and books a free time"):
        [found] = program.get("patients/", params={"q": john.mrn}).json()["results"]
        assert found["id"] == str(john.pk) and found["allergies"] == ["Penicillin"]
        begin = datetime.now(UTC) + timedelta(days=20)
        asked = {
            "specialist": str(cast.specialists["sarah"].pk),
            "appointment_type": str(cast.kinds[1].pk),
        }
        window = {"from": begin.isoformat(), "to": (begin + timedelta(days=2)).isoformat()}
        slot = program.get("slots/", params=asked | window).json()["results"][0]
        visit = asked | {"patient": found["id"], "start_datetime": slot["start_datetime"]}
        once = {"Idempotency-Key": "one-day"}
        booked = program.post("appointments/", json=visit | {"reason": "Knee"}, headers=once)
        assert booked.status_code == 201, booked.text
        again = program.post("appointments/", json=visit | {"reason": "Knee"}, headers=once)
        assert again.json()["id"] == booked.json()["id"], "sent twice, booked once"
        taken = program.post("appointments/", json=visit)
        assert taken.status_code == 409, taken.text

    with part("a scanned letter is added, read by the worker, and asked about"):
        letters.add_and_ask(desk, john, file, letter.facts[0])

    with part("the patient sees visit, letter and who looked, and nobody else's"):
        phone = sign_in("john", width=PHONE)
        phone.goto("/portal/visits/")
        address = f"/portal/visits/{booked.json()['id']}/"
        phone.locator(f'a[href="{address}"]').first.click()
        expect(phone.get_by_text("Knee")).to_be_visible()
        phone.goto("/portal/documents/")
        expect(phone.get_by_role("link", name=file.name)).to_be_visible()
        phone.goto("/portal/access/")
        expect(phone.get_by_role("row", name=re.compile("Sarah Smith")).first).to_be_visible()
        expect(phone.get_by_text("Liz Conn")).to_have_count(0)
        relative = sign_in("jane", width=PHONE)
        relative.goto("/portal/visits/")
        expect(relative.locator(f'a[href="{address}"]')).to_have_count(0)
        assert relative.goto(address).status == 404

    with part("the administrator reads it all on the trail"):
        desk = sign_in("alma")
        desk.goto("/admin/trail/")
        desk.get_by_label("Person’s e-mail").fill(cast.nina.email)
        desk.get_by_role("button", name="Show", exact=True).click()
        expect(desk.get_by_role("row", name=re.compile("John Doe")).first).to_be_visible()
