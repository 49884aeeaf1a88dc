"""Moving on the calendar, check-in, the waiting list, hours one by one, holidays and leave: what
each press does, and who may not."""

import re
from datetime import date, time, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.security import tenancy
from clinic.tests.refusals import refused
from scheduling import booking, closures, hours, refusals, waiting
from scheduling.models import (
    Appointment,
    AvailabilityBlock,
    Hold,
    Holiday,
    Leave,
    Room,
    WaitlistEntry,
    WaitlistOffer,
)
from scheduling.tests.hours import at, open_hours, today, visit

# Who sees the calendar and books nothing; who sees none of it; who is of another clinic.
KEPT_OUT = {"phil": 403, "aud": 403, "lucia": 404, "john": 403}


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def move_to(row) -> str:
    return reverse("admin:move", args=[row.pk])


def dropped(row, start, **more) -> dict:
    """What the calendar sends when a visit is dropped onto a time."""
    return {
        "day": start.date().isoformat(), "time": start.strftime("%H:%M"), "version": row.version,
        "back": f"{start.date().isoformat()},1,specialist,", **more,
    }  # fmt: skip


class TestMoving:
    def test_a_visit_that_is_dropped_is_moved_and_moved_back(self, browse, cast, kind):
        row = visit(cast, kind, cast.mr_doe, at(9))
        omar = cast.specialists["omar"]
        browser = browse("fred")
        answer = browser.post(move_to(row), dropped(row, at(10), specialist=omar.pk))
        assert answer.status_code == 302 and answer["Location"].startswith("/admin/day/?")
        page = browser.get(answer["Location"])
        with cast.acting("fred"):
            row.refresh_from_db()
            assert (row.start_datetime, row.specialist) == (at(10), omar)
        form = page.content.decode().split(f'action="{move_to(row)}"')[1].split("</form>")[0]
        back = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert (back["time"], back["version"]) == ("09:00", str(row.version))
        assert browser.post(move_to(row), back).status_code == 302
        with cast.acting("fred"):
            row.refresh_from_db()
            assert (row.start_datetime, row.specialist) == (at(9), cast.specialists["sarah"])

    def test_what_was_changed_since_is_not_offered_to_be_undone(self, browse, cast, kind):
        row = visit(cast, kind, cast.mr_doe, at(9))
        browser = browse("fred")
        where = browser.post(move_to(row), dropped(row, at(10)))["Location"]
        with cast.acting("fred"):
            row.refresh_from_db()
            booking.reschedule(appointment=row, start=at(11), by=cast.fred)
        assert browser.get(where).context["undo"] is None
        token = parse_qs(urlsplit(where).query)["undo"][0]
        forged = f"/admin/day/?day={at(10).date()}&undo={token[:-2]}xx"
        assert browser.get(forged).context["undo"] is None

    @pytest.mark.parametrize(
        ("start", "told"), [(at(10), "just been taken"), (at(15), "does not receive")]
    )
    def test_where_it_cannot_be_it_stays_and_the_calendar_says_why(
        self, browse, cast, kind, start, told
    ):
        row = visit(cast, kind, cast.mr_doe, at(9))
        visit(cast, kind, cast.mrs_doe, at(10))
        browser = browse("fred")
        page = browser.post(move_to(row), dropped(row, start), follow=True)
        assert told in page.content.decode()
        with cast.acting("fred"):
            assert Appointment.objects.get(pk=row.pk).start_datetime == at(9)

    def test_typed_it_says_so_on_the_field(self, browse, cast, kind):
        row = visit(cast, kind, cast.mr_doe, at(9))
        said = dropped(row, at(15)) | {"back": ""}
        answer = browse("fred").post(move_to(row), said)
        assert answer.status_code == 400 and "does not receive" in answer.content.decode()
        gone = dropped(row, at(9)) | {"back": "", "day": "2027-03-14", "time": "02:30"}
        answer = browse("fred").post(move_to(row), gone)
        assert "time" in answer.context["form"].errors
        twice = gone | {"day": "2027-11-07", "time": "01:30"}
        answer = browse("fred").post(move_to(row), twice)
        assert "which" in answer.context["form"].errors and answer.context["form"].asks_which
        with cast.acting("fred"):
            assert Appointment.objects.get().start_datetime == at(9)

    def test_into_a_room(self, browse, cast, kind):
        row = visit(cast, kind, cast.mr_doe, at(9))
        with tenancy.system(cast.harbor):
            room = Room.objects.create(facility=cast.harbor, name="Room 1")
        browse("fred").post(move_to(row), dropped(row, at(10), room=room.pk))
        with cast.acting("fred"):
            row.refresh_from_db()
            assert (row.room, row.specialist) == (room, cast.specialists["sarah"])

    @pytest.mark.parametrize("name", KEPT_OUT)
    def test_nobody_else_moves_it(self, browse, cast, kind, name):
        row = visit(cast, kind, cast.mr_doe, at(9), reason="plantedreason")
        answer = browse(name).post(move_to(row), dropped(row, at(10)))
        assert answer.status_code in {KEPT_OUT[name], 302, 404}
        assert b"plantedreason" not in answer.content and b"Doe" not in answer.content
        with cast.acting("alma"):
            assert Appointment.objects.get().start_datetime == at(9)


