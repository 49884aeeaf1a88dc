"""When specialists can be booked: setting, changing and taking back their hours."""

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid, Missing, Stale
from clinic.models import Specialist
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission, Reach
from scheduling import availability, calendar
from scheduling.models import AvailabilityBlock

FIELDS = (
    "day_of_week", "start_time", "end_time", "exception_date", "is_closed", "valid_from",
    "valid_until", "location",
)  # fmt: skip


def blocks() -> QuerySet[AvailabilityBlock]:
    """The hours of the facility's specialists."""
    return AvailabilityBlock.objects.filter(facility_id=tenancy.current().facility_id)


@transaction.atomic
def set_hours(*, specialist: Specialist, by, **hours) -> AvailabilityBlock:
    """Offer weekly hours, or those of one date instead; `hours` holds any of `FIELDS`.

    Raises `Invalid` naming what cannot be, and stores nothing then.
    """
    _authorise(specialist)
    block = AvailabilityBlock(facility_id=tenancy.current().facility_id, specialist=specialist)
    return _stored(block, hours)


def close(*, specialist: Specialist, on: date, by) -> AvailabilityBlock:
    """Offer nothing on a date; visits that are booked stay."""
    return set_hours(specialist=specialist, exception_date=on, is_closed=True, by=by)


@transaction.atomic
def change(
    *, block: AvailabilityBlock, version: int | None = None, by, **hours
) -> AvailabilityBlock:
    """Change hours; visits that are booked stay. Raises `Invalid`, `Missing` and `Stale`."""
    return _stored(_locked(block, version), hours)


@transaction.atomic
def remove(*, block: AvailabilityBlock, version: int | None = None, by) -> None:
    """Offer these hours no longer; visits that are booked stay."""
    _locked(block, version).delete()


def _authorise(specialist: Specialist) -> None:
    """Who reaches her own patients only sets her own hours only."""
    actor = tenancy.current()
    actor.require(Permission.AVAILABILITY_MANAGE)
    if actor.reach != Reach.FACILITY and specialist.user_id != actor.user_id:
        raise Denied(Permission.AVAILABILITY_MANAGE)


def _locked(block: AvailabilityBlock, version: int | None) -> AvailabilityBlock:
    rows = blocks().filter(pk=block.pk).select_related("specialist")
    row = rows.select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There are no such hours."))
    _authorise(row.specialist)
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    return row


def _stored(block: AvailabilityBlock, hours: dict[str, Any]) -> AvailabilityBlock:
    if unknown := set(hours) - set(FIELDS):
        raise _wrong({name: _("This field cannot be set.") for name in unknown})
    for name, value in hours.items():
        setattr(block, name, value)
    # One at a time for each specialist, so that two new blocks cannot overlap unseen.
    Specialist.objects.select_for_update().get(pk=block.specialist_id)
    check(block)
    block.save()
    return block


def check(block: AvailabilityBlock) -> None:
    """Raise `Invalid` naming every field that cannot be."""
    wrong = _wrong_days(block) | _wrong_times(block)
    if not wrong and _overlaps(block):
        wrong = {"start_time": _("These hours overlap with others of the specialist.")}
    if wrong:
        raise _wrong(wrong)


def _wrong_days(block: AvailabilityBlock) -> dict[str, Any]:
    if (block.day_of_week is None) == (block.exception_date is None):
        return {"day_of_week": _("Give a day of the week, or the one date in exception_date.")}
    if block.day_of_week is not None and not 1 <= block.day_of_week <= 7:
        return {"day_of_week": _("Days are 1 (Monday) to 7 (Sunday).")}
    if block.exception_date and (block.valid_from or block.valid_until):
        return {"valid_from": _("Hours of one date are valid on that date only.")}
    if block.valid_from and block.valid_until and block.valid_until < block.valid_from:
        return {"valid_until": _("The end cannot be before the start.")}
    return {}


def _wrong_times(block: AvailabilityBlock) -> dict[str, Any]:
    if block.is_closed:
        if block.exception_date is None:
            return {"is_closed": _("Only single dates can be closed.")}
        if block.start_time or block.end_time:
            return {"is_closed": _("A closed date has no hours.")}
        return {}
    missing = [name for name in ("start_time", "end_time") if getattr(block, name) is None]
    if missing:
        return {name: _("Give a time of day like 09:30.") for name in missing}
    if block.end_time <= block.start_time:
        return {"end_time": _("The end must be after the start.")}
    return _wrong_clock(block) if block.exception_date else {}


def _wrong_clock(block: AvailabilityBlock) -> dict[str, Any]:
    """Times of a date at which the clocks of the facility's zone change."""
    zone, wrong = calendar.facility().zone, {}
    for name in ("start_time", "end_time"):
        try:
            availability.instant(block.exception_date, getattr(block, name), zone)
        except availability.NoSuchTime:
            wrong[name] = _("This time does not exist on that date: the clocks change.")
        except availability.AmbiguousTime:
            wrong[name] = _("This time comes twice on that date: the clocks change.")
        except OverflowError:
            wrong["exception_date"] = _("Choose another date.")
    return wrong


def _overlaps(block: AvailabilityBlock) -> bool:
    others = (
        blocks()
        .filter(
            specialist_id=block.specialist_id,
            day_of_week=block.day_of_week,
            exception_date=block.exception_date,
        )
        .exclude(pk=block.pk)
    )
    if block.is_closed:
        return others.exists()
    if block.valid_until:
        others = others.filter(Q(valid_from=None) | Q(valid_from__lte=block.valid_until))
    if block.valid_from:
        others = others.filter(Q(valid_until=None) | Q(valid_until__gte=block.valid_from))
    closed = Q(is_closed=True)
    clash = Q(start_time__lt=block.end_time, end_time__gt=block.start_time)
    return others.filter(closed | clash).exists()


def _wrong(fields: dict[str, Any]) -> Invalid:
    return Invalid(
        _("Some details need to be corrected."), fields={name: [m] for name, m in fields.items()}
    )
