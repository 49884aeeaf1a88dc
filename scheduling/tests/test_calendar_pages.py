"""The pages on which calendars are opened, connected and ended."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from clinic.security import tenancy
from scheduling.ics import fetching
from scheduling.ics.fetching import Fetched
from scheduling.models import BusyCalendar, BusyTime, CalendarFeed
from scheduling.tests.hours import at, open_hours, visit
from scheduling.tests.test_busy import ADDRESS, MORNING, ics

PORTAL, ADMIN = "/portal/calendars/", "/admin/calendars/"
SHOWN = re.compile(r"/calendars/[\w-]{43}\.ics")


def path_in(answer) -> str:
    found = set(SHOWN.findall(answer.content.decode()))
    assert len(found) == 1
    return found.pop()


def feeds(cast) -> list[CalendarFeed]:
    with tenancy.system(cast.harbor):
        return list(CalendarFeed.objects.open())


def calendars(cast) -> list[BusyCalendar]:
    with tenancy.system(cast.harbor):
        return list(BusyCalendar.objects.all())


class TestInThePortal:
    def test_an_address_is_shown_once_and_works(self, browse, client, cast):
        visit(cast, open_hours(cast), cast.jimmy, at(10))
        john = browse("john")
        page = john.get(PORTAL)
        assert b"Visits of Jimmy Doe" in page.content and b"The whole family" in page.content
        opened = john.post(PORTAL, {"shows": "family"})
        path = path_in(opened)
        assert b'href="webcal://' in opened.content
        assert b"Jimmy: visit at" in client.get(path).content
        again = john.get(PORTAL)
        assert not SHOWN.search(again.content.decode()) and b"Last read on" in again.content

    def test_ending_it_is_asked_first(self, browse, client, cast):
        john = browse("john")
        path = path_in(john.post(PORTAL, {"shows": str(cast.mr_doe.pk)}))
        [feed] = feeds(cast)
        assert (feed.scope, feed.patient_id) == ("patient", cast.mr_doe.pk)
        end = f"{PORTAL}{feed.pk}/end/"
        assert b"End this calendar address?" in john.get(end).content
        assert client.get(path).status_code == 200
        assert john.post(end)["Location"] == PORTAL
        assert client.get(path).status_code == 404 and feeds(cast) == []
        assert john.post(end).status_code == 404

    def test_nobody_chooses_or_ends_what_is_not_hers(self, browse, cast):
        browse("john").post(PORTAL, {"shows": "family"})
        [feed] = feeds(cast)
        for name in ("jane", "ana"):
            other = browse(name)
            assert other.get(f"{PORTAL}{feed.pk}/end/").status_code == 404
            assert other.post(f"{PORTAL}{feed.pk}/end/").status_code == 404
        for shows in ("", "all", str(cast.mrs_doe.pk), str(cast.dona_ana.pk)):
            answer = browse("john").post(PORTAL, {"shows": shows})
            assert answer.status_code == 400 and not SHOWN.search(answer.content.decode())
        assert feeds(cast) == [feed]

    def test_who_sees_one_patient_is_not_offered_a_family(self, browse, cast):
        page = browse("jane").get(PORTAL).content
        assert b"My own visits" in page and b"The whole family" not in page
        assert browse("jane").post(PORTAL, {"shows": "family"}).status_code == 400
        assert feeds(cast) == []


class TestInTheAdmin:
    @pytest.fixture
    def web(self, monkeypatch) -> list[Fetched | Exception]:
        """What addresses answer, the next first."""
        answers: list[Fetched | Exception] = [Fetched(ics(*MORNING), '"1"')]

        def fetch(url, *, validator=""):
            answer = answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(fetching, "fetch", fetch)
        return answers

    def form(self, cast, **what) -> dict:
        return {"add": "1", "specialist": str(cast.specialists["sarah"].pk), "name": "H"} | what

    def test_a_specialist_opens_and_ends_her_own_address(self, browse, client, cast):
        visit(cast, open_hours(cast), cast.mr_doe, at(10))
        sarah = browse("sarah")
        path = path_in(sarah.post(ADMIN, {"open": "1"}))
        assert b"SUMMARY:Visit\r\n" in client.get(path).content
        [feed] = feeds(cast)
        assert not SHOWN.search(sarah.get(ADMIN).content.decode())
        assert b"End this calendar address?" in sarah.get(f"{ADMIN}{feed.pk}/end/").content
        assert browse("alma").post(f"{ADMIN}{feed.pk}/end/").status_code == 404
        assert sarah.post(f"{ADMIN}{feed.pk}/end/").status_code == 302
        assert client.get(path).status_code == 404

    def test_a_nurse_has_neither(self, browse, cast, web):
        nina = browse("nina")
        page = nina.get(ADMIN).content
        assert b"You are not booked here" in page and b"Add calendar" not in page
        assert nina.post(ADMIN, {"open": "1"}).status_code == 302
        assert nina.post(ADMIN, self.form(cast, url=ADDRESS)).status_code == 403
        assert feeds(cast) == [] and calendars(cast) == []

    def test_the_desk_connects_reads_again_and_removes(self, browse, cast, web):
        fred = browse("fred")
        assert fred.post(ADMIN, self.form(cast, url=ADDRESS)).status_code == 302
        [row] = calendars(cast)
        page = fred.get(ADMIN).content.decode()
        assert "private-key" not in page and row.name in page
        web[0] = fetching.Unreachable()
        answer = fred.post(ADMIN, {"read": str(row.pk)}, follow=True)
        assert b"The address could not be reached" in answer.content
        web[0] = Fetched(ics(*MORNING), '"2"')
        answer = fred.post(ADMIN, {"read": str(row.pk)}, follow=True)
        assert b"could not be reached" not in answer.content
        remove = f"{ADMIN}{row.pk}/remove/"
        assert b"Remove this calendar?" in fred.get(remove).content
        for name in ("omar", "rita"):
            assert browse(name).post(remove).status_code == 404
            assert browse(name).post(ADMIN, {"read": str(row.pk)}).status_code == 404
        assert calendars(cast) == [row]
        assert fred.post(remove).status_code == 302 and calendars(cast) == []

    def test_a_file_is_read(self, browse, cast):
        file = SimpleUploadedFile("mine.ics", ics(*MORNING))
        assert browse("sarah").post(ADMIN, self.form(cast, file=file)).status_code == 302
        with tenancy.system(cast.harbor):
            assert BusyTime.objects.count() == 1

    def test_what_is_refused_stands_beside_its_field(self, browse, cast, web):
        web[0] = fetching.PrivateAddress()
        for what in (
            {"url": "http://10.0.0.1/c.ics"}, {}, {"url": ADDRESS, "name": ""},
            {"specialist": str(cast.specialists["lucia"].pk), "url": ADDRESS},
            {"file": SimpleUploadedFile("x.ics", b"")},
            {"file": SimpleUploadedFile("x.ics", b"<html>")},
        ):  # fmt: skip
            answer = browse("fred").post(ADMIN, self.form(cast, **what))
            assert answer.status_code == 400 and b"cr-error" in answer.content
        assert calendars(cast) == []
