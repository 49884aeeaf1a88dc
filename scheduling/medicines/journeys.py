"""By which clock a patient takes her medicines: the clinic's, until she travels."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing, invalid
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission
from patients import access, proxy
from patients.models import Patient
from scheduling import calendar
from scheduling.availability import ZONES
from scheduling.medicines import diary
from scheduling.medicines.clocks import Clock
from scheduling.models import MedicationReminder, PatientZone, ReminderLog


def clocks_of(patients: Iterable[UUID]) -> dict[UUID, Clock]:
    """The clocks of several patients of the facility acted in, in two queries."""
    home, moves = calendar.zone(), defaultdict(list)
    rows = PatientZone.objects.filter(patient_id__in=(wanted := list(patients))).order_by("since")
    for row in rows:
        moves[row.patient_id].append((row.since, ZoneInfo(row.zone)))
    return {pk: Clock(home, moves[pk]) for pk in wanted}


def clock_of(patient: UUID) -> Clock:
    """The clock of one patient."""
    return clocks_of([patient])[patient]


@transaction.atomic
def travel(*, patient: Patient, zone: str, by: User) -> Clock:
    """Let times of the day be those of another zone from now on; answers her clock.

    What has come due by the clock so far stays due. A dose that was taken before its time stays
    taken: it is due when the new clock shows its time. Raises `Invalid` naming `zone`, `Missing`
    and `Denied` (a relative who does not act for her).
    """
    tenancy.current().require(Permission.MEDICINE_REMIND)
    access.require_reach(patient, Category.MEDICATIONS, by)
    proxy.require(patient.pk, by=by)
    if zone not in ZONES:
        raise invalid("zone", _("This is not a known time zone."))
    # One journey after another, and none while doses are written.
    locked = Patient.objects.select_for_update(of=("self",)).filter(pk=patient.pk)
    if not locked.exists():
        raise Missing(_("There is no such patient."))
    reminders = MedicationReminder.objects.filter(patient=patient, ends_at=None).order_by("pk")
    standing = access.visible(reminders, by, category=Category.MEDICATIONS)
    rows = list(standing.select_for_update(of=("self",)).select_related("medication"))
    before, now = clock_of(patient.pk), timezone.now()
    if before.zone_at(now).key == zone:
        return before
    for row in rows:
        diary.write(row, before, now)
    PatientZone.objects.create(
        facility_id=patient.facility_id, patient=patient, zone=zone, since=now
    )
    after = clock_of(patient.pk)
    by_her_clock = {MedicationReminder.Pattern.TIMES, MedicationReminder.Pattern.RULE}
    ahead = ReminderLog.objects.filter(reminder__in=rows, due_at__gt=now)
    for dose in ahead.filter(reminder__pattern__in=by_her_clock).select_for_update(of=("self",)):
        dose.due_at = after.first(before.shown(dose.due_at))
        if dose.snoozed_until:
            dose.snoozed_until = dose.due_at
        dose.save()
    return after
