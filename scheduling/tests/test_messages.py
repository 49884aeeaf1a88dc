"""Messages about visits: who is told what, when, by which way; and what it does not say."""

from datetime import date, datetime, time, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.utils import timezone

from clinic import facilities, preferences
from clinic.models import LogEntry
from clinic.security import tenancy
from patients import registration
from patients.models import FamilyMember, Patient
from scheduling import booking, series, waiting
from scheduling.messages import planning
from scheduling.models import (
    Appointment,
    Message,
    WaitlistOffer,
)
from scheduling.tests.hours import NEW_YORK, at, today, visit
from scheduling.tests.messaging import (
    change,
    letters,
    notices,
    reached_by,
    rows,
    told,
    work,
)

PLANTED = ("Check-up", "Family medicine", "Sarah", "Doe", "John", "plantedreason")


@pytest.fixture
def clinic(telling):
    return telling


def book(cast, patient=None, start=None, by="fred", **more) -> Appointment:
    with cast.acting(by):
        return booking.book(
            patient=patient or cast.mr_doe, specialist=cast.specialists["sarah"],
            appointment_type=cast.kind, start=start or at(9, days=7), by=cast.people[by], **more,
        )  # fmt: skip


def cancel(cast, row) -> None:
    with cast.acting("fred"):
        booking.change_status(appointment=row, to="Canceled", by=cast.fred)


def move(cast, row, start) -> None:
    with cast.acting("fred"):
        booking.reschedule(appointment=row, start=start, by=cast.fred)


class TestWhoIsTold:
    def test_the_patient_by_the_ways_that_she_allows(self, clinic):
        reached_by(clinic, "john", "portal", "email", "sms", "whatsapp")
        book(clinic)
        work(clinic)
        assert told(clinic) == {
            ("John", "booked", way, "sent") for way in ("portal", "email", "sms", "whatsapp")
        }
        assert [one["to"] for one in clinic.text.took] == ["+16175550178"]
        assert [one["to"] for one in clinic.whatsapp.took] == ["16175550178"]
        assert letters() == ["Your visit is booked – Harbor Family Clinic"]
        assert len(notices(clinic, "john")) == 1

    def test_nobody_who_wants_nothing(self, clinic):
        reached_by(clinic, "john")
        book(clinic)
        work(clinic)
        assert {row.status for row in rows(clinic)} == {"dropped"}
        assert letters() == [] and notices(clinic, "john") == []

    def test_a_minors_guardian_and_not_the_childs_own_file(self, clinic):
        with tenancy.system(clinic.harbor):
            Patient.objects.get(pk=clinic.jimmy.pk).save()
            clinic.jimmy.email = "child@example.org"
            clinic.jimmy.save()
        book(clinic, clinic.jimmy)
        work(clinic)
        assert told(clinic) == {("John", "booked", way, "sent") for way in ("portal", "email")}
        ((title, text, link),) = notices(clinic, "john")
        assert title == "Jimmy: A visit is booked" and link == "/portal/"
        assert "Jimmy" not in text
        assert [letter.to for letter in mail.outbox] == [["john@harbor.test"]]
        assert "Jimmy" not in mail.outbox[0].body

    def test_a_relative_who_acts_and_one_who_only_sees(self, clinic):
        from patients import consent, family

        with tenancy.system(clinic.harbor):
            jane = family.stand(
                patient=clinic.mr_doe, user=clinic.jane, level="limited",
                relationship=FamilyMember.Relationship.SPOUSE,
            )  # fmt: skip
        with clinic.acting("john", portal=True):
            consent.give(member=jane, categories=["appointments"], by=clinic.john)
        book(clinic)
        work(clinic)
        assert {who for who, *_ in told(clinic)} == {"John"}
        with tenancy.system(clinic.harbor):
            FamilyMember.objects.filter(pk=jane.pk).update(permission_level="full")
        row = book(clinic, start=at(10, days=7))
        work(clinic)
        assert {who for who, *_ in told(clinic, appointment=row)} == {"John", "Jane"}

    def test_a_patient_without_account_by_what_is_on_her_file(self, clinic):
        with tenancy.system(clinic.harbor):
            ada = registration.register(
                by=None, first_name="Ada", last_name="Planted", date_of_birth=date(1950, 1, 1),
                phone="617 555 0142", email="ada@example.org", channels=["email", "sms"],
                preferred_language="es",
            )  # fmt: skip
        book(clinic, ada)
        work(clinic)
        assert told(clinic) == {("", "booked", "email", "sent"), ("", "booked", "sms", "sent")}
        assert clinic.text.took[0]["to"] == "+16175550142"
        assert "/portal/" not in mail.outbox[0].body and "Planted" not in mail.outbox[0].body

    def test_that_nobody_could_be_told_is_seen(self, clinic):
        with tenancy.system(clinic.harbor):
            ada = registration.register(
                by=None, first_name="Ada", last_name="B", date_of_birth=date(1950, 1, 1)
            )
        book(clinic, ada)
        work(clinic)
        (row,) = rows(clinic)
        assert (row.status, row.failure) == ("dropped", "no_address")

    @pytest.mark.parametrize("change", [{"deceased_on": date(2026, 1, 1)}, {"is_active": False}])
    def test_nobody_of_a_patient_who_is_gone(self, clinic, change):
        book(clinic)
        with tenancy.system(clinic.harbor):
            Patient.objects.filter(pk=clinic.mr_doe.pk).update(**change)
        work(clinic)
        assert letters() == [] and notices(clinic, "john") == []

    def test_who_lost_what_was_granted_is_told_nothing_more(self, clinic):
        row = book(clinic)
        with tenancy.system(clinic.harbor):
            planning.plan()
            clinic.john.roles.update(is_active=False)
        work(clinic)
        assert {one.status for one in rows(clinic, appointment=row)} == {"dropped"}
        assert letters() == []


