"""When specialists receive: setting, changing and taking back their hours.

Hours that come every week are changed as a calendar's repeating entries are: this one, this and
those that follow, or all.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid, Missing, Stale, invalid
from clinic.models import Specialist
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission, Reach
from scheduling import availability, calendar, weeks
from scheduling.models import AvailabilityBlock, BlockKind

Interval = tuple[time, time]
FIELDS = (
    "day_of_week", "start_time", "end_time", "exception_date", "is_closed", "valid_from",
    "valid_until", "location", "room", "slot_minutes", "buffer_minutes", "start_fold", "end_fold",
)  # fmt: skip
DAY = timedelta(days=1)


class Scope(models.TextChoices):
    """Which of the hours that come every week are meant."""

    THIS = "this", _("Only this date")
    FOLLOWING = "following", _("This date and all that follow")
    ALL = "all", _("All")


def blocks() -> QuerySet[AvailabilityBlock]:
    """The hours of the facility's specialists."""
    rows = AvailabilityBlock.objects.filter(facility_id=tenancy.current().facility_id)
    return rows.prefetch_related("kinds")


def may_set(specialist: Specialist) -> bool:
    """Whether the actor sets these hours: her own, or all with the reach of the clinic."""
    actor = tenancy.current()
    own = specialist.user_id == actor.user_id
    return actor.may(Permission.AVAILABILITY_MANAGE) and (own or actor.reach == Reach.FACILITY)


def require_setting(specialist: Specialist) -> None:
    """Raise `Denied` unless the actor sets the specialist's hours, `Missing` for any elsewhere."""
    actor = tenancy.current()
    actor.require(Permission.AVAILABILITY_MANAGE)
    if specialist.facility_id != actor.facility_id:
        raise Missing(_("There is no such specialist."))
    if not may_set(specialist):
        raise Denied(Permission.AVAILABILITY_MANAGE)


@transaction.atomic
def set_hours(
    *, specialist: Specialist, appointment_types: Iterable[Any] = (), by, **hours
) -> AvailabilityBlock:
    """Offer weekly hours, or those of one date instead; `hours` holds any of `FIELDS`, and
    `appointment_types` the kinds of visits that they serve (none: all).

    Raises `Invalid` naming what cannot be, and stores nothing then.
    """
    require_setting(specialist)
    block = AvailabilityBlock(facility_id=tenancy.current().facility_id, specialist=specialist)
    return _stored(block, hours, list(appointment_types))


def close(*, specialist: Specialist, on: date, by) -> AvailabilityBlock:
    """Offer nothing on a date; visits that are booked stay."""
    return set_hours(specialist=specialist, exception_date=on, is_closed=True, by=by)


@transaction.atomic
def change(
    *,
    block: AvailabilityBlock,
    scope: Scope = Scope.ALL,
    on: date | None = None,
    version: int | None = None,
    appointment_types: Iterable[Any] | None = None,
    by,
    **hours,
) -> AvailabilityBlock:
    """Change hours; visits that are booked stay. Raises `Invalid`, `Missing` and `Stale`.

    With a scope other than all, `on` is the date from which or on which weekly hours change; what
    came before stays as it is. Answers the hours that hold then.
    """
    row = _locked(block, version)
    kinds = None if appointment_types is None else list(appointment_types)
    if scope == Scope.ALL or row.exception_date:
        return _stored(row, hours, kinds)
    on = _occurrence(row, on)
    if kinds is None:
        kinds = [one.appointment_type_id for one in row.kinds.all()]
    if scope == Scope.THIS:
        return _differing(row, on, hours, kinds)
    if on == row.valid_from:
        return _stored(row, hours, kinds)
    following = _like(row, valid_from=on, valid_until=row.valid_until)
    _end_before(row, on)
    return _stored(following, hours, kinds)


@transaction.atomic
def remove(
    *,
    block: AvailabilityBlock,
    scope: Scope = Scope.ALL,
    on: date | None = None,
    version: int | None = None,
    by,
) -> None:
    """Offer these hours no longer: all of them, from a date on, or on that date only; visits that
    are booked stay."""
    row = _locked(block, version)
    if scope == Scope.ALL or row.exception_date:
        row.delete()
        return
    on = _occurrence(row, on)
    if scope == Scope.FOLLOWING:
        if not _end_before(row, on):
            row.delete()
        return
    others = [one for one in _weekly_on(row, on) if one.pk != row.pk]
    for other in others:
        _stored(
            _like(other, only_on=on), {}, [one.appointment_type_id for one in other.kinds.all()]
        )
    if not others:
        _stored(
            AvailabilityBlock(
                facility_id=row.facility_id, specialist=row.specialist, exception_date=on,
                is_closed=True,
            ), {}, [],
        )  # fmt: skip


@transaction.atomic
def set_week(*, specialist: Specialist, week: Mapping[int, Sequence[Interval]], by) -> None:
    """Make `week` (day 1 to 7 → intervals) the weekly hours from now on; exceptions, and hours that
    hold for a season, stay. Hours that do not change keep their rows, with all that they say.

    Raises `Invalid` naming the day (`day_3`) whose hours end before they start or overlap.
    """
    require_setting(specialist)
    for day, intervals in week.items():
        _check_day(day, intervals)
    wanted = {(day, start, end) for day, spans in week.items() for start, end in spans}
    weekly = blocks().filter(
        specialist=specialist, exception_date=None, valid_from=None, valid_until=None
    )
    for block in weekly.select_for_update(of=("self",)):
        key = (block.day_of_week, block.start_time, block.end_time)
        if key in wanted:
            wanted.discard(key)
        else:
            block.delete()
    for day, start, end in sorted(wanted):
        set_hours(specialist=specialist, day_of_week=day, start_time=start, end_time=end, by=by)


