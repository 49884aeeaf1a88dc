"""Doses that have come due, and those that nobody answered.

All of it follows from what stands in the database: a run that was missed is made up for by the next
one, and a run too many writes nothing.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from clinic.security import tenancy
from scheduling import messages
from scheduling.medicines import doses
from scheduling.medicines.clocks import Clock
from scheduling.medicines.diary import INSTANT, MISSED_AFTER, OPEN, plan_of, write
from scheduling.medicines.doses import Plan
from scheduling.medicines.journeys import clock_of, clocks_of
from scheduling.models import MedicationReminder, ReminderLog

Status = ReminderLog.Status


def open_doses() -> QuerySet[ReminderLog]:
    """The doses of the facility acted in that wait for an answer."""
    return ReminderLog.objects.filter(facility_id=tenancy.current().facility_id, status__in=OPEN)


def see() -> int:
    """Write what has come due in the facility, let what was put off be due again, and mark what was
    missed. A task of the system, run each minute; each reminder stands by itself, so that it may be
    ended at any point and run again. Answers how many doses became something else."""
    now = timezone.now()
    with transaction.atomic():
        waiting = _reminders_to_write(now)
    return sum(_catch_up(pk) for pk in waiting) + wake() + mark_missed()


def _reminders_to_write(now: datetime) -> list[UUID]:
    """The reminders in force of which something is due, or that are over; in three queries."""
    written = ReminderLog.objects.filter(reminder=OuterRef("pk"), due_at__isnull=False)
    rows = (
        MedicationReminder.objects.filter(
            facility_id=tenancy.current().facility_id, ends_at=None, begins_at__lte=now
        )
        .select_related("medication")
        .annotate(so_far=Subquery(written.order_by("-due_at").values("due_at")[:1]))
        .order_by("pk")
    )
    standing = list(rows)
    clocks = clocks_of({row.patient_id for row in standing})
    found = []
    for row in standing:
        plan, clock = plan_of(row), clocks[row.patient_id]
        since = row.so_far + INSTANT if row.so_far else row.begins_at
        over = _ended_by(row, plan, clock, now)
        if over or doses.between(plan, clock, since, now + INSTANT):
            found.append(row.pk)
    return found


def _ended_by(row: MedicationReminder, plan: Plan, clock: Clock, now: datetime) -> datetime | None:
    """When a reminder ended by itself: its last day is over, or the medicine is not taken more."""
    if not row.medication.is_active:
        return now
    over = doses.over(plan, clock)
    return over if over and over <= now else None


@transaction.atomic
def _catch_up(pk: UUID) -> int:
    """Write what is due of one reminder, and end it where it is over."""
    rows = MedicationReminder.objects.filter(pk=pk, ends_at=None).select_related("medication")
    row = rows.select_for_update(of=("self",), skip_locked=True).first()
    if row is None:
        return 0
    now, clock = timezone.now(), clock_of(row.patient_id)
    ended = _ended_by(row, plan_of(row), clock, now)
    # What a medicine that was ended has become due of meanwhile is nobody's to take.
    written = write(row, clock, now) if row.medication.is_active else []
    if ended:
        row.ends_at = max(ended, row.begins_at)
        row.save(update_fields=["ends_at"])
    if written and now < written[-1].due_at + MISSED_AFTER:
        messages.plan_dose(written[-1])
    return len(written)


@transaction.atomic
def wake() -> int:
    """Let the doses that were put off be due again."""
    late = open_doses().filter(status=Status.SNOOZED, snoozed_until__lte=timezone.now())
    rows = list(late.order_by("pk").select_for_update(of=("self",), skip_locked=True))
    for row in rows:
        messages.plan_dose(row)
        row.status, row.snoozed_until = Status.DUE, None
        row.save()
    return len(rows)


@transaction.atomic
def mark_missed() -> int:
    """Mark the doses that nobody answered in time (`MISSED_AFTER`)."""
    now = timezone.now()
    following = ReminderLog.objects.filter(
        reminder=OuterRef("reminder"), due_at__gt=OuterRef("due_at"), due_at__lte=now
    )
    late = open_doses().filter(Q(due_at__lte=now - MISSED_AFTER) | Exists(following))
    rows = list(late.order_by("pk").select_for_update(of=("self",), skip_locked=True))
    for row in rows:
        row.status, row.snoozed_until = Status.MISSED, None
        row.save()
    return len(rows)
