"""What becomes of a dose: taken, skipped, put off; and taken back where it was a mistake.

A dose is answered once, however many press at the same time; who says the same again is told what
stands. The stated ways: due or put off → taken, skipped; due → put off → due (`due`);
missed → taken, skipped, until a day after it was due; taken, skipped → as it was, for a quarter of
an hour, by who said so. Nothing here warns: how often something may be taken is for those who
prescribe it.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Invalid, Missing, invalid
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Permission
from scheduling.medicines import diary, doses, reminders
from scheduling.medicines.journeys import clock_of
from scheduling.models import MedicationReminder, ReminderLog

Status = ReminderLog.Status

EARLY = timedelta(hours=2)  # before its time the next dose can be answered
LATE = timedelta(days=1)  # after its time, also when it counts as missed
TO_UNDO = timedelta(minutes=15)
PUT_OFF = (5, 180)  # minutes
SAME_PRESS = timedelta(minutes=1)
LONGEST_NOTE = 500


class DoseAnswered(Conflict):
    """It was said already what became of the dose, or it is too late to say so."""


class NotDue(Conflict):
    """The dose cannot be answered yet."""


def take(*, dose: ReminderLog, note: str = "", by: User) -> ReminderLog:
    """Say that a dose was taken, now. Raises `Missing`, `Denied` and `DoseAnswered`."""
    return _answer(dose, Status.TAKEN, note, by)


def skip(*, dose: ReminderLog, note: str = "", by: User) -> ReminderLog:
    """Say that a dose is left out. Raises `Missing`, `Denied` and `DoseAnswered`."""
    return _answer(dose, Status.SKIPPED, note, by)


@transaction.atomic
def snooze(*, dose: ReminderLog, minutes: int, by: User) -> ReminderLog:
    """Put a dose off: it is due again in 5 to 180 minutes, before it would count as missed. Raises
    `Invalid` naming `minutes`, `Missing`, `Denied`, `NotDue` and `DoseAnswered`."""
    row, now = _locked(dose, by), timezone.now()
    if row.status not in diary.OPEN:
        raise DoseAnswered(_("This dose has been answered."))
    if row.due_at > now:
        raise NotDue(_("This dose is not due yet."))
    if not PUT_OFF[0] <= minutes <= PUT_OFF[1]:
        raise invalid("minutes", _("Choose 5 to 180 minutes."))
    until = now + timedelta(minutes=minutes)
    if until >= missed_at(row):
        raise invalid("minutes", _("By then the dose would count as missed. Choose less."))
    row.status, row.snoozed_until, row.snoozes = Status.SNOOZED, until, row.snoozes + 1
    row.answered_at, row.answered_by = now, by
    row.save()
    return row


@transaction.atomic
def undo(*, dose: ReminderLog, by: User) -> ReminderLog | None:
    """Take back, within a quarter of an hour, what one said oneself of a dose: it waits for an
    answer again. What was taken as needed is gone (None). Raises `Missing`, `Denied` and
    `DoseAnswered`."""
    row, now = _locked(dose, by), timezone.now()
    if not can_undo(row, by=by):
        raise DoseAnswered(_("This cannot be taken back any more."))
    if row.due_at is None:
        row.delete()
        return None
    # One that was answered before its time waits for it.
    ahead = row.due_at > now
    row.status, row.snoozed_until = (Status.SNOOZED, row.due_at) if ahead else (Status.DUE, None)
    row.answered_at, row.answered_by, row.note = None, None, ""
    row.save()
    return row


@transaction.atomic
def open_early(*, reminder: MedicationReminder, due_at: datetime, by: User) -> ReminderLog:
    """The next dose of a reminder, to be answered before its time: within two hours. Written
    already, it is the one that stands. Raises `Missing`, `Denied`, `Invalid` naming `due_at` (no
    dose is due then) and `NotDue` (earlier than that, or not the next)."""
    row = _reminder(reminder, by)
    now, clock = timezone.now(), clock_of(row.patient_id)
    diary.write(row, clock, now)
    if written := row.logs.filter(due_at=due_at).first():
        return written
    following = doses.following(diary.plan_of(row), clock, max(now, diary.covered(row) or now))
    if due_at > now + EARLY:
        raise NotDue(_("A dose can be answered from two hours before its time on."))
    if due_at != following:
        raise invalid("due_at", _("The next dose is due at another time."))
    return ReminderLog.objects.create(
        facility_id=row.facility_id, patient_id=row.patient_id, reminder=row, due_at=due_at,
        status=Status.SNOOZED, snoozed_until=due_at, **row.kept,
    )  # fmt: skip


@transaction.atomic
def take_as_needed(*, reminder: MedicationReminder, note: str = "", by: User) -> ReminderLog:
    """Say that a medicine was taken, now, for which no time is set. Twice within a minute by the
    same person is one press. Raises `Missing`, `Denied`, and `NotDue` for one with set times."""
    row, now = _reminder(reminder, by), timezone.now()
    if row.pattern != MedicationReminder.Pattern.AS_NEEDED:
        raise NotDue(_("This medicine is taken at set times."))
    same = row.logs.filter(due_at=None, answered_by=by, answered_at__gt=now - SAME_PRESS).first()
    return same or ReminderLog.objects.create(
        facility_id=row.facility_id, patient_id=row.patient_id, reminder=row, note=_checked(note),
        status=Status.TAKEN, answered_at=now, answered_by=by, **row.kept,
    )  # fmt: skip


def missed_at(row: ReminderLog) -> datetime:
    """When a dose counts as missed unless it is answered."""
    limit = row.due_at + diary.MISSED_AFTER
    plan, clock = diary.plan_of(row.reminder), clock_of(row.patient_id)
    return min([limit, *doses.between(plan, clock, row.due_at + diary.INSTANT, limit)])


def can_undo(row: ReminderLog, *, by: User) -> bool:
    """Whether the person may still take back what was said."""
    said = row.status in {Status.TAKEN, Status.SKIPPED} and row.answered_by_id == by.pk
    return bool(said and row.answered_at and row.answered_at > timezone.now() - TO_UNDO)


def can_answer(row: ReminderLog) -> bool:
    """Whether it can be said what became of a dose."""
    now = timezone.now()
    if row.due_at is None or not row.due_at - EARLY <= now < row.due_at + LATE:
        return False
    return row.status in {*diary.OPEN, Status.MISSED}


@transaction.atomic
def _answer(dose: ReminderLog, status: Status, note: str, by: User) -> ReminderLog:
    row = _locked(dose, by)
    if row.status == status:
        return row
    if not can_answer(row):
        raise DoseAnswered(_("This dose has been answered, or its time is over."))
    row.status, row.snoozed_until, row.note = status, None, _checked(note)
    row.answered_at, row.answered_by = timezone.now(), by
    row.save()
    return row


def _locked(dose: ReminderLog, by: User) -> ReminderLog:
    tenancy.current().require(Permission.MEDICINE_REMIND)
    row = reminders.logs(by).select_for_update(of=("self",)).filter(pk=dose.pk).first()
    if row is None:
        raise Missing(_("There is no such dose."))
    reminders.require(row.patient_id, by=by)
    return row


def _reminder(reminder: MedicationReminder, by: User) -> MedicationReminder:
    """The reminder, locked while a dose of it is written."""
    tenancy.current().require(Permission.MEDICINE_REMIND)
    rows = reminders.reminders(by).select_for_update(of=("self",))
    row = rows.filter(pk=getattr(reminder, "pk", reminder)).first()
    if row is None:
        message = _("There is no such reminder.")
        raise Missing(message, fields={"reminder": [message]})
    reminders.require(row.patient_id, by=by)
    if row.ends_at is not None:
        raise reminders.ReminderEnded(_("This reminder has ended."))
    return row


def _checked(note: str) -> str:
    if len(note := note.strip()) > LONGEST_NOTE:
        raise Invalid(
            _("Some details need to be corrected."),
            fields={"note": [_("Say it in at most 500 characters.")]},
        )
    return note
