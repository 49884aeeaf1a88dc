"""Visits that come again: every so many weeks at the same time of the wall clock, all or none."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Refused, invalid
from clinic.models.base import uuid7
from scheduling import availability, booking, calendar
from scheduling.models import Appointment
from scheduling.placing import aware

MOST, MOST_WEEKS = 52, 26


class SeriesConflict(Conflict):
    """Some of the times cannot be had; `conflicts` holds each with the reason, and none is booked.
    The field `start_datetime` names them, too."""

    def __init__(self, conflicts: list[tuple[datetime, str]]):
        self.conflicts = conflicts
        message = _("Not all of these times can be had. None was booked.")
        told = [f"{start.isoformat()}: {reason}" for start, reason in conflicts]
        self.more = {
            "conflicts": [
                {"start_datetime": start.isoformat(), "reason": reason}
                for start, reason in conflicts
            ]
        }
        super().__init__(message, fields={"start_datetime": told})


def occurrences(start: datetime, *, every_weeks: int, times: int, zone: ZoneInfo) -> Iterator:
    """The instants of a series: the same time of the wall clock each time. A time that a clock
    change skips yields the naive wall-clock time itself, for the caller to refuse by its name; of
    one that comes twice it is the first."""
    wall = start.astimezone(zone)
    for number in range(times):
        day = wall.date() + timedelta(weeks=every_weeks * number)
        try:
            yield availability.instant(day, wall.time(), zone, fold=wall.fold)
        except availability.NoSuchTime:
            yield datetime.combine(day, wall.time())


@transaction.atomic
def book(
    *, start: datetime, every_weeks: int, times: int, hold=None, by, **visit
) -> list[Appointment]:
    """Book a visit `times` times, every so many weeks; `visit` is what `booking.book` takes, and
    `hold` the time that was kept for the first.

    Raises `Invalid`, `Denied`, and `SeriesConflict` naming every time that cannot be had: then none
    is booked.
    """
    if not 2 <= times <= MOST:
        raise invalid("times", _("A series has 2 to %d visits.") % MOST)
    if not 1 <= every_weeks <= MOST_WEEKS:
        raise invalid("every_weeks", _("A series comes every 1 to %d weeks.") % MOST_WEEKS)
    zone, name, booked, conflicts = calendar.zone(), uuid7(), [], []
    found = occurrences(aware(start), every_weeks=every_weeks, times=times, zone=zone)
    for begins in found:
        if timezone.is_naive(begins):
            reason = _("This time does not exist on that date: the clocks change.")
            conflicts.append((begins, str(reason)))
            continue
        try:
            with transaction.atomic():
                kept = {"hold": hold} if hold and begins == start else {}
                booked.append(booking.book(start=begins, series=name, by=by, **kept, **visit))
        except Conflict as conflict:
            conflicts.append((begins.astimezone(zone), str(conflict.message)))
        except Refused as refused:
            if "start_datetime" not in refused.fields or not booked:
                raise
            conflicts.append((begins.astimezone(zone), str(refused.fields["start_datetime"][0])))
    if conflicts:
        raise SeriesConflict(conflicts)
    return booked


@transaction.atomic
def cancel_following(*, appointment: Appointment, reason: str = "", by) -> list[Appointment]:
    """Cancel a visit of a series and all that follow and are still to come."""
    rows = (
        calendar.visits(by)
        .upcoming()
        .filter(series=appointment.series, start_datetime__gte=appointment.start_datetime)
    )
    if appointment.series is None:
        raise invalid("scope", _("This visit does not come again."))
    to = Appointment.Status.CANCELED
    return [
        booking.change_status(appointment=row, to=to, reason=reason, by=by) for row in list(rows)
    ]