class TestCheckIn:
    def press(self, browser, row, says="arrived"):
        said = {"visit": row.pk, "version": row.version, "says": says}
        return browser.post(reverse("admin:arrivals"), said)

    def test_one_press_says_that_she_is_there_and_another_takes_it_back(self, browse, cast, kind):
        row = visit(cast, kind, cast.mr_doe, at(9))
        browser = browse("fred")
        assert self.press(browser, row).status_code == 302
        with cast.acting("fred"):
            row.refresh_from_db()
            assert row.arrived_at and row.status == "Confirmed"
        assert self.press(browser, row, "not_arrived").status_code == 302
        with cast.acting("fred"):
            row.refresh_from_db()
            assert row.arrived_at is None

    def test_who_is_expected_there_and_late(self, browse, cast, kind):
        now = timezone.now().replace(second=0, microsecond=0)
        there = visit(
            cast, kind, cast.mr_doe, now - timedelta(minutes=20),
            arrived_at=now - timedelta(minutes=25),
        )  # fmt: skip
        late = visit(cast, kind, cast.mrs_doe, now - timedelta(minutes=10), is_overbooked=True,
                     overbooking_reason="Both")  # fmt: skip
        page = browse("fred").get(
            reverse("admin:arrivals"), {"day": timezone.localdate(now, cast.harbor.zone)}
        )
        rows = {one.visit.pk: one for one, _state in page.context["rows"]}
        if there.pk in rows and late.pk in rows:  # both lie on one day of the clinic
            assert rows[there.pk].waiting_minutes in {25, 26} and rows[there.pk].late is None
            assert rows[late.pk].late_minutes in {10, 11} and rows[late.pk].waiting is None
            assert (page.context["expected"], page.context["waiting"]) == (1, 1)

    def test_what_is_not_said_is_not_taken_back(self, cast, kind):
        row = visit(cast, kind, cast.mr_doe, at(9))
        done = visit(cast, kind, cast.mrs_doe, at(9, days=-1), status="Completed")
        with cast.acting("fred"):
            for one in (row, done):
                with refused(refusals.WrongStatus):
                    booking.not_arrived(appointment=one, by=cast.fred)

    @pytest.mark.parametrize("name", KEPT_OUT)
    def test_nobody_else_presses(self, browse, cast, kind, name):
        row = visit(cast, kind, cast.mr_doe, at(9))
        answer = self.press(browse(name), row)
        assert answer.status_code in {KEPT_OUT[name], 302, 404} and b"Doe" not in answer.content
        with cast.acting("alma"):
            assert Appointment.objects.get().arrived_at is None


