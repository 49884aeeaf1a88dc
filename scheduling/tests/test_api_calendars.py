"""Calendars in the API: one's own at an address, and those kept elsewhere."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from clinic.security import tenancy
from clinic.tests.people import nobody_id
from clinic.tests.programs import wrong_fields
from scheduling.ics import fetching
from scheduling.ics.fetching import Fetched
from scheduling.models import BusyCalendar, BusyTime, CalendarFeed
from scheduling.tests.hours import at, open_hours, visit
from scheduling.tests.test_busy import ADDRESS, MORNING, ics

FEEDS, BUSY = "calendar-feeds/", "busy-calendars/"


@pytest.fixture
def kind(cast):
    return open_hours(cast)


@pytest.fixture
def web(monkeypatch) -> list[str]:
    """Who was asked for; every address has a calendar."""
    asked: list[str] = []

    def fetch(url, *, validator=""):
        asked.append(url)
        return Fetched(ics(*MORNING), '"1"')

    monkeypatch.setattr(fetching, "fetch", fetch)
    return asked


def counted(cast) -> tuple[int, int, int]:
    with tenancy.system(cast.harbor):
        return tuple(one.objects.count() for one in (CalendarFeed, BusyCalendar, BusyTime))


class TestFeeds:
    def test_one_is_opened_listed_and_ended(self, api, cast, kind, client):
        visit(cast, kind, cast.mr_doe, at(10))
        john = api("john")
        made = john.post(FEEDS, {"scope": "patient", "patient": str(cast.mr_doe.pk)})
        assert made.status_code == 201, made.content
        address = made.json()["address"]
        path = address[address.index("/calendars/") :]
        assert b"BEGIN:VEVENT" in client.get(path).content
        [listed] = john.get(FEEDS).json()["results"]
        assert listed["id"] == made.json()["id"] and listed["patient"] == str(cast.mr_doe.pk)
        assert listed["last_read_at"] is not None
        one = f"{FEEDS}{listed['id']}/"
        for answer in (john.get(FEEDS), john.get(one)):  # told once
            assert address.rpartition("/")[2][:20] not in answer.content.decode()
        assert john.delete(one).status_code == 204
        assert john.get(one).status_code == 404 and client.get(path).status_code == 404

    def test_the_same_key_opens_another_because_no_address_is_kept(self, api, cast):
        john = api("john")
        first, second = (
            john.post(FEEDS, {"scope": "family"}, Idempotency_Key="k").json() for _n in range(2)
        )
        assert first["address"] != second["address"]

    def test_those_of_others_are_not_there(self, api, cast):
        made = api("john").post(FEEDS, {"scope": "family"}).json()
        for name in ("jane", "alma", "sarah", "ana"):
            answer = api(name)
            assert answer.get(FEEDS).json()["results"] == []
            assert answer.get(f"{FEEDS}{made['id']}/").status_code == 404
            assert answer.delete(f"{FEEDS}{made['id']}/").status_code == 404
        assert counted(cast)[0] == 1
        assert api("john").get(f"{FEEDS}{made['id']}/").status_code == 200

    @pytest.mark.parametrize(
        ("name", "body", "field"),
        [
            ("john", {}, "scope"), ("john", {"scope": "all"}, "scope"),
            ("john", {"scope": "specialist"}, "scope"), ("nina", {"scope": "family"}, "scope"),
            ("john", {"scope": "patient"}, "patient"),
            ("john", {"scope": "patient", "patient": str(nobody_id())}, "patient"),
            ("john", {"scope": "family", "digest": "x"}, "digest"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_named(self, api, cast, name, body, field):
        assert wrong_fields(api(name).post(FEEDS, body)) == {field}
        assert counted(cast)[0] == 0


class TestBusy:
    def body(self, cast, **more) -> dict:
        return {"specialist": str(cast.specialists["sarah"].pk), "name": "Hospital"} | more

    def test_an_address_is_added_read_again_and_removed(self, api, cast, web):
        fred = api("fred")
        made = fred.post(BUSY, self.body(cast, url=ADDRESS))
        assert made.status_code == 201, made.content
        assert made.json()["is_read_again"] is True and made.json()["failure"] == ""
        assert "private-key" not in made.content.decode()
        one = f"{BUSY}{made.json()['id']}/"
        assert fred.post(f"{one}refresh/").status_code == 200 and web == [ADDRESS, ADDRESS]
        [listed] = fred.get(BUSY, specialist=cast.specialists["sarah"].pk).json()["results"]
        assert listed["id"] == made.json()["id"]
        assert fred.get(BUSY, specialist=cast.specialists["omar"].pk).json()["results"] == []
        assert fred.delete(one).status_code == 204 and counted(cast) == (0, 0, 0)

    def test_the_same_key_reads_once(self, api, cast, web):
        fred = api("fred")
        first, second = (
            fred.post(BUSY, self.body(cast, url=ADDRESS), Idempotency_Key="k") for _n in range(2)
        )
        assert first.json() == second.json() and web == [ADDRESS]

    def test_a_file_is_added(self, api, cast, client):
        token = cast.token("sarah")
        file = SimpleUploadedFile("mine.ics", ics(*MORNING), content_type="text/calendar")
        made = client.post(
            f"/api/v1/{BUSY}", self.body(cast, file=file), HTTP_AUTHORIZATION=f"Bearer {token}"
        )
        assert made.status_code == 201, made.content
        assert made.json()["is_read_again"] is False
        assert counted(cast) == (0, 1, 1)
        again = api("sarah").post(f"{BUSY}{made.json()['id']}/refresh/")
        assert again.status_code == 409

    def test_a_file_that_is_too_large_is_not_read(self, cast, client):
        file = SimpleUploadedFile("mine.ics", b"x" * (6 * 1024 * 1024))
        answer = client.post(
            f"/api/v1/{BUSY}", self.body(cast, file=file),
            HTTP_AUTHORIZATION=f"Bearer {cast.token('sarah')}",
        )  # fmt: skip
        assert answer.status_code == 413 and counted(cast) == (0, 0, 0)

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({}, "url"), ({"url": "http://127.0.0.1/x.ics"}, "url"), ({"url": 5}, "url"),
            ({"url": "https://calendar.example/" + "a" * 3000}, "url"), ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"), ({"specialist": str(nobody_id())}, "specialist"),
            ({"failure": "private"}, "failure"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_named(self, api, cast, more, field):
        assert field in wrong_fields(api("fred").post(BUSY, self.body(cast, **more)))
        assert counted(cast) == (0, 0, 0)

    def test_who_sets_no_hours_has_no_calendars(self, api, cast, web):
        made = api("sarah").post(BUSY, self.body(cast, url=ADDRESS)).json()
        one = f"{BUSY}{made['id']}/"
        for name in ("nina", "john", "aud"):
            answer = api(name)
            assert answer.get(BUSY).status_code == 403
            assert answer.post(BUSY, self.body(cast, url=ADDRESS)).status_code == 403
            assert answer.delete(one).status_code == 403
        for name in ("omar", "rita"):
            answer = api(name)
            assert answer.get(BUSY).json()["results"] == []
            for response in (answer.get(one), answer.delete(one), answer.post(f"{one}refresh/")):
                assert response.status_code == 404
            assert answer.post(BUSY, self.body(cast, url=ADDRESS)).status_code in {400, 403}
        assert counted(cast) == (0, 1, 1) and len(web) == 1
