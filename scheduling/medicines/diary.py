"""The diary of doses: each that was due stands in it once."""

from datetime import datetime, timedelta

from scheduling import recurrence
from scheduling.medicines import doses
from scheduling.medicines.clocks import Clock
from scheduling.medicines.doses import Plan
from scheduling.models import MedicationReminder, ReminderLog

Pattern = MedicationReminder.Pattern
Status = ReminderLog.Status
OPEN = (Status.DUE, Status.SNOOZED)
INSTANT = timedelta(microseconds=1)
# A dose that nobody answers counts as missed when the next one of its reminder is due, and at the
# latest after as long. It can still be said later what was done (`taking`).
MISSED_AFTER = timedelta(hours=4)


def plan_of(row: MedicationReminder, *, standing: bool = False) -> Plan:
    """What the arithmetic takes of a reminder; `standing` as if it had not been ended. A medicine
    that is taken until a day is not due after it."""
    days = [day for day in (row.last_day, row.medication.active_until) if day]
    return Plan(
        first_day=row.first_day,
        begins_at=row.begins_at,
        last_day=min(days, default=None),
        ends_at=None if standing else row.ends_at,
        times=() if row.pattern == Pattern.AS_NEEDED else tuple(row.times),
        days=frozenset(row.days),
        every=timedelta(hours=row.every_hours) if row.pattern == Pattern.HOURS else None,
        rule=recurrence.parse(row.rule) if row.pattern == Pattern.RULE else None,
    )


def covered(row: MedicationReminder) -> datetime | None:
    """The last instant up to which all doses of a reminder are written. Of those to come only the
    next one is ever written before its time, so none lies between."""
    logs = row.logs.filter(due_at__isnull=False).order_by("-due_at")
    return logs.values_list("due_at", flat=True).first()


def write(row: MedicationReminder, clock: Clock, now: datetime) -> list[ReminderLog]:
    """Write the doses of a reminder that are due by `now` and are not written; answers them. The
    caller has locked the reminder."""
    so_far = covered(row)
    since = so_far + INSTANT if so_far else row.begins_at
    instants = doses.between(plan_of(row), clock, since, now + INSTANT)
    return ReminderLog.objects.bulk_create(
        ReminderLog(
            facility_id=row.facility_id, patient_id=row.patient_id, reminder=row, due_at=at,
            **row.kept,
        )
        for at in instants
    )  # fmt: skip
