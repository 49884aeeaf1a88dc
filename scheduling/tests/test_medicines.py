"""Reminders of medicines: set, changed, stopped; doses come due once, are answered once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, time, timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction

from clinic.errors import Invalid, Missing, Stale
from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission
from clinic.tests.people import make_cast
from clinic.tests.refusals import denied, refused
from patients import health
from scheduling.medicines import due, journeys, reminders, taking
from scheduling.medicines.reminders import ReminderEnded, RemindsAlready
from scheduling.medicines.taking import DoseAnswered, NotDue
from scheduling.models import MedicationReminder, Message, PatientZone, ReminderLog
from scheduling.tests.medicines import (
    HOUR,
    MINUTE,
    MORNING,
    answer,
    at,
    count,
    dose,
    doses,
    medicine,
    remind,
    see,
)

DAY = timedelta(days=1)


class TestSetting:
    def test_by_the_patient_and_by_who_treats_her(self, cast):
        own = remind(cast, amount="1 tablet", meal="with")
        assert (own.set_by_id, own.amount, own.first_day) == (
            cast.john.pk, "1 tablet", date(2026, 11, 23),
        )  # fmt: skip
        theirs = remind(cast, medicine(cast, name="Iron"), by="nina", portal=False)
        assert theirs.set_by_id == cast.nina.pk

    def test_for_a_child_by_who_acts(self, cast):
        assert remind(cast, medicine(cast, cast.jimmy)).patient_id == cast.jimmy.pk

    @pytest.mark.parametrize(
        "said, field",
        [
            ({"pattern": "never"}, "pattern"),
            ({"pattern": "times", "times": []}, "times"),
            ({"pattern": "times", "times": [time(8, 0, 30)]}, "times"),
            ({"pattern": "times", "times": [time(h, m) for h in range(9) for m in (0, 20, 40)]},
             "times"),
            ({"pattern": "times", "times": [time(8)], "days": []}, "days"),
            ({"pattern": "times", "times": [time(8)], "days": [0, 8]}, "days"),
            ({"pattern": "hours"}, "every_hours"),
            ({"pattern": "hours", "every_hours": 169}, "every_hours"),
            ({"pattern": "hours", "every_hours": 6, "first_dose": MORNING - HOUR}, "first_dose"),
            ({"pattern": "times", "times": [time(8)], "meal": "later"}, "meal"),
            ({"pattern": "times", "times": [time(8)], "amount": "x" * 101}, "amount"),
            ({"first_day": date(2026, 11, 22)}, "first_day"),
            ({"last_day": date(2026, 11, 22)}, "last_day"),
            ({"last_day": date(2036, 11, 22)}, "last_day"),
            ({"pattern": "times", "times": [time(6)], "last_day": date(2026, 11, 23)}, "last_day"),
            ({"pattern": "rule", "rule": "FREQ=DAILY"}, "times"),
            ({"pattern": "rule", "times": [time(8)]}, "rule"),
            ({"pattern": "rule", "times": [time(8)], "rule": "every day"}, "rule"),
            ({"pattern": "rule", "times": [time(8)], "rule": "FREQ=MINUTELY"}, "rule"),
            ({"pattern": "rule", "times": [time(8)], "rule": "FREQ=HOURLY"}, "rule"),
            ({"pattern": "rule", "times": [time(8)],
              "rule": "FREQ=DAILY;BYMINUTE=0,10,20,30,40,50;BYHOUR=1,2,3,4,5,6,7,8"}, "rule"),
            ({"pattern": "rule", "times": [time(8)],
              "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rule"),
        ],
    )  # fmt: skip
    def test_what_cannot_be(self, cast, said, field):
        with refused(Invalid, field):
            remind(cast, **said)
        assert count(cast) == (0, 0)

    def test_what_a_rule_does_not_say_is_named(self, cast):
        with pytest.raises(Invalid, match="RSCALE is not supported"):
            remind(cast, pattern="rule", times=[time(8)], rule="RSCALE=CHINESE;FREQ=DAILY")
        with pytest.raises(Invalid, match="INTERVAL cannot be read"):
            remind(cast, pattern="rule", times=[time(8)], rule="FREQ=DAILY;INTERVAL=0")

    def test_twice_the_same_is_once(self, cast):
        pills = medicine(cast)
        first = remind(cast, pills)
        with refused(RemindsAlready):
            remind(cast, pills, times=[time(20), time(8), time(8)])
        remind(cast, pills, times=[time(9)])
        assert first.times == [time(8), time(20)]

    def test_no_more_than_can_be_kept(self, cast, monkeypatch):
        monkeypatch.setattr(reminders, "MOST", 2)
        pills = medicine(cast)
        for hour in (8, 9):
            remind(cast, pills, times=[time(hour)])
        with pytest.raises(reminders.Conflict, match="Stop one"):
            remind(cast, pills, times=[time(10)])

    def test_not_of_what_is_not_taken_any_more(self, cast):
        with refused(Invalid, "medication"):
            remind(cast, medicine(cast, is_active=False))

    def test_it_is_kept_as_its_medicine_is(self, cast):
        pills = medicine(cast)
        with cast.acting("sarah"):
            kept = health.record(
                type(pills), patient=cast.mr_doe, by=cast.sarah, generic_name="Lithium",
                sensitivity="confidential", confidential_kind="mental_health",
            )  # fmt: skip
        row = remind(cast, kept)
        see(cast, MORNING + HOUR)
        assert row.kept == {"sensitivity": "confidential", "confidential_kind": "mental_health"}
        assert dose(cast).kept == row.kept
        with cast.acting("nina"):
            assert not reminders.reminders(cast.nina).exists()
            assert not reminders.logs(cast.nina).exists()
            assert not ReminderLog.objects.exists(), "the table's policy says so, too"


class TestWhoMay:
    def test_nobody_else(self, cast):
        pills = medicine(cast)
        for name, portal in (("fred", False), ("aud", False)):
            with at(MORNING), cast.acting(name, portal=portal), denied(Permission.MEDICINE_REMIND):
                reminders.remind(medication=pills, pattern="as_needed", by=cast.people[name])
        for name, portal in (("omar", False), ("jane", True)):
            with at(MORNING), cast.acting(name, portal=portal), refused(Missing, "medication"):
                reminders.remind(medication=pills, pattern="as_needed", by=cast.people[name])
        with at(MORNING), cast.acting("lucia"), refused(Missing, "medication"):
            reminders.remind(medication=pills, pattern="as_needed", by=cast.lucia)
        assert count(cast) == (0, 0)

    def test_a_relative_who_only_sees_answers_nothing(self, cast, sees):
        row = remind(cast)
        see(cast, MORNING + HOUR)
        with cast.acting("jane", portal=True):
            assert reminders.logs(cast.jane).count() == 1
        for act in (
            lambda: taking.take(dose=dose(cast), by=cast.jane),
            lambda: taking.snooze(dose=dose(cast), minutes=10, by=cast.jane),
            lambda: reminders.stop(reminder=row, by=cast.jane),
            lambda: reminders.change(reminder=row, amount="2", by=cast.jane),
            lambda: journeys.travel(patient=cast.mr_doe, zone="Asia/Tokyo", by=cast.jane),
        ):
            with at(MORNING + HOUR):
                found = dose(cast)
                with cast.acting("jane", portal=True), pytest.raises(Denied):
                    act() if found else None
        assert doses(cast) == [("23 08:00", "due")]

    @pytest.mark.parametrize("name, portal", [("omar", False), ("jane", True), ("lucia", False)])
    def test_strangers_find_no_dose(self, cast, name, portal):
        row = remind(cast)
        see(cast, MORNING + HOUR)
        found = dose(cast)
        with at(MORNING + HOUR), cast.acting(name, portal=portal):
            by = cast.people[name]
            with refused(Missing):
                taking.take(dose=found, by=by)
            with refused(Missing):
                reminders.stop(reminder=row, by=by)
            with refused(Missing, "reminder"):
                taking.open_early(reminder=row, due_at=MORNING + DAY, by=by)
            with refused(Missing, "patient"):
                journeys.travel(patient=cast.mr_doe, zone="Asia/Tokyo", by=by)
        assert doses(cast) == [("23 08:00", "due")]


@pytest.fixture
def sees(cast):
    """Jane sees John's medicines, and does not act for him."""
    from patients import consent, family
    from patients.models import FamilyMember

    with tenancy.system(cast.harbor):
        jane = family.stand(
            patient=cast.mr_doe, user=cast.jane, relationship=FamilyMember.Relationship.SPOUSE
        )
    with cast.acting("john", portal=True):
        consent.give(member=jane, categories=["medications"], by=cast.john)