def _locked(block: AvailabilityBlock, version: int | None) -> AvailabilityBlock:
    rows = blocks().filter(pk=block.pk).select_related("specialist")
    row = rows.select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There are no such hours."))
    require_setting(row.specialist)
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    return row


def _occurrence(row: AvailabilityBlock, on: date | None) -> date:
    """The date that is meant, on which these weekly hours do hold."""
    if on is None:
        raise invalid("on", _("Say which date is meant."))
    if not weeks.hours_of(row).holds_on(on):
        raise invalid("on", _("These hours do not hold on that date."))
    return on


def _weekly_on(row: AvailabilityBlock, on: date) -> list[AvailabilityBlock]:
    """The weekly hours of the specialist that hold on a date."""
    rows = blocks().filter(specialist_id=row.specialist_id, day_of_week=on.isoweekday())
    rows = rows.filter(Q(valid_from=None) | Q(valid_from__lte=on))
    return list(rows.filter(Q(valid_until=None) | Q(valid_until__gte=on)))


def _like(row: AvailabilityBlock, only_on: date | None = None, **differing) -> AvailabilityBlock:
    """New hours that say what these say, for one date where it is given."""
    said = {name: getattr(row, name) for name in FIELDS}
    if only_on:
        said |= {"day_of_week": None, "exception_date": only_on}
        said |= {"valid_from": None, "valid_until": None}
    return AvailabilityBlock(
        facility_id=row.facility_id, specialist=row.specialist, **said | differing
    )


def _differing(
    row: AvailabilityBlock, on: date, hours: dict[str, Any], kinds: list
) -> AvailabilityBlock:
    """Hours of one date, in the place of those of the week; the others of that weekday are said for
    the date, too, because a date that is set replaces its week."""
    if blocks().filter(specialist_id=row.specialist_id, exception_date=on).exists():
        raise invalid("on", _("This date has hours of its own: change those."))
    changed = _stored(_like(row, only_on=on), hours, kinds)
    for other in _weekly_on(row, on):
        if other.pk != row.pk:
            served = [one.appointment_type_id for one in other.kinds.all()]
            _stored(_like(other, only_on=on), {}, served)
    return changed


def _end_before(row: AvailabilityBlock, on: date) -> bool:
    """Let weekly hours end on the day before; False where they would never hold."""
    if row.valid_from and on <= row.valid_from:
        return False
    row.valid_until = on - DAY
    row.save()
    return True


def _stored(
    block: AvailabilityBlock, hours: dict[str, Any], kinds: list | None
) -> AvailabilityBlock:
    if unknown := set(hours) - set(FIELDS):
        raise _wrong({name: _("This field cannot be set.") for name in unknown})
    for name, value in hours.items():
        setattr(block, name, value)
    # One at a time for each specialist, so that two new blocks cannot overlap unseen.
    Specialist.objects.select_for_update().get(pk=block.specialist_id)
    check(block)
    block.save()
    if kinds is not None:
        _serve(block, kinds)
    return block


def _serve(block: AvailabilityBlock, kinds: list) -> None:
    """Make these the kinds of visits that the hours serve."""
    wanted: set[UUID] = {getattr(kind, "pk", kind) for kind in kinds}
    known = set(calendar.types().filter(pk__in=wanted).values_list("pk", flat=True))
    if wanted - known:
        raise invalid("appointment_types", _("There is no such kind of visit."))
    served = BlockKind.objects.filter(block=block)
    served.exclude(appointment_type_id__in=wanted).delete()
    standing = set(served.values_list("appointment_type_id", flat=True))
    BlockKind.objects.bulk_create(
        BlockKind(facility_id=block.facility_id, block=block, appointment_type_id=pk)
        for pk in sorted(wanted - standing)
    )


def check(block: AvailabilityBlock) -> None:
    """Raise `Invalid` naming every field that cannot be."""
    wrong = _wrong_days(block) | _wrong_times(block) | _wrong_lengths(block)
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


def _wrong_lengths(block: AvailabilityBlock) -> dict[str, Any]:
    wrong = {}
    if block.slot_minutes is not None and not 5 <= block.slot_minutes <= 480:
        wrong["slot_minutes"] = _("Give 5 to 480 minutes.")
    if not 0 <= block.buffer_minutes <= 120:
        wrong["buffer_minutes"] = _("Give 0 to 120 minutes.")
    if block.room and (block.room.facility_id != block.facility_id or not block.room.is_active):
        wrong["room"] = _("There is no such room.")
    return wrong


def _wrong_clock(block: AvailabilityBlock) -> dict[str, Any]:
    """Times of a date at which the clocks of the facility's zone change."""
    zone, wrong = calendar.zone(), {}
    for name, fold in (("start_time", "start_fold"), ("end_time", "end_fold")):
        try:
            availability.instant(
                block.exception_date, getattr(block, name), zone, fold=getattr(block, fold)
            )
        except availability.NoSuchTime:
            wrong[name] = _("This time does not exist on that date: the clocks change.")
        except availability.AmbiguousTime:
            wrong[fold] = _("This time comes twice on that date. Say which one: 0 or 1.")
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


def _check_day(day: int, intervals: Sequence[Interval]) -> None:
    before: Interval | None = None
    for start, end in sorted(intervals):
        if end <= start:
            raise invalid(f"day_{day}", _("The end must be after the start."))
        if before and start < before[1]:
            raise invalid(f"day_{day}", _("The hours of a day must not overlap."))
        before = (start, end)


def _wrong(fields: dict[str, Any]) -> Invalid:
    return Invalid(
        _("Some details need to be corrected."), fields={name: [m] for name, m in fields.items()}
    )