class TestWhatIsSaid:
    def said(self, cast) -> str:
        letter = mail.outbox[-1]
        (page, _kind) = letter.alternatives[0]
        files = [str(name) for name, *_ in letter.attachments]
        calendar = "".join(
            content if isinstance(content, str) else content.decode()
            for _name, content, _type in letter.attachments
        )
        texts = [one["body"] for one in cast.text.took]
        values = [" ".join(one["values"]) for one in cast.whatsapp.took]
        return "\n".join([letter.subject, letter.body, page, calendar, *files, *texts, *values])

    def test_when_and_whose_clinic_and_nothing_of_the_patient(self, clinic):
        reached_by(clinic, "john", "email", "sms", "whatsapp")
        book(clinic, reason="plantedreason")
        work(clinic)
        said = self.said(clinic)
        assert "Harbor Family Clinic: your visit is booked for" in said
        assert f"{at(9, days=7):%A}" in said and "09:00" in said
        for planted in PLANTED:
            assert planted not in said, planted

    def test_a_file_for_her_calendar_goes_with_the_letter(self, clinic):
        row = book(clinic)
        work(clinic)
        ((name, content, kind),) = mail.outbox[0].attachments
        assert name == "visit.ics" and kind.startswith("text/calendar")
        assert f"{row.pk}@" in (content if isinstance(content, str) else content.decode())

    def test_in_her_language(self, clinic):
        reached_by(clinic, "john", "sms", "whatsapp", preferred_language="pt-br")
        book(clinic)
        work(clinic)
        assert clinic.whatsapp.took[0]["template"]["language"]["code"] == "pt_BR"
        assert at(9, days=7).strftime("%d").lstrip("0") + " de " in clinic.text.took[0]["body"]

    def test_by_the_clinics_clock_and_by_hers_where_they_differ(self, clinic):
        reached_by(clinic, "john", "sms", timezone="Asia/Tokyo")
        book(clinic)
        work(clinic)
        text = clinic.text.took[0]["body"]
        there = at(9, days=7).astimezone(ZoneInfo("Asia/Tokyo"))
        assert "09:00 (New York)" in text and f"{there:%H:%M} (Tokyo)" in text

    def test_a_visit_that_is_not_confirmed_asks_for_an_answer(self, clinic):
        reached_by(clinic, "john", "sms", "whatsapp", "email")
        row = book(clinic)
        change(clinic, row, status="Pending")
        work(clinic)
        assert clinic.text.took[0]["body"].endswith("Reply 1 to confirm, or 2 if it does not suit.")
        assert clinic.whatsapp.took[0]["template"]["name"] == "visit_booked_confirm"
        assert "Reply 1" not in mail.outbox[0].body

    def test_one_message_for_a_series(self, clinic):
        reached_by(clinic, "john", "sms")
        with clinic.acting("fred"):
            booked = series.book(
                start=at(9, days=7), every_weeks=2, times=6, patient=clinic.mr_doe,
                specialist=clinic.specialists["sarah"], appointment_type=clinic.kind,
                by=clinic.fred,
            )  # fmt: skip
        work(clinic)
        (sent,) = clinic.text.took
        assert "It comes again 5 more times." in sent["body"]
        with clinic.acting("fred"):
            series.cancel_following(appointment=booked[2], by=clinic.fred)
        work(clinic)
        assert len(clinic.text.took) == 2
        assert "3 later visits of the series are canceled, too." in clinic.text.took[1]["body"]

    def test_templates_have_as_many_values_as_the_docs_say(self, clinic):
        reached_by(clinic, "john", "whatsapp")
        row = book(clinic)
        work(clinic)
        move(clinic, row, at(10, days=7))
        work(clinic)
        cancel(clinic, row)
        work(clinic)
        used = [(one["template"]["name"], len(one["values"])) for one in clinic.whatsapp.took]
        assert used == [("visit_booked", 2), ("visit_moved", 2), ("visit_canceled", 2)]


