"""Medicines in the portal: doses, reminders and journeys by plain forms; nobody else's."""

from contextlib import contextmanager
from datetime import time, timedelta

import pytest

from clinic.models import User
from clinic.security import tenancy
from clinic.tests.browsing import SIGN_IN
from clinic.tests.people import nobody_id
from scheduling.models import MedicationReminder, PatientZone
from scheduling.tests.medicines import HOUR, MORNING, at, count, dose, doses, medicine, remind, see
from scheduling.tests.test_medicines import sees

__all__ = ["sees"]

PAGE = "/portal/medicines/"


@pytest.fixture
def browser(browse):
    """John's, who signs in anew whenever it is said to be another hour."""
    return browse("john")


def post(browser, address, when=MORNING + HOUR, **said):
    with signed_in(browser, when):
        return browser.post(f"{PAGE}{address}", said, follow=True)


def get(browser, address="", when=MORNING + HOUR):
    with signed_in(browser, when):
        return browser.get(f"{PAGE}{address}")


@contextmanager
def signed_in(browser, when):
    user = User.objects.get(pk=browser.session["_auth_user_id"])
    with at(when):
        browser.force_login(user, backend=SIGN_IN)
        yield


class TestToday:
    def test_what_is_due_and_what_is_to_come(self, browser, cast):
        remind(cast, amount="1 tablet")
        see(cast, MORNING + HOUR)
        answer = get(browser)
        assert [one.status for one in answer.context["doses"]] == ["due", "coming"]
        assert [one.can_answer for one in answer.context["doses"]] == [True, False]
        assert b"Metformin" in answer.content and b"1 tablet" in answer.content

    def test_taken_and_taken_back(self, browser, cast):
        remind(cast)
        see(cast, MORNING + HOUR)
        address = f"doses/{dose(cast).pk}/"
        assert b"Noted as taken" in post(browser, address, say="take").content
        assert doses(cast) == [("23 08:00", "taken")]
        assert b"Taken back" in post(browser, address, say="undo").content
        assert doses(cast) == [("23 08:00", "due")]
        assert b"again in 30 minutes" in post(browser, address, say="later").content
        assert doses(cast) == [("23 08:00", "snoozed")]
        assert b"Noted as skipped" in post(browser, address, say="skip").content
        assert b"has been answered" in post(browser, address, say="take").content
        assert doses(cast) == [("23 08:00", "skipped")]
        assert post(browser, address, say="eat").status_code == 404

    def test_before_its_time(self, browser, cast):
        row = remind(cast)
        [first, _evening] = get(browser, when=MORNING).context["doses"]
        assert first.can_answer
        address = f"reminders/{row.pk}/dose/"
        for wrong in ("", "now", "2026-11-23T08:00:00", "2026-99-99T08:00:00+00:00"):
            assert post(browser, address, MORNING, due_at=wrong, say="take").status_code == 404
        post(browser, address, MORNING, due_at=first.due_at.isoformat(), say="take")
        assert doses(cast) == [("23 08:00", "taken")]

    def test_as_needed(self, browser, cast):
        row = remind(cast, pattern="as_needed")
        post(browser, f"reminders/{row.pk}/dose/", say="take")
        assert doses(cast) == [("-", "taken")]
        page = get(browser)
        assert b"Metformin taken" in page.content and b"Undo" in page.content

    def test_nothing_at_all(self, browser, cast):
        answer = get(browser)
        assert b"Nothing to take today" in answer.content and b"No reminders yet" in answer.content

    def test_times_are_those_of_where_she_is(self, browser, cast):
        remind(cast)
        post(browser, "travel/", zone="Europe/Lisbon")
        page = get(browser, when=MORNING + 4 * HOUR)
        assert b"Europe/Lisbon" in page.content
        assert b"20:00" in page.content, "eight in the evening there"

    def test_the_days_are_told_in_words(self, browser, cast):
        remind(cast)
        see(cast, MORNING + HOUR)
        post(browser, f"doses/{dose(cast).pk}/", say="take")
        see(cast, MORNING + 20 * HOUR)
        page = get(browser, when=MORNING + 30 * HOUR).content.decode()
        assert "<strong>1 of 2</strong>" in page and "some taken" in page