class TestChanging:
    def test_what_was_due_stays(self, cast):
        row = remind(cast)
        with at(MORNING + 2 * HOUR), cast.acting("john", portal=True):
            new = reminders.change(reminder=row, times=[time(10), time(22)], by=cast.john)
        assert doses(cast) == [("23 08:00", "due")], "written though no task had run"
        see(cast, MORNING + 20 * HOUR)
        assert [one[0] for one in doses(cast)] == ["23 08:00", "23 10:00", "23 22:00"]
        with tenancy.system(cast.harbor):
            row.refresh_from_db()
        assert row.ends_at == new.begins_at == MORNING + 2 * HOUR
        with refused(ReminderEnded), at(MORNING + 3 * HOUR), cast.acting("john", portal=True):
            reminders.change(reminder=row, amount="2", by=cast.john)

    def test_every_so_many_hours_keeps_its_rhythm(self, cast):
        row = remind(cast, pattern="hours", every_hours=6)
        see(cast, MORNING + MINUTE)
        with at(MORNING + HOUR), cast.acting("john", portal=True):
            new = reminders.change(reminder=row, amount="2 tablets", by=cast.john)
            assert new.begins_at == MORNING + 6 * HOUR
            other = reminders.change(reminder=new, every_hours=8, by=cast.john)
            assert other.begins_at == MORNING + HOUR

    def test_refused_it_stands_as_it_was(self, cast):
        row = remind(cast)
        with at(MORNING), cast.acting("john", portal=True):
            with refused(Invalid, "last_day"):
                reminders.change(reminder=row, last_day=date(2026, 1, 1), by=cast.john)
            with refused(Invalid, "patient"):
                reminders.change(reminder=row, patient=cast.mrs_doe, by=cast.john)
            with refused(Stale):
                reminders.change(reminder=row, version=9, amount="2", by=cast.john)
        with tenancy.system(cast.harbor):
            row.refresh_from_db()
        assert row.ends_at is None and count(cast) == (1, 0)

    def test_stopped_nothing_comes_any_more(self, cast):
        row = remind(cast)
        with at(MORNING + 2 * HOUR), cast.acting("john", portal=True):
            reminders.stop(reminder=row, by=cast.john)
        see(cast, MORNING + 2 * DAY)
        assert doses(cast) == [("23 08:00", "missed")]

    def test_a_dose_taken_early_is_not_due_again(self, cast):
        row = remind(cast)
        with at(MORNING), cast.acting("john", portal=True):
            early = taking.open_early(reminder=row, due_at=MORNING + HOUR, by=cast.john)
            taking.take(dose=early, by=cast.john)
            reminders.change(reminder=row, amount="2", by=cast.john)
        see(cast, MORNING + 2 * HOUR)
        assert doses(cast) == [("23 08:00", "taken")]


