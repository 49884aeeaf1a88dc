"""When the clinic or one of its specialists does not receive: holidays and leave. Visits that are
booked stay; `touched` tells which."""

from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, invalid
from clinic.models import Specialist
from clinic.security import tenancy
from scheduling import calendar
from scheduling.hours import require_setting
from scheduling.kinds import require_wide
from scheduling.models import Appointment, Holiday, Leave

LONGEST_LEAVE = timedelta(days=2 * 366)


def holidays() -> QuerySet[Holiday]:
    return Holiday.objects.filter(facility_id=tenancy.current().facility_id)


def leaves() -> QuerySet[Leave]:
    rows = Leave.objects.filter(facility_id=tenancy.current().facility_id)
    return rows.select_related("specialist__user")


@transaction.atomic
def keep_holiday(*, on: date, name: str, by) -> Holiday:
    """Close the clinic on a date. Raises `Invalid` and `Conflict` (the date is one already)."""
    require_wide()
    name = name.strip()
    if not name or len(name) > 100:
        raise invalid("name", _("Name the holiday, in at most 100 letters."))
    if holidays().filter(date=on).exists():
        message = _("This date is a holiday already.")
        raise Conflict(message, fields={"date": [message]})
    return Holiday.objects.create(facility_id=tenancy.current().facility_id, date=on, name=name)


@transaction.atomic
def drop_holiday(*, holiday: Holiday, by) -> None:
    """Receive on that date again."""
    require_wide()
    row = holidays().filter(pk=holiday.pk).first()
    if row is None:
        raise Missing(_("There is no such holiday."))
    row.delete()


@transaction.atomic
def take_leave(*, specialist: Specialist, first_day: date, last_day: date, by) -> Leave:
    """Let a specialist be away from the first day to the last. Raises `Invalid`."""
    require_setting(specialist)
    if last_day < first_day:
        raise invalid("last_day", _("The last day cannot be before the first."))
    if last_day - first_day > LONGEST_LEAVE:
        raise invalid("last_day", _("A leave is at most two years long."))
    return Leave.objects.create(
        facility_id=tenancy.current().facility_id, specialist=specialist, first_day=first_day,
        last_day=last_day,
    )  # fmt: skip


@transaction.atomic
def end_leave(*, leave: Leave, by) -> None:
    """Take a leave back."""
    row = leaves().filter(pk=leave.pk).first()
    if row is None:
        raise Missing(_("There is no such leave."))
    require_setting(row.specialist)
    row.delete()


def touched(
    user, first_day: date, last_day: date, specialist: Specialist | None = None
) -> QuerySet[Appointment]:
    """The visits still to come on those days, which somebody has to move or cancel."""
    zone = calendar.zone()
    start, end = (
        datetime.combine(day, time(), zone) for day in (first_day, last_day + timedelta(days=1))
    )
    rows = calendar.visits(user).upcoming().between(start, end)
    return rows.filter(specialist=specialist) if specialist else rows
