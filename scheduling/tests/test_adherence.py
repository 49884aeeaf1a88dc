"""How much of what was due was taken: the figures, and that they follow what is said of doses."""

from datetime import date, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from clinic.errors import Conflict, Invalid, Missing
from clinic.security import tenancy
from clinic.tests.people import make_cast
from clinic.tests.refusals import refused
from scheduling.medicines import adherence, taking
from scheduling.models import ReminderLog
from scheduling.tests.medicines import (
    HOUR,
    MINUTE,
    MORNING,
    answer,
    at,
    dose,
    medicine,
    remind,
    see,
)  # fmt: skip


def figures(cast, first="2026-11-23", last="2026-11-25", by="sarah", portal=False, when=MORNING):
    with at(when), cast.acting(by, portal=portal):
        return adherence.of(
            patient=cast.mr_doe, first=date.fromisoformat(first), last=date.fromisoformat(last),
            by=cast.people[by],
        )  # fmt: skip


class TestFigures:
    def test_of_doses_and_of_days(self, cast):
        remind(cast)
        see(cast, MORNING + HOUR)
        answer(cast, taking.take, dose(cast, 0))
        see(cast, MORNING + 13 * HOUR)
        answer(cast, taking.take, dose(cast, 1), when=MORNING + 13 * HOUR)
        see(cast, MORNING + 25 * HOUR)
        answer(cast, taking.skip, dose(cast, 2), when=MORNING + 25 * HOUR)
        see(cast, MORNING + 49 * HOUR)
        found = figures(cast)
        assert [day.word for day in found.overall.days] == ["all", "none", "waiting"]
        assert (found.overall.taken, found.overall.skipped, found.overall.missed) == (2, 1, 1)
        assert (found.overall.share, found.overall.days_share) == (0.5, 0.5)
        assert len(found.weeks) == 1

    def test_by_medicine_and_as_needed_apart(self, cast):
        remind(cast)
        row = remind(cast, medicine(cast, name="Ibuprofen"), pattern="as_needed")
        with at(MORNING + HOUR), cast.acting("john", portal=True):
            taking.take_as_needed(reminder=row, by=cast.john)
        see(cast, MORNING + HOUR)
        found = figures(cast, by="john", portal=True)
        assert [one.medication.generic_name for one in found.by_medicine] == [
            "Ibuprofen", "Metformin",
        ]  # fmt: skip
        assert [one.as_needed for one in found.by_medicine] == [1, 0]
        assert found.overall.share is None and found.overall.as_needed == 1

    def test_a_range_has_its_length(self, cast):
        with refused(Invalid, "to"):
            figures(cast, "2026-11-25", "2026-11-24")
        with refused(Invalid, "to"):
            figures(cast, "2020-01-01", "2026-11-24")

    @pytest.mark.parametrize("name, portal", [("omar", False), ("jane", True), ("lucia", False)])
    def test_of_nobody_elses(self, cast, name, portal):
        remind(cast)
        with refused(Missing, "patient"):
            figures(cast, by=name, portal=portal)

    def test_in_as_many_queries(self, cast, django_assert_max_num_queries):
        for name in "ABC":
            remind(cast, medicine(cast, name=name))
        see(cast, MORNING + 30 * HOUR)
        with cast.acting("sarah"), at(MORNING), django_assert_max_num_queries(7):
            adherence.recent(patient=cast.mr_doe, by=cast.sarah)


class Doses(RuleBasedStateMachine):
    """A day of doses every three hours, answered at random, beside a small model of each dose."""

    @initialize()
    def begin(self):
        self.block = transaction.atomic()
        self.block.__enter__()
        self.cast = make_cast()
        self.now, self.model = MORNING, {}
        remind(self.cast, pattern="hours", every_hours=3)
        self.look()

    def look(self):
        see(self.cast, self.now)
        due = MORNING
        while due <= self.now:
            self.model.setdefault(due, ["due", None, None])
            due += 3 * HOUR
        for at_, said in self.model.items():
            if said[0] == "snoozed" and said[2] <= self.now:
                said[0], said[2] = "due", None
            if said[0] in {"due", "snoozed"} and at_ + 3 * HOUR <= self.now:
                said[0], said[2] = "missed", None

    @rule(minutes=st.integers(1, 200))
    def wait(self, minutes):
        self.now += minutes * MINUTE
        self.look()

    def row(self, which):
        due = sorted(self.model)[which % len(self.model)]
        with tenancy.system(self.cast.harbor):
            return ReminderLog.objects.get(due_at=due), self.model[due]

    def said(self, verb, row, **more) -> bool:
        try:
            answer(self.cast, verb, row, when=self.now, **more)
        except (Conflict, Invalid):
            return False
        return True

    @rule(which=st.integers(0, 99), word=st.sampled_from(["taken", "skipped"]))
    def answered(self, which, word):
        row, model = self.row(which)
        may = model[0] == word or (
            model[0] in {"due", "snoozed", "missed"} and self.now < row.due_at + timedelta(days=1)
        )
        assert self.said(taking.take if word == "taken" else taking.skip, row) == may
        if may and model[0] != word:
            model[:] = [word, self.now, None]

    @rule(which=st.integers(0, 99), minutes=st.integers(1, 200))
    def put_off(self, which, minutes):
        row, model = self.row(which)
        until = self.now + minutes * MINUTE
        may = (
            model[0] in {"due", "snoozed"} and 5 <= minutes <= 180
            and until < row.due_at + 3 * HOUR
        )  # fmt: skip
        assert self.said(taking.snooze, row, minutes=minutes) == may
        if may:
            model[:] = ["snoozed", None, until]

    @rule(which=st.integers(0, 99))
    def taken_back(self, which):
        row, model = self.row(which)
        may = model[0] in {"taken", "skipped"} and self.now < model[1] + 15 * MINUTE
        assert self.said(taking.undo, row) == may
        if may:
            model[:] = ["due", None, None]

    @invariant()
    def it_is_as_the_model(self):
        if not hasattr(self, "model"):
            return
        with tenancy.system(self.cast.harbor):
            rows = dict(ReminderLog.objects.values_list("due_at", "status"))
        assert rows == {due: said[0] for due, said in self.model.items()}

    def teardown(self):
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)


@pytest.mark.django_db
def test_whatever_is_pressed_when():
    run_state_machine_as_test(
        Doses,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