class TestReminding:
    SAID = {"pattern": "times", "times": "8:00, 20:00", "days": [1, 2, 3], "amount": "1 tablet"}

    def test_set_changed_and_stopped(self, browser, cast):
        pills = medicine(cast)
        assert get(browser, f"{pills.pk}/remind/").status_code == 200
        answer = post(browser, f"{pills.pk}/remind/", **self.SAID)
        assert b"The reminder is set" in answer.content and b"Mon, Tue, Wed" in answer.content
        with tenancy.system(cast.harbor):
            row = MedicationReminder.objects.get()
        assert (row.times, row.days, row.sends_messages) == ([time(8), time(20)], [1, 2, 3], False)
        shown = get(browser, f"reminders/{row.pk}/")
        assert b"08:00, 20:00" in shown.content
        answer = post(browser, f"reminders/{row.pk}/", pattern="hours", every_hours="6")
        assert b"Every 6 hours" in answer.content
        with tenancy.system(cast.harbor):
            new = MedicationReminder.objects.get(ends_at=None)
        assert b"Stop this reminder?" in get(browser, f"reminders/{new.pk}/stop/").content
        assert b"has stopped" in post(browser, f"reminders/{new.pk}/stop/").content
        with tenancy.system(cast.harbor):
            assert not MedicationReminder.objects.filter(ends_at=None).exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"times": "8 o'clock"}, {"times": "25:00"}, {"times": ""}, {"days": []},
            {"days": ["9"]}, {"last_day": "2020-01-01"}, {"pattern": "rule"},
            {"pattern": "hours"}, {"pattern": "hours", "every_hours": "500"},
        ],
    )  # fmt: skip
    def test_what_cannot_be_comes_back_with_the_form(self, browser, cast, wrong):
        pills = medicine(cast)
        answer = post(browser, f"{pills.pk}/remind/", **self.SAID | wrong)
        assert answer.status_code == 400 and b"There is a problem" in answer.content
        assert count(cast) == (0, 0)

    def test_the_first_dose_is_the_next_time_that_the_clock_shows_it(self, browser, cast):
        pills = medicine(cast)
        said = {"pattern": "hours", "every_hours": "8", "first_dose": "6:30"}
        post(browser, f"{pills.pk}/remind/", **said)
        with tenancy.system(cast.harbor):
            row = MedicationReminder.objects.get()
        assert row.begins_at == MORNING + timedelta(hours=23.5)

    def test_an_unknown_zone(self, browser, cast):
        answer = post(browser, "travel/", zone="Mars/Olympus")
        assert answer.status_code == 400
        with tenancy.system(cast.harbor):
            assert not PatientZone.objects.exists()


class TestOthers:
    def test_a_relative_who_sees_finds_no_button(self, browse, cast, sees):
        row = remind(cast)
        see(cast, MORNING + HOUR)
        browser = browse("jane")
        post_to = [
            (f"doses/{dose(cast).pk}/", {"say": "take"}),
            (f"reminders/{row.pk}/dose/", {"say": "take", "due_at": MORNING.isoformat()}),
            (f"reminders/{row.pk}/stop/", {}),
            (f"{row.medication_id}/remind/", TestReminding.SAID),
            ("travel/", {"zone": "Asia/Tokyo"}),
        ]
        with signed_in(browser, MORNING + HOUR):
            browser.post(f"/portal/person/{cast.mr_doe.pk}/")
        page = get(browser)
        assert b"Metformin" in page.content
        assert b'name="say"' not in page.content and b"I am travelling" not in page.content
        for address, said in post_to:
            assert post(browser, address, **said).status_code == 403, address
        assert doses(cast) == [("23 08:00", "due")] and count(cast) == (1, 1)

    @pytest.mark.parametrize("name", ["jane", "ana"])
    def test_strangers_find_nothing(self, browse, cast, name):
        row = remind(cast, amount="planted amount")
        see(cast, MORNING + HOUR)
        browser = browse(name)
        page = get(browser)
        assert b"Metformin" not in page.content and b"planted" not in page.content
        for address in (
            f"doses/{dose(cast).pk}/", f"reminders/{row.pk}/dose/", f"reminders/{row.pk}/stop/",
            f"reminders/{row.pk}/", f"{row.medication_id}/remind/", f"doses/{nobody_id()}/",
        ):  # fmt: skip
            answer = post(browser, address, say="take")
            assert answer.status_code == 404 and b"Metformin" not in answer.content
        assert doses(cast) == [("23 08:00", "due")]

    def test_a_childs_while_the_child_is_shown(self, browser, cast):
        row = remind(cast, medicine(cast, cast.jimmy))
        assert get(browser, f"reminders/{row.pk}/").status_code == 404
        with signed_in(browser, MORNING + HOUR):
            browser.post(f"/portal/person/{cast.jimmy.pk}/")
        assert get(browser, f"reminders/{row.pk}/").status_code == 200

    def test_a_form_for_another_person_does_nothing(self, browser, cast):
        remind(cast)
        see(cast, MORNING + HOUR)
        post(browser, f"doses/{dose(cast).pk}/", say="take", **{"for": str(cast.jimmy.pk)})
        assert doses(cast) == [("23 08:00", "due")]