class TestComingDue:
    def test_each_once_however_often_it_is_looked(self, cast):
        remind(cast)
        assert see(cast, MORNING + 30 * MINUTE) == 0
        assert see(cast, MORNING + HOUR) == 1
        assert see(cast, MORNING + HOUR) == 0
        assert doses(cast) == [("23 08:00", "due")]

    def test_a_missed_run_loses_nothing(self, cast):
        remind(cast)
        see(cast, MORNING + 50 * HOUR)
        assert doses(cast) == [
            ("23 08:00", "missed"), ("23 20:00", "missed"), ("24 08:00", "missed"),
            ("24 20:00", "missed"), ("25 08:00", "due"),
        ]  # fmt: skip

    def test_missed_when_the_next_is_due_and_after_four_hours(self, cast):
        remind(cast, pattern="hours", every_hours=2)
        see(cast, MORNING + HOUR)
        see(cast, MORNING + 2 * HOUR)
        assert doses(cast) == [("23 07:00", "missed"), ("23 09:00", "due")]
        twice = remind(cast, medicine(cast, name="Iron"))
        see(cast, MORNING + HOUR)
        with tenancy.system(cast.harbor):
            first = twice.logs.get()
        see(cast, MORNING + 5 * HOUR - MINUTE)
        with tenancy.system(cast.harbor):
            first.refresh_from_db()
            assert first.status == "due"
        see(cast, MORNING + 5 * HOUR)
        with tenancy.system(cast.harbor):
            first.refresh_from_db()
            assert first.status == "missed"

    def test_after_the_last_day_the_reminder_ends(self, cast):
        row = remind(cast, last_day=date(2026, 11, 23))
        see(cast, MORNING + 30 * HOUR)
        with tenancy.system(cast.harbor):
            row.refresh_from_db()
        assert [one[0] for one in doses(cast)] == ["23 08:00", "23 20:00"]
        assert f"{row.ends_at.astimezone(cast.harbor.zone):%d %H:%M}" == "24 00:00"

    def test_a_medicine_that_ended_is_not_due(self, cast):
        pills = medicine(cast)
        row = remind(cast, pills)
        with cast.acting("sarah"):
            health.retire(fact=pills, by=cast.sarah)
        see(cast, MORNING + 2 * HOUR)
        with tenancy.system(cast.harbor):
            row.refresh_from_db()
        assert row.ends_at and doses(cast) == []

    def test_until_the_medicines_own_last_day(self, cast):
        remind(cast, medicine(cast, active_until=date(2026, 11, 24)))
        see(cast, MORNING + 5 * DAY)
        assert [one[0] for one in doses(cast)][-1] == "24 20:00"

    def test_a_message_each_without_what_is_taken(self, cast):
        remind(cast)
        remind(cast, medicine(cast, name="Iron"), sends_messages=False)
        see(cast, MORNING + HOUR)
        see(cast, MORNING + HOUR)
        with tenancy.system(cast.harbor):
            told = Message.objects.filter(kind="medicine")
            assert {row.user_id for row in told} == {cast.john.pk}
            assert {row.dose.reminder.medication.generic_name for row in told} == {"Metformin"}
            before, row = told.count(), told[0].dose
        answer(cast, taking.snooze, row, minutes=30)
        see(cast, MORNING + 2 * HOUR)
        with tenancy.system(cast.harbor):
            assert told.all().count() == 2 * before, "and once more when it was put off"

    def test_each_facility_by_itself(self, cast):
        remind(cast)
        assert see(cast, MORNING + HOUR, cast.austa) == 0
        assert doses(cast) == []

    def test_it_looks_in_as_many_queries(self, cast, django_assert_max_num_queries):
        for name in ("A", "B", "C", "D"):
            remind(cast, medicine(cast, name=name))
        with django_assert_max_num_queries(12):
            assert see(cast, MORNING + MINUTE) == 0