class TestWaitingList:
    @pytest.fixture
    def entry(self, cast, kind) -> WaitlistEntry:
        with cast.acting("fred"):
            return waiting.join(patient=cast.mr_doe, appointment_type=kind, by=cast.fred)

    @pytest.fixture
    def offer(self, cast, entry) -> WaitlistOffer:
        with tenancy.system(cast.harbor):
            (offered,) = waiting.advance()
        return offered

    def press(self, browser, **said):
        return browser.post(reverse("admin:waiting"), said)

    def test_a_patient_is_added(self, browse, cast, kind):
        browser, page = browse("fred"), reverse("admin:waiting_join")
        assert [p.pk for p in browser.get(page, {"q": "john"}).context["matches"]] == [
            cast.mr_doe.pk
        ]
        said = {
            "appointment_type": kind.pk, "specialists": [cast.specialists["omar"].pk],
            "days": ["1", "3"], "from_time": "09:00", "until_time": "11",
            "first_day": today().isoformat(), "last_day": (today() + timedelta(days=9)).isoformat(),
        }  # fmt: skip
        asked = f"{page}?patient={cast.mr_doe.pk}"
        assert "days" in browser.post(asked, said | {"days": []}).context["form"].errors
        assert browser.post(asked, said).status_code == 302
        with cast.acting("fred"):
            (row,) = waiting.entries(cast.fred)
            assert (row.days, row.until_time) == ([1, 3], time(11))
            assert list(row.specialists.all()) == [cast.specialists["omar"]]
        again = browser.post(asked, said)
        assert again.status_code == 400 and "waits for this kind" in again.content.decode()
        assert "John Doe" in browser.get(reverse("admin:waiting")).content.decode()

    def test_what_is_offered_is_accepted_by_phone(self, browse, cast, offer):
        browser = browse("fred")
        page = browser.get(reverse("admin:waiting"))
        assert page.context["offered"] == 1
        answer = self.press(browser, accept=offer.pk)
        with cast.acting("fred"):
            booked = Appointment.objects.get()
            assert booked.start_datetime == offer.start_datetime
            assert not waiting.entries(cast.fred).waiting() and not Hold.objects.exists()
        assert answer["Location"] == reverse("admin:visit", args=[booked.pk])
        again = self.press(browser, accept=offer.pk)
        assert again.status_code == 400 and "no longer kept" in again.content.decode()

    def test_or_left_to_the_next_or_waited_for_no_longer(self, browse, cast, entry, offer):
        browser = browse("fred")
        self.press(browser, decline=offer.pk)
        with cast.acting("fred"):
            assert not Hold.objects.exists() and waiting.entries(cast.fred).waiting().exists()
        self.press(browser, withdraw=entry.pk)
        with cast.acting("fred"):
            assert not waiting.entries(cast.fred).waiting().exists()
        assert self.press(browser, withdraw="nonsense").status_code == 404

    @pytest.mark.parametrize("name", KEPT_OUT)
    def test_nobody_else_presses(self, browse, cast, entry, offer, name):
        for said in ({"accept": offer.pk}, {"decline": offer.pk}, {"withdraw": entry.pk}):
            answer = self.press(browse(name), **said)
            assert answer.status_code in {KEPT_OUT[name], 302, 404}
            assert b"Doe" not in answer.content
        with cast.acting("alma"):
            assert WaitlistEntry.objects.get().status == "waiting"
            assert WaitlistOffer.objects.get().status == "open"
            assert not Appointment.objects.exists()


class TestHoursOneByOne:
    def block(self, cast, day=1) -> AvailabilityBlock:
        with cast.acting("fred"):
            return hours.blocks().get(specialist=cast.specialists["sarah"], day_of_week=day)

    def page_of(self, cast, block) -> str:
        return reverse("admin:block", args=[cast.specialists["sarah"].pk, block.pk])

    def said(self, browser, page, **more) -> dict:
        form = browser.get(page).context["form"]
        values = {name: form[name].value() for name in form.fields}
        for name in ("start_time", "end_time"):
            values[name] = values[name].strftime("%H:%M")
        return {name: value for name, value in values.items() if value is not None} | more

    def next_monday(self) -> date:
        return today() + timedelta(days=7 - today().weekday())

    def test_one_date_differs_and_the_others_stay(self, browse, cast, kind):
        block, browser, on = self.block(cast), browse("fred"), self.next_monday()
        page = self.page_of(cast, block)
        said = self.said(browser, page, start_time="10:00", scope="this", on=on.isoformat())
        assert browser.post(page, said).status_code == 302
        with cast.acting("fred"):
            rows = hours.blocks().filter(specialist=cast.specialists["sarah"])
            assert rows.get(exception_date=on).start_time == time(10)
            assert rows.get(pk=block.pk).start_time == time(9)

    def test_this_and_all_that_follow_are_changed_and_taken_back(self, browse, cast, kind):
        block, browser, on = self.block(cast), browse("fred"), self.next_monday()
        page = self.page_of(cast, block)
        said = self.said(browser, page, end_time="11:00", scope="following", on=on.isoformat())
        assert browser.post(page, said).status_code == 302
        with cast.acting("fred"):
            rows = hours.blocks().filter(specialist=cast.specialists["sarah"], day_of_week=1)
            ends = {one.valid_until: one.end_time for one in rows}
            assert ends == {on - timedelta(days=1): time(12), None: time(11)}
            (later,) = rows.filter(valid_from=on)
        page = self.page_of(cast, later)
        browser.post(page, self.said(browser, page, scope="all", remove="1"))
        with cast.acting("fred"):
            assert not hours.blocks().filter(pk=later.pk).exists()

    def test_a_date_on_which_they_do_not_hold_is_refused(self, browse, cast, kind):
        block, browser = self.block(cast), browse("fred")
        page, tuesday = self.page_of(cast, block), self.next_monday() + timedelta(days=1)
        said = self.said(browser, page, scope="this", on=tuesday.isoformat(), end_time="11")
        answer = browser.post(page, said)
        assert answer.status_code == 400 and "on" in answer.context["form"].errors
        assert self.block(cast).end_time == time(12)

    def test_new_ones_do_not_overlap(self, browse, cast, kind):
        page = reverse("admin:block_new", args=[cast.specialists["sarah"].pk])
        said = {"day_of_week": "1", "start_time": "11", "end_time": "13", "buffer_minutes": "0"}
        browser = browse("fred")
        assert "start_time" in browser.post(page, said).context["form"].errors
        assert browser.post(page, said | {"start_time": "14", "end_time": "16"}).status_code == 302
        with cast.acting("fred"):
            mine = hours.blocks().filter(specialist=cast.specialists["sarah"], day_of_week=1)
            assert mine.count() == 2

    def test_a_date_whose_clock_changes_names_the_field(self, browse, cast, kind):
        page = reverse("admin:hours", args=[cast.specialists["sarah"].pk])
        said = {"add_date": "1", "exception_date": "2027-03-14", "start_time": "02:30",
                "end_time": "12:00"}  # fmt: skip
        answer = browse("fred").post(page, said)
        assert "start_time" in answer.context["date_form"].errors
        twice = said | {"exception_date": "2027-11-07", "start_time": "01:30"}
        answer = browse("fred").post(page, twice)
        assert "start_fold" in answer.context["date_form"].errors
        assert browse("fred").post(page, twice | {"start_fold": "1"}).status_code == 302
        with cast.acting("fred"):
            assert hours.blocks().get(exception_date=date(2027, 11, 7)).start_fold == 1

    @pytest.mark.parametrize("name", ["omar", "nina", "aud", "lucia"])
    def test_nobody_else_sets_them(self, browse, cast, kind, name):
        block = self.block(cast)
        answer = browse(name).post(self.page_of(cast, block), {"remove": "1", "scope": "all"})
        assert answer.status_code in {403, 404}
        assert self.block(cast).version == block.version