class TestWhatBecomesOfAVisit:
    def test_moved_and_canceled_are_told_each_once(self, clinic):
        reached_by(clinic, "john", "sms")
        row = book(clinic)
        work(clinic)
        move(clinic, row, at(10, days=7))
        work(clinic)
        cancel(clinic, row)
        work(clinic)
        work(clinic)
        kinds = [row.kind for row in rows(clinic) if row.status == "sent"]
        assert kinds == ["booked", "moved", "canceled"]
        assert "10:00" in clinic.text.took[1]["body"] and "canceled" in clinic.text.took[2]["body"]

    def test_what_nobody_was_told_of_yet_is_told_as_it_stands(self, clinic):
        reached_by(clinic, "john", "sms")
        row = book(clinic)
        move(clinic, row, at(10, days=7))
        gone = book(clinic, start=at(11, days=7))
        cancel(clinic, gone)
        work(clinic)
        (sent,) = clinic.text.took
        assert "booked" in sent["body"] and "10:00" in sent["body"]
        assert rows(clinic, appointment=gone) == []

    def test_what_moved_while_the_first_word_waited_was_booked(self, clinic):
        """Through quiet hours, say: who reads of a move only would not know from where. A visit
        that is canceled meanwhile is told, since its patient may have booked it."""
        reached_by(clinic, "john", "sms")
        row, gone = book(clinic), book(clinic, start=at(11, days=7))
        with tenancy.system(clinic.harbor):
            planning.plan()
        assert {one.status for one in rows(clinic, kind="booked")} == {"waiting"}
        move(clinic, row, at(10, days=9))
        cancel(clinic, gone)
        work(clinic)
        sent = [(one.appointment_id, one.kind) for one in rows(clinic) if one.status == "sent"]
        assert sorted(sent) == sorted([(row.pk, "booked"), (gone.pk, "canceled")])
        (text,) = (one["body"] for one in clinic.text.took if "booked" in one["body"])
        assert "10:00" in text

    def test_a_refused_booking_tells_nothing(self, clinic):
        book(clinic)
        work(clinic)
        before = len(rows(clinic))
        with pytest.raises(booking.SlotTaken):
            book(clinic, clinic.mrs_doe)
        work(clinic)
        assert len(rows(clinic)) == before

    def test_what_waits_of_the_old_time_is_dropped(self, clinic):
        row = book(clinic, start=at(9, days=2))
        with tenancy.system(clinic.harbor):
            planning.plan()
            planning.plan()
        waiting_ones = rows(clinic, appointment=row, kind="reminder")
        assert waiting_ones and {one.status for one in waiting_ones} == {"waiting"}
        move(clinic, row, at(10, days=9))
        with tenancy.system(clinic.harbor):
            planning.plan()
        old = [
            one for one in rows(clinic, kind="reminder") if one.pk in {w.pk for w in waiting_ones}
        ]
        assert {one.status for one in old} == {"dropped"}
        move(clinic, row, at(9, days=2))
        with tenancy.system(clinic.harbor):
            planning.plan()
            planning.plan()
        again = rows(clinic, appointment=row, kind="reminder")
        assert {one.pk for one in again} == {one.pk for one in waiting_ones}
        assert {one.status for one in again} == {"waiting"}

    def test_a_visit_that_moved_between_planning_and_sending(self, clinic):
        row = book(clinic)
        with tenancy.system(clinic.harbor):
            planning.plan()
        change(clinic, row, start_datetime=at(11, days=7), end_datetime=at(11, 30, days=7))
        work(clinic)
        assert {one.status for one in rows(clinic, appointment=row)} == {"dropped"}

    def test_a_free_time_is_offered_and_no_longer_once_it_is_answered(self, clinic):
        reached_by(clinic, "john", "sms")
        with clinic.acting("fred"):
            waiting.join(
                patient=clinic.mr_doe, appointment_type=clinic.kind, by=clinic.fred,
                first_day=today() + timedelta(days=3), last_day=today() + timedelta(days=3),
            )  # fmt: skip
        with tenancy.system(clinic.harbor):
            waiting.advance()
        (row,) = rows(clinic, kind="offered")
        assert row.status == "waiting"
        with tenancy.system(clinic.harbor):
            WaitlistOffer.objects.update(status="declined")
        work(clinic)
        assert {one.status for one in rows(clinic, kind="offered")} == {"dropped"}
        with tenancy.system(clinic.harbor):
            WaitlistOffer.objects.update(status="open")
            Message.objects.filter(pk=row.pk).update(status="waiting")
        work(clinic)
        assert "a time is free on" in clinic.text.took[0]["body"]