class TestAnswering:
    @pytest.fixture
    def row(self, cast):
        remind(cast)
        see(cast, MORNING + HOUR)
        return dose(cast)

    def test_taken_and_skipped(self, cast, row):
        said = answer(cast, taking.take, row, note="with breakfast")
        assert (said.status, said.answered_by_id, said.answered_at, said.note) == (
            "taken", cast.john.pk, MORNING + HOUR, "with breakfast",
        )  # fmt: skip
        again = answer(cast, taking.take, row, when=MORNING + 2 * HOUR)
        assert (again.answered_at, again.version) == (said.answered_at, said.version)
        with refused(DoseAnswered):
            answer(cast, taking.skip, row)
        with refused(DoseAnswered):
            answer(cast, taking.snooze, row, minutes=10)
        assert doses(cast) == [("23 08:00", "taken")]

    def test_put_off_it_is_due_again(self, cast, row):
        assert answer(cast, taking.snooze, row, minutes=30).snoozes == 1
        see(cast, MORNING + HOUR + 29 * MINUTE)
        assert doses(cast) == [("23 08:00", "snoozed")]
        see(cast, MORNING + HOUR + 30 * MINUTE)
        assert doses(cast) == [("23 08:00", "due")]

    @pytest.mark.parametrize("minutes", [0, 4, 181, -5])
    def test_not_for_any_time(self, cast, row, minutes):
        with refused(Invalid, "minutes"):
            answer(cast, taking.snooze, row, minutes=minutes)

    def test_not_until_it_would_be_missed(self, cast, row):
        with refused(Invalid, "minutes"):
            answer(cast, taking.snooze, row, minutes=61, when=MORNING + 4 * HOUR)

    def test_missed_it_can_still_be_said_for_a_day(self, cast, row):
        see(cast, MORNING + 6 * HOUR)
        assert doses(cast) == [("23 08:00", "missed")]
        with refused(DoseAnswered):
            answer(cast, taking.take, row, when=MORNING + 25 * HOUR)
        assert answer(cast, taking.take, row, when=MORNING + 24 * HOUR).status == "taken"

    def test_taken_back_by_who_said_it(self, cast, row):
        answer(cast, taking.take, row, note="x")
        with refused(DoseAnswered):
            answer(cast, taking.undo, row, by="nina", portal=False)
        back = answer(cast, taking.undo, row, when=MORNING + HOUR + 14 * MINUTE)
        assert (back.status, back.answered_at, back.note) == ("due", None, "")
        answer(cast, taking.skip, row)
        with refused(DoseAnswered):
            answer(cast, taking.undo, row, when=MORNING + HOUR + 15 * MINUTE)
        assert doses(cast) == [("23 08:00", "skipped")]

    def test_a_note_has_its_length(self, cast, row):
        with refused(Invalid, "note"):
            answer(cast, taking.take, row, note="x" * 501)
        assert doses(cast) == [("23 08:00", "due")]

    def test_each_answer_is_on_the_trail(self, cast, row):
        answer(cast, taking.take, row, by="nina", portal=False)
        with tenancy.system(cast.harbor):
            entry = LogEntry.entries.filter(object_pk=str(row.pk)).order_by("-id").first()
            assert entry.actor_id == cast.nina.pk and entry.changes["status"] == ["due", "taken"]


