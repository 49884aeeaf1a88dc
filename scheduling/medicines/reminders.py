"""Reminders of medicines: set, changed, stopped; and what a person sees of them.

When doses are due is told in `doses`, what becomes of each in `taking`.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Invalid, Missing, Stale, invalid
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission
from patients import access, health, proxy
from patients.models import Medication, Patient
from scheduling import recurrence
from scheduling.medicines import diary, doses
from scheduling.medicines.clocks import Clock
from scheduling.medicines.journeys import clock_of
from scheduling.models import MedicationReminder, ReminderLog

Pattern = MedicationReminder.Pattern
Status = ReminderLog.Status

MOST = 50  # reminders of one patient at a time
MOST_TIMES = 24  # doses of one reminder a day
LONGEST = timedelta(days=5 * 366)
SAID = (
    "pattern", "times", "days", "every_hours", "rule", "amount", "meal", "first_day", "last_day",
    "sends_messages",
)  # fmt: skip
NEEDED = {Pattern.TIMES: "times", Pattern.HOURS: "every_hours", Pattern.RULE: "rule"}


class RemindsAlready(Conflict):
    """There is a reminder of the medicine that says the same."""


class ReminderEnded(Conflict):
    """The reminder stands no more."""


def reminders(user: User | None) -> QuerySet[MedicationReminder]:
    """The reminders that the person may see: as their medicines are."""
    rows = access.visible(MedicationReminder.objects.all(), user, category=Category.MEDICATIONS)
    return rows.select_related("medication")


def logs(user: User | None) -> QuerySet[ReminderLog]:
    """The doses that the person may see, of which something became or is awaited."""
    rows = access.visible(ReminderLog.objects.all(), user, category=Category.MEDICATIONS)
    return rows.select_related("reminder__medication")


def require(patient: Patient | Any, *, by: User) -> None:
    """Raise `Denied` unless the person sets reminders and says what was taken: somebody of the
    clinic who may, the patient, or who acts for her."""
    tenancy.current().require(Permission.MEDICINE_REMIND)
    proxy.require(patient, by=by)


@transaction.atomic
def remind(
    *,
    medication: Medication,
    pattern: str,
    times: Iterable[time] = (),
    days: Iterable[int] = range(1, 8),
    every_hours: int | None = None,
    first_dose: datetime | None = None,
    rule: str = "",
    amount: str = "",
    meal: str = "",
    first_day: date | None = None,
    last_day: date | None = None,
    sends_messages: bool = True,
    by: User,
) -> MedicationReminder:
    """Remind of a medicine from now on.

    `pattern` is "times" (`times` of the patient's clock, on `days` of the week), "hours" (each
    `every_hours` from the instant `first_dose` on, else from now), "rule" (RFC 5545; from the first
    day on at the one of `times`) or "as_needed". From the first day (today) to the last.

    Raises `Invalid` naming the field, `Missing` (a medicine out of reach, or that is not taken any
    more), `Denied` and `RemindsAlready`.
    """
    tenancy.current().require(Permission.MEDICINE_REMIND)
    medicine = _medicine(medication, by)
    require(medicine.patient_id, by=by)
    clock, now = clock_of(medicine.patient_id), timezone.now()
    begins = first_dose if pattern == Pattern.HOURS and first_dose else now
    today = clock.shown(now).date()
    row = MedicationReminder(
        facility_id=medicine.facility_id, patient_id=medicine.patient_id, medication=medicine,
        pattern=pattern, times=sorted(set(times)), days=sorted(set(days)), every_hours=every_hours,
        rule=rule.strip(), amount=amount.strip(), meal=meal, last_day=last_day,
        first_day=first_day or clock.shown(begins).date(), begins_at=begins,
        sends_messages=sends_messages, set_by=by, **medicine.kept,
    )  # fmt: skip
    if begins < now - timedelta(minutes=1):
        raise invalid("first_dose", _("Choose a time to come."))
    if first_day and first_day < today:
        raise invalid("first_day", _("Choose today or a day to come."))
    if pattern == Pattern.HOURS and begins > now + LONGEST:
        raise invalid("first_dose", _("Choose a time within five years."))
    _check(row, today, clock)
    return _begin(row, by=by)


@transaction.atomic
def change(
    *, reminder: MedicationReminder, version: int | None = None, by: User, **said
) -> MedicationReminder:
    """Remind otherwise from now on: the reminder ends and another begins, which is answered. What
    was due stays what was due. `said` is what `remind` takes. Raises what that raises, `Stale`, and
    `ReminderEnded`."""
    row = _standing(reminder, version, by)
    if unknown := set(said) - {*SAID, "first_dose"}:
        raise Invalid(
            _("Some details need to be corrected."),
            fields={name: [_("This field cannot be set.")] for name in unknown},
        )
    clock, now = clock_of(row.patient_id), timezone.now()
    covered = _end(row, now=now, by=by)
    begins = max(now, covered + timedelta(microseconds=1)) if covered else now
    new = MedicationReminder(
        facility_id=row.facility_id, patient_id=row.patient_id, medication=row.medication,
        begins_at=begins, set_by=by, **row.medication.kept,
        **{name: said.get(name, getattr(row, name)) for name in SAID},
    )  # fmt: skip
    new.times, new.days = sorted(set(new.times)), sorted(set(new.days))
    today = clock.shown(now).date()
    if new.pattern == Pattern.HOURS:
        same = row.pattern == Pattern.HOURS and row.every_hours == new.every_hours
        following = (
            doses.following(diary.plan_of(row, standing=True), clock, begins) if same else None
        )
        new.begins_at = said.get("first_dose") or following or begins
        if new.begins_at < begins:
            raise invalid("first_dose", _("Choose a time to come."))
    if said.get("first_day", today) < today:
        raise invalid("first_day", _("Choose today or a day to come."))
    _check(new, today, clock)
    return _begin(new, by=by)


@transaction.atomic
def stop(
    *, reminder: MedicationReminder, version: int | None = None, by: User
) -> MedicationReminder:
    """Remind no longer. What was due so far stays, to be answered. Raises `Stale` and
    `ReminderEnded`."""
    row = _standing(reminder, version, by)
    _end(row, now=timezone.now(), by=by)
    return row


def _medicine(medication: Medication, by: User) -> Medication:
    rows = health.visible_to(by, Medication).filter(pk=getattr(medication, "pk", medication))
    row = rows.select_for_update(of=("self",)).first()
    if row is None:
        message = _("There is no such medicine.")
        raise Missing(message, fields={"medication": [message]})
    if not row.is_active:
        raise invalid("medication", _("This medicine is not taken any more."))
    return row


def _standing(reminder: MedicationReminder, version: int | None, by: User) -> MedicationReminder:
    """The reminder, locked: nothing becomes due of it meanwhile."""
    tenancy.current().require(Permission.MEDICINE_REMIND)
    row = reminders(by).select_for_update(of=("self",)).filter(pk=reminder.pk).first()
    if row is None:
        raise Missing(_("There is no such reminder."))
    require(row.patient_id, by=by)
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    if row.ends_at is not None:
        raise ReminderEnded(_("This reminder has ended."))
    return row


def _end(row: MedicationReminder, *, now: datetime, by: User) -> datetime | None:
    """End a reminder whose doses are written so far; answers the instant of the last of them, which
    lies ahead where it was taken early. One that waits for its time does not come any more."""
    diary.write(row, clock_of(row.patient_id), now)
    row.ends_at = now
    row.save(update_fields=["ends_at"])
    for dose in row.logs.filter(due_at__gt=now, status=Status.SNOOZED).select_for_update():
        dose.status, dose.snoozed_until = Status.SKIPPED, None
        dose.answered_at, dose.answered_by = now, by
        dose.save()
    return diary.covered(row)


def _begin(row: MedicationReminder, *, by: User) -> MedicationReminder:
    standing = MedicationReminder.objects.filter(patient_id=row.patient_id, ends_at=None)
    if standing.count() >= MOST:
        raise Conflict(_("There are as many reminders as can be kept. Stop one first."))
    for other in standing.filter(medication_id=row.medication_id, pattern=row.pattern):
        if _says(other) == _says(row):
            raise RemindsAlready(_("There is a reminder of this medicine that says the same."))
    row.save(force_insert=True)
    return row


def _says(row: MedicationReminder) -> tuple:
    return (row.pattern, row.times, row.days, row.every_hours, row.rule)


def _check(row: MedicationReminder, today: date, clock: Clock) -> None:
    """Raise `Invalid` naming the first field that cannot be, having cleared what the pattern does
    not use."""
    if row.pattern not in Pattern.values:
        raise invalid("pattern", _("Choose when it is taken."))
    if row.pattern != Pattern.HOURS:
        row.every_hours = None
    if row.pattern != Pattern.RULE:
        row.rule = ""
    if row.pattern != Pattern.TIMES:
        row.days = list(range(1, 8))
    if row.pattern in {Pattern.HOURS, Pattern.AS_NEEDED}:
        row.times = []
    if (needed := NEEDED.get(row.pattern)) and not getattr(row, needed):
        raise invalid(needed, _("Say when."))
    if len(row.times) > MOST_TIMES or any(one.second or one.microsecond for one in row.times):
        raise invalid("times", _("Give at most 24 times, in hours and minutes."))
    if not row.days or set(row.days) - set(range(1, 8)):
        raise invalid("days", _("Days are 1 (Monday) to 7 (Sunday)."))
    if row.last_day and row.last_day < max(row.first_day, today):
        raise invalid("last_day", _("The last day cannot be before the first, or over."))
    for name in ("first_day", "last_day"):
        if (day := getattr(row, name)) and day > today + LONGEST:
            raise invalid(name, _("Choose a day within five years."))
    if row.rule:
        _check_rule(row)
    try:
        row.clean_fields(exclude=("facility", "patient", "medication", "set_by", "first_day"))
    except ValidationError as error:
        raise Invalid(
            _("Some details need to be corrected."), fields=dict(error.message_dict)
        ) from error
    if row.pattern != Pattern.AS_NEEDED and not doses.following(
        diary.plan_of(row), clock, row.begins_at - timedelta(microseconds=1)
    ):
        name = "rule" if row.rule else "last_day" if row.last_day else needed
        raise invalid(name, _("No dose would ever be due."))


def _check_rule(row: MedicationReminder) -> None:
    if len(row.times) != 1:
        raise invalid("times", _("Give the time at which the rule begins."))
    try:
        rule = recurrence.parse(row.rule)
    except recurrence.UnsupportedRule as error:
        raise invalid(
            "rule", _("%(part)s is not supported in a rule.") % {"part": error.part}
        ) from error
    except recurrence.MalformedRule as error:
        raise invalid(
            "rule", _("%(part)s cannot be read in this rule.") % {"part": error.part}
        ) from error
    if rule.frequency == "HOURLY":
        raise invalid("rule", _("FREQ=HOURLY is not supported here: say every how many hours."))
    begins = datetime.combine(row.first_day, row.times[0])
    month = timedelta(days=31)
    most = MOST_TIMES * month.days
    found = list(islice(recurrence.walls(rule, begins, begins, begins + month), most + 1))
    if len(found) > most:
        raise invalid("rule", _("A rule comes at most 24 times a day."))