class TestClosures:
    address = "/admin/closures/"

    def test_a_holiday_and_a_leave_are_set_and_taken_back(self, browse, cast, kind):
        row = visit(cast, kind, cast.mr_doe, at(9, days=3))
        browser, on = browse("fred"), (today() + timedelta(days=3)).isoformat()
        assert (
            browser.post(self.address, {"add_holiday": "1", "date": on, "name": "Fair"}).status_code
            == 302
        )
        assert [one.pk for one in browser.get(self.address).context["touched"]] == [row.pk]
        again = browser.post(self.address, {"add_holiday": "1", "date": on, "name": "Fair"})
        assert "date" in again.context["holiday_form"].errors
        leave = {"add_leave": "1", "specialist": cast.specialists["omar"].pk, "first_day": on}
        assert (
            "last_day"
            in browser.post(self.address, leave | {"last_day": today().isoformat()})
            .context["leave_form"]
            .errors
        )
        assert browser.post(self.address, leave | {"last_day": on}).status_code == 302
        with cast.acting("fred"):
            holiday, away = closures.holidays().get(), closures.leaves().get()
        browser.post(self.address, {"drop_holiday": holiday.pk})
        browser.post(self.address, {"end_leave": away.pk})
        with cast.acting("fred"):
            assert not Holiday.objects.exists() and not Leave.objects.exists()

    def test_a_specialist_sets_her_own_leave_alone(self, browse, cast, kind):
        on = (today() + timedelta(days=3)).isoformat()
        browser = browse("omar")
        leave = {"add_leave": "1", "first_day": on, "last_day": on}
        other = browser.post(self.address, leave | {"specialist": cast.specialists["sarah"].pk})
        assert other.status_code == 400
        own = browser.post(self.address, leave | {"specialist": cast.specialists["omar"].pk})
        assert own.status_code == 302
        assert (
            browser.post(self.address, {"add_holiday": "1", "date": on, "name": "Mine"}).status_code
            == 403
        )
        with cast.acting("fred"):
            assert Leave.objects.get().specialist == cast.specialists["omar"]
            assert not Holiday.objects.exists()

    @pytest.mark.parametrize("name", ["nina", "aud", "lucia"])
    def test_nobody_else_takes_back(self, browse, cast, kind, name):
        with cast.acting("fred"):
            kept = closures.keep_holiday(on=today() + timedelta(days=3), name="Fair", by=cast.fred)
        answer = browse(name).post(self.address, {"drop_holiday": kept.pk})
        assert answer.status_code in {403, 404}
        with cast.acting("fred"):
            assert Holiday.objects.get() == kept
