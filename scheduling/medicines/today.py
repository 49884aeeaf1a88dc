"""The doses of a patient's day: those due, those to come, and what became of the others."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import timezone

from clinic.models import User
from patients.models import Patient
from scheduling.medicines import diary, doses, reminders, taking
from scheduling.medicines.journeys import clock_of
from scheduling.models import MedicationReminder, ReminderLog

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Expected:
    """A dose of today, or an older one that still waits; `log` is None until the worker has written
    that it is due, which may be a minute after."""

    reminder: MedicationReminder
    due_at: datetime
    log: ReminderLog | None
    can_answer: bool
    can_undo: bool = False

    @property
    def status(self) -> str:
        """A status of its log; "coming" before its time."""
        if self.is_ahead and (self.log is None or self.log.status == ReminderLog.Status.SNOOZED):
            return "coming"
        return ReminderLog.Status.DUE if self.log is None else self.log.status

    @property
    def is_ahead(self) -> bool:
        return self.due_at > timezone.now()

    @property
    def is_open(self) -> bool:
        return self.log is not None and self.log.status in diary.OPEN and not self.is_ahead


def of(*, patient: Patient, by: User) -> list[Expected]:
    """Today by her clock, by time. Costs four queries."""
    clock, now = clock_of(patient.pk), timezone.now()
    today = clock.shown(now).date()
    begins = clock.first(datetime.combine(today, time()))
    ends = clock.first(datetime.combine(today + ONE_DAY, time()))
    logs = reminders.logs(by).filter(patient=patient)
    written = [
        *logs.filter(due_at__gte=begins, due_at__lt=ends),
        *logs.filter(due_at__lt=begins, due_at__gte=now - taking.LATE, status__in=diary.OPEN),
    ]
    known = {(log.reminder_id, log.due_at) for log in written}
    found = [
        Expected(log.reminder, log.due_at, log, taking.can_answer(log), taking.can_undo(log, by=by))
        for log in written
    ]
    for row in reminders.reminders(by).filter(patient=patient, ends_at=None):
        to_come = [
            due_at
            for due_at in doses.between(diary.plan_of(row), clock, begins, ends)
            if (row.pk, due_at) not in known
        ]
        found += [
            Expected(row, due_at, None, number == 0 and due_at <= now + taking.EARLY)
            for number, due_at in enumerate(to_come)
        ]
    return sorted(found, key=lambda one: (one.due_at, one.reminder.medication.generic_name))
