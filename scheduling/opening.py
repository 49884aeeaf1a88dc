"""Setting when specialists can be booked, and for which kinds of visit."""

from collections.abc import Mapping, Sequence
from datetime import date, time

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, Stale, from_validation, invalid
from clinic.models import Specialist, User
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission, Reach
from scheduling.models import AppointmentType, AvailabilityBlock

Interval = tuple[time, time]
KIND_DETAILS = ("name", "minutes", "portal_bookable", "is_active")


def blocks_of(specialist: Specialist) -> QuerySet[AvailabilityBlock]:
    """The weekly hours and the exceptions of a specialist."""
    facility_id = tenancy.current().facility_id
    return AvailabilityBlock.objects.filter(facility_id=facility_id, specialist=specialist)


def may_set(specialist: Specialist, by: User) -> bool:
    """Whether the person may set these hours: her own, or all with the reach of the clinic."""
    actor = tenancy.current()
    own_only = actor.reach != Reach.FACILITY
    return actor.may(Permission.AVAILABILITY_MANAGE) and not (
        own_only and specialist.user_id != by.pk
    )


@transaction.atomic
def open_hours(
    *,
    specialist: Specialist,
    start_time: time | None = None,
    end_time: time | None = None,
    day_of_week: int | None = None,
    exception_date: date | None = None,
    is_closed: bool = False,
    valid_from: date | None = None,
    valid_until: date | None = None,
    location: str = "",
    by: User,
) -> AvailabilityBlock:
    """Add weekly hours, or with `exception_date` the hours of that one date instead of the week's;
    `is_closed` closes the date. Booked visits stand, whatever the hours become.

    Raises `Invalid` naming the field.
    """
    _authorise(specialist, by)
    if (day_of_week is None) == (exception_date is None):
        raise invalid("day_of_week", _("Give a day of the week or a date, one of the two."))
    if day_of_week is not None and not 1 <= day_of_week <= 7:
        raise invalid("day_of_week", _("A day is a number from 1 (Monday) to 7 (Sunday)."))
    if is_closed and exception_date is None:
        raise invalid("is_closed", _("Only a date can be closed."))
    if not is_closed:
        _check_interval(start_time, end_time)
    if valid_from and valid_until and valid_until < valid_from:
        raise invalid("valid_until", _("The end must be after the start."))
    return AvailabilityBlock.objects.create(
        facility_id=tenancy.current().facility_id,
        specialist=specialist,
        day_of_week=day_of_week,
        start_time=None if is_closed else start_time,
        end_time=None if is_closed else end_time,
        exception_date=exception_date,
        is_closed=is_closed,
        valid_from=valid_from,
        valid_until=valid_until,
        location=location[:100],
    )


@transaction.atomic
def withdraw(*, block: AvailabilityBlock, by: User) -> None:
    """Take hours back. Booked visits stand."""
    row = blocks_of(block.specialist).filter(pk=block.pk).first()
    if row is None:
        raise Missing(_("There are no such hours."))
    _authorise(row.specialist, by)
    row.delete()


@transaction.atomic
def set_week(*, specialist: Specialist, week: Mapping[int, Sequence[Interval]], by: User) -> None:
    """Make `week` (day 1 to 7 → intervals) the weekly hours from now on; exceptions stay.

    Raises `Invalid` naming the day (`day_3`) whose hours end before they start or overlap. Hours
    that do not change keep their rows.
    """
    _authorise(specialist, by)
    for day, intervals in week.items():
        _check_day(day, intervals)
    wanted = {(day, start, end) for day, spans in week.items() for start, end in spans}
    weekly = blocks_of(specialist).filter(exception_date=None)
    for block in weekly.select_for_update():
        key = (block.day_of_week, block.start_time, block.end_time)
        limited = block.valid_from or block.valid_until
        if key in wanted and not limited:
            wanted.discard(key)
        elif not limited:
            block.delete()
    for day, start, end in sorted(wanted):
        open_hours(specialist=specialist, day_of_week=day, start_time=start, end_time=end, by=by)


@transaction.atomic
def offer(*, by: User, **details) -> AppointmentType:
    """Offer a new kind of visit. Raises `Invalid` and `Conflict` (the name is taken)."""
    kind = AppointmentType(facility_id=tenancy.current().facility_id)
    return _stored_kind(kind, {"name": "", **details})


@transaction.atomic
def correct_kind(*, kind: AppointmentType, version: int | None = None, by: User, **details):
    """Change a kind of visit, or end it (`is_active=False`); booked visits stand."""
    rows = AppointmentType.objects.filter(facility_id=tenancy.current().facility_id)
    row = rows.select_for_update().filter(pk=kind.pk).first()
    if row is None:
        raise Missing(_("There is no such kind of visit."))
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    return _stored_kind(row, details)


def _stored_kind(kind: AppointmentType, details: dict) -> AppointmentType:
    actor = tenancy.current()
    actor.require(Permission.AVAILABILITY_MANAGE)
    if actor.reach != Reach.FACILITY:
        raise Denied(Permission.AVAILABILITY_MANAGE)
    if unknown := set(details) - set(KIND_DETAILS):
        raise invalid(unknown.pop(), _("This field cannot be set."))
    for name, value in details.items():
        setattr(kind, name, value)
    try:
        kind.clean_fields(exclude=["facility"])
        with transaction.atomic():
            kind.save()
    except ValidationError as error:
        raise from_validation(error) from error
    except IntegrityError as error:
        message = _("There is a kind of visit with this name.")
        raise Conflict(message, fields={"name": [message]}) from error
    return kind


def _authorise(specialist: Specialist, by: User) -> None:
    actor = tenancy.current()
    actor.require(Permission.AVAILABILITY_MANAGE)
    if specialist.facility_id != actor.facility_id:
        raise Missing(_("There is no such specialist."))
    if not may_set(specialist, by):
        raise Denied(Permission.AVAILABILITY_MANAGE)


def _check_interval(start: time | None, end: time | None) -> None:
    if start is None:
        raise invalid("start_time", _("Enter when the hours begin, like 09:00."))
    if end is None:
        raise invalid("end_time", _("Enter when the hours end, like 17:00."))
    if end <= start:
        raise invalid("end_time", _("The end must be after the start."))


def _check_day(day: int, intervals: Sequence[Interval]) -> None:
    before: Interval | None = None
    for start, end in sorted(intervals):
        if end <= start:
            raise invalid(f"day_{day}", _("The end must be after the start."))
        if before and start < before[1]:
            raise invalid(f"day_{day}", _("The hours of a day must not overlap."))
        before = (start, end)