class TestBeforeItsTime:
    def early(self, cast, row, due_at, when):
        with at(when), cast.acting("john", portal=True):
            return taking.open_early(reminder=row, due_at=due_at, by=cast.john)

    def test_the_next_one_from_two_hours_before(self, cast):
        row = remind(cast)
        evening = MORNING + 13 * HOUR
        with refused(NotDue):
            self.early(cast, row, evening, evening - 3 * HOUR)
        with refused(Invalid, "due_at"):
            self.early(cast, row, evening - MINUTE, evening - HOUR)
        found = self.early(cast, row, evening, evening - HOUR)
        assert self.early(cast, row, evening, evening - HOUR).pk == found.pk
        with refused(NotDue):
            answer(cast, taking.snooze, found, minutes=10, when=evening - HOUR)
        answer(cast, taking.take, found, when=evening - HOUR)
        see(cast, evening)
        assert doses(cast) == [("23 08:00", "missed"), ("23 20:00", "taken")]

    def test_only_the_next(self, cast):
        row = remind(cast, pattern="hours", every_hours=1, first_dose=MORNING + HOUR)
        with refused(Invalid, "due_at"):
            self.early(cast, row, MORNING + 2 * HOUR, MORNING + 30 * MINUTE)

    def test_taken_back_it_waits_for_its_time(self, cast):
        row = remind(cast)
        found = self.early(cast, row, MORNING + HOUR, MORNING)
        answer(cast, taking.take, found, when=MORNING)
        assert answer(cast, taking.undo, found, when=MORNING + MINUTE).status == "snoozed"
        see(cast, MORNING + 30 * MINUTE)
        assert doses(cast) == [("23 08:00", "snoozed")]
        see(cast, MORNING + HOUR)
        assert doses(cast) == [("23 08:00", "due")]

    def test_stopped_it_does_not_come(self, cast):
        row = remind(cast)
        self.early(cast, row, MORNING + HOUR, MORNING)
        with at(MORNING), cast.acting("john", portal=True):
            reminders.stop(reminder=row, by=cast.john)
        see(cast, MORNING + HOUR)
        assert doses(cast) == [("23 08:00", "skipped")]