class TestReminders:
    def due(self, cast, **span) -> Appointment:
        """A visit so far away, of which nothing is told but reminders."""
        start = (timezone.now() + timedelta(**span)).replace(microsecond=0)
        row = visit(cast, cast.kind, cast.mr_doe, start)
        hours = cast.harbor.reminder_hours
        # as it was noted when the visit was booked, long ago
        since = timezone.now() - timedelta(days=40)
        change(cast, row, remind_at=planning.next_reminder(row.start_datetime, hours, since))
        return row

    def test_come_at_their_hours_before(self, clinic):
        reached_by(clinic, "john", "sms")
        self.due(clinic, hours=47, minutes=59)
        work(clinic)
        work(clinic)
        assert [row.key.split(":")[3] for row in rows(clinic)] == ["48"]
        assert (
            len(clinic.text.took) == 1 and "a reminder of your visit" in clinic.text.took[0]["body"]
        )

    def test_are_planned_a_day_ahead_and_sent_at_their_time(self, clinic):
        reached_by(clinic, "john", "sms")
        row = self.due(clinic, hours=60)
        work(clinic)
        (message,) = rows(clinic)
        assert message.status == "waiting" and clinic.text.took == []
        assert message.due_at == row.start_datetime - timedelta(hours=48)

    def test_of_those_that_were_missed_the_last_only(self, clinic):
        reached_by(clinic, "john", "sms")
        self.due(clinic, hours=1)
        work(clinic)
        assert [row.key.split(":")[3] for row in rows(clinic)] == ["2"]
        assert len(clinic.text.took) == 1

    def test_none_of_a_time_that_was_over_when_it_was_booked(self, clinic):
        reached_by(clinic, "john", "sms")
        row = book(clinic, start=at(9, days=1))
        work(clinic)
        work(clinic)
        assert "48" not in {one.key.split(":")[3] for one in rows(clinic, kind="reminder")}
        with tenancy.system(clinic.harbor):
            row.refresh_from_db()
        planned = [one.key.split(":")[3] for one in rows(clinic, kind="reminder")]
        assert planned == ["2"] or row.remind_at == row.start_datetime - timedelta(hours=26)

    def test_none_of_a_visit_that_is_canceled_or_has_begun(self, clinic):
        canceled, begun = self.due(clinic, hours=40), self.due(clinic, hours=1)
        change(clinic, canceled, status="Canceled")
        change(clinic, begun, start_datetime=timezone.now() - timedelta(minutes=1))
        work(clinic)
        assert [row.status for row in rows(clinic) if row.status != "dropped"] == []

    def test_a_clinic_that_reminds_at_other_hours_does_so_of_what_is_booked(self, clinic):
        reached_by(clinic, "john", "sms")
        book(clinic, start=at(9, days=5))
        work(clinic)
        with clinic.acting("alma"):
            facilities.correct(facility=clinic.harbor, by=clinic.alma, reminder_hours=[24 * 5, 2])
        work(clinic)
        planned = {row.key.split(":")[3] for row in rows(clinic, kind="reminder")}
        assert planned == {"120"} or at(9, days=5) - timezone.now() < timedelta(days=5)

    def test_a_run_that_comes_twice_plans_nothing_twice(self, clinic):
        self.due(clinic, hours=40)
        with tenancy.system(clinic.harbor):
            planning.plan()
        first = {row.key for row in rows(clinic)}
        with tenancy.system(clinic.harbor):
            Appointment.objects.update(remind_at=timezone.now() - timedelta(days=20))
            planning.plan()
        assert {row.key for row in rows(clinic)} == first and first

    def test_one_that_cannot_be_planned_holds_no_other_up(self, clinic):
        reached_by(clinic, "john", "sms")
        self.due(clinic, hours=40)
        self.due(clinic, hours=41)
        plan, calls = planning.people.told, []

        def once(*args):
            calls.append(args)
            if len(calls) == 1:
                raise RuntimeError
            return plan(*args)

        with patch.object(planning.people, "told", once):
            work(clinic)
        assert len(clinic.text.took) == 1

    def test_they_are_not_on_the_trail_of_the_visit(self, clinic):
        row = book(clinic)
        with tenancy.system(clinic.harbor):
            before = LogEntry.objects.filter(object_pk=str(row.pk)).count()
        work(clinic)
        with tenancy.system(clinic.harbor):
            assert LogEntry.objects.filter(object_pk=str(row.pk)).count() == before
            row.refresh_from_db()
        assert row.version == 1 and row.news == "" and row.remind_at is not None