class TestAsNeeded:
    def take(self, cast, row, when=MORNING, by="john", **more):
        with at(when), cast.acting(by, portal=by == "john"):
            return taking.take_as_needed(reminder=row, by=cast.people[by], **more)

    def test_each_time_and_a_double_press_once(self, cast):
        row = remind(cast, pattern="as_needed")
        first = self.take(cast, row)
        assert self.take(cast, row, MORNING + timedelta(seconds=59)).pk == first.pk
        assert self.take(cast, row, MORNING + MINUTE).pk != first.pk
        see(cast, MORNING + DAY)
        assert doses(cast) == [("-", "taken"), ("-", "taken")]

    def test_taken_back_it_is_gone(self, cast):
        row = self.take(cast, remind(cast, pattern="as_needed"))
        with refused(DoseAnswered):
            answer(cast, taking.undo, row, by="nina", portal=False, when=MORNING)
        assert answer(cast, taking.undo, row, when=MORNING) is None
        assert doses(cast) == []

    def test_nothing_else_is_ever_deleted(self, cast):
        remind(cast)
        see(cast, MORNING + HOUR)
        with cast.acting("john", portal=True):
            assert ReminderLog.objects.all().delete()[0] == 0
        assert doses(cast) == [("23 08:00", "due")]

    def test_not_one_with_set_times(self, cast):
        with refused(NotDue):
            self.take(cast, remind(cast))


class TestTravelling:
    def travel(self, cast, zone, when, patient=None):
        with at(when), cast.acting("john", portal=True):
            return journeys.travel(patient=patient or cast.mr_doe, zone=zone, by=cast.john)

    def test_doses_follow_the_clock_of_where_she_is(self, cast):
        remind(cast)
        self.travel(cast, "Europe/Lisbon", MORNING + 2 * HOUR)  # 9:00 becomes 14:00
        see(cast, MORNING + 26 * HOUR)
        assert [one[0] for one in doses(cast)] == ["23 08:00", "23 15:00", "24 03:00"]

    def test_an_unknown_zone_is_named(self, cast):
        for zone in ("Mars/Olympus", "", "America/New_York\n", "../etc/passwd"):
            with refused(Invalid, "zone"):
                self.travel(cast, zone, MORNING)
        with tenancy.system(cast.harbor):
            assert not PatientZone.objects.exists()

    def test_who_is_there_already_does_not_travel(self, cast):
        self.travel(cast, "America/New_York", MORNING)
        self.travel(cast, "Asia/Tokyo", MORNING + HOUR)
        self.travel(cast, "Asia/Tokyo", MORNING + 2 * HOUR)
        with tenancy.system(cast.harbor):
            assert [row.zone for row in PatientZone.objects.all()] == ["Asia/Tokyo"]

    def test_what_was_taken_early_is_not_due_again_in_the_west(self, cast):
        row = remind(cast)
        with at(MORNING), cast.acting("john", portal=True):
            found = taking.open_early(reminder=row, due_at=MORNING + HOUR, by=cast.john)
            taking.take(dose=found, by=cast.john)
        self.travel(cast, "America/Los_Angeles", MORNING + 30 * MINUTE)
        see(cast, MORNING + 12 * HOUR)
        assert doses(cast) == [("23 11:00", "taken")], "eight o'clock, where he is"

    def test_for_a_child_as_well(self, cast):
        self.travel(cast, "Asia/Tokyo", MORNING, cast.jimmy)
        with tenancy.system(cast.harbor):
            assert journeys.clock_of(cast.jimmy.pk).zone_at(MORNING).key == "Asia/Tokyo"
            assert journeys.clock_of(cast.mr_doe.pk).zone_at(MORNING).key == "America/New_York"