class TestQuietHours:
    def now_is_quiet(self, cast, **person) -> None:
        """The present hour is quiet in New York."""
        wall = timezone.now().astimezone(NEW_YORK)
        with tenancy.system(cast.harbor):
            cast.harbor.quiet_from = (wall - timedelta(hours=1)).time().replace(microsecond=0)
            cast.harbor.quiet_until = (wall + timedelta(hours=3)).time().replace(microsecond=0)
            cast.harbor.save()
        reached_by(cast, "john", "portal", "email", "sms", **person)

    def test_what_makes_a_sound_waits_and_the_portal_does_not(self, clinic):
        self.now_is_quiet(clinic)
        book(clinic)
        work(clinic)
        assert told(clinic) == {
            ("John", "booked", "portal", "sent"), ("John", "booked", "email", "waiting"),
            ("John", "booked", "sms", "waiting"),
        }  # fmt: skip
        assert clinic.text.took == [] and letters() == []
        for row in rows(clinic, status="waiting"):
            wall = row.due_at.astimezone(NEW_YORK).time()
            assert wall == clinic.harbor.quiet_until

    def test_they_are_hers_by_her_clock(self, clinic):
        self.now_is_quiet(clinic, timezone="Pacific/Auckland")
        tokyo = timezone.now().astimezone(ZoneInfo("Pacific/Auckland"))
        book(clinic)
        work(clinic)
        assert len(clinic.text.took) == 1  # quiet in New York, not where she lives
        reached_by(
            clinic, "john", "sms", timezone="Pacific/Auckland",
            quiet_from=(tokyo - timedelta(hours=1)).time(),
            quiet_until=(tokyo + timedelta(hours=1)).time(),
        )  # fmt: skip
        book(clinic, start=at(10, days=7))
        work(clinic)
        assert len(clinic.text.took) == 1

    def test_hours_that_she_set_since_hold_too(self, clinic):
        reached_by(clinic, "john", "sms")
        book(clinic)
        with tenancy.system(clinic.harbor):
            planning.plan()
        wall = timezone.now().astimezone(NEW_YORK)
        with clinic.acting("john", portal=True):
            preferences.set_reach(
                user=clinic.john, by=clinic.john, quiet_from=(wall - timedelta(hours=2)).time(),
                quiet_until=(wall + timedelta(hours=2)).time(),
            )  # fmt: skip
        work(clinic)
        assert clinic.text.took == [] and {row.status for row in rows(clinic)} == {"waiting"}

    def test_a_way_that_she_gave_up_since_is_not_used(self, clinic):
        reached_by(clinic, "john", "sms", "email")
        book(clinic)
        with tenancy.system(clinic.harbor):
            planning.plan()
        reached_by(clinic, "john", "email")
        work(clinic)
        assert clinic.text.took == [] and len(letters()) == 1

    @pytest.mark.parametrize(
        ("starts", "expected"),
        [
            ((4, 12), (4, 10)),  # at its time
            ((4, 9, 30), (4, 8)),  # when the night is over
            ((4, 8), (3, 20, 45)),  # before the night
        ],
    )
    def test_a_reminder_that_would_be_no_news_comes_before_them(self, clinic, starts, expected):
        from scheduling.messages import people

        with tenancy.system(clinic.harbor):
            clinic.harbor.quiet_from, clinic.harbor.quiet_until = time(21), time(8)
            clinic.harbor.save()
            patient = Patient.objects.select_related("facility", "user").get(pk=clinic.mr_doe.pk)
            (person,) = people.told(patient)
        start = datetime(2031, 6, *starts, tzinfo=NEW_YORK)
        due = planning.due_at(
            person, "sms", Message.Kind.REMINDER, start - timedelta(hours=2), start
        )
        assert due == datetime(2031, 6, *expected, tzinfo=NEW_YORK)