def committed():
    with transaction.atomic():
        return make_cast()


def together(tasks):
    """What the tasks answer or raise, all begun at one moment in threads of their own."""
    barrier = Barrier(len(tasks))

    def one(task):
        barrier.wait()
        try:
            return task()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(one, task) for task in tasks]]


@pytest.mark.django_db(transaction=True)
class TestRivals:
    """At the same moment, on connections of their own."""

    def test_two_presses_are_one_answer(self):
        cast = committed()
        remind(cast)
        see(cast, MORNING + HOUR)
        row = dose(cast)

        def press(verb, name, portal):
            def act():
                with cast.acting(name, portal=portal):
                    return verb(dose=row, by=cast.people[name])

            return act

        with at(MORNING + HOUR):
            said = together(
                [press(taking.take, "john", True)] * 3
                + [press(taking.skip, "john", True)] * 3
                + [press(taking.take, "nina", False)] * 2
            )
        [(_due, status)] = doses(cast)
        same = [one for one in said if isinstance(one, ReminderLog)]
        assert {one.status for one in same} == {status}
        assert all(isinstance(one, (ReminderLog, DoseAnswered)) for one in said), said
        assert len({one.answered_at for one in same}) == 1
        with transaction.atomic(), tenancy.system(cast.harbor):
            entries = LogEntry.entries.filter(object_pk=str(row.pk), action=LogEntry.Action.UPDATE)
            assert entries.count() == 1

    def test_workers_and_the_patient(self):
        """Doses are written, answered early and put into another zone at once."""
        cast = committed()
        row = remind(cast)

        def work():
            with tenancy.system(cast.harbor):
                return due.see()

        def press():
            with cast.acting("john", portal=True):
                early = taking.open_early(reminder=row, due_at=MORNING + HOUR, by=cast.john)
                return taking.take(dose=early, by=cast.john)

        with at(MORNING + HOUR):
            said = together([work] * 4 + [press] * 4)
        assert not [one for one in said if isinstance(one, Exception)], said
        assert doses(cast) == [("23 08:00", "taken")]
        with transaction.atomic(), tenancy.system(cast.harbor):
            assert MedicationReminder.objects.count() == 1

    def test_a_double_press_sets_one_reminder(self):
        cast = committed()
        pills = medicine(cast)

        def press():
            with cast.acting("john", portal=True):
                return reminders.remind(
                    medication=pills, pattern="times", times=[time(8)], by=cast.john
                )

        with at(MORNING):
            said = together([press] * 4)
        assert sorted(type(one).__name__ for one in said) == [
            "MedicationReminder", *["RemindsAlready"] * 3,
        ]  # fmt: skip

    def test_as_needed_pressed_twice(self):
        cast = committed()
        row = remind(cast, pattern="as_needed")

        def press():
            with cast.acting("john", portal=True):
                return taking.take_as_needed(reminder=row, by=cast.john)

        with at(MORNING):
            said = together([press] * 4)
        assert len({one.pk for one in said}) == 1
