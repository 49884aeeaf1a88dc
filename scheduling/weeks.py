"""What says when specialists receive, read for many of them at once."""

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from clinic.models import Specialist
from clinic.security import tenancy
from scheduling.availability import Closed, Hours, Week
from scheduling.models import AvailabilityBlock, BlockKind, Holiday, Leave

AROUND = timedelta(days=1)  # a day of the clinic may begin before the range that is asked for
SAID = (
    "start_time", "end_time", "day_of_week", "exception_date", "is_closed", "valid_from",
    "valid_until", "room_id", "slot_minutes", "buffer_minutes", "start_fold", "end_fold",
)  # fmt: skip


def of(specialists: Iterable[Specialist], first: date, last: date) -> dict[UUID, Week]:
    """The weeks of several specialists, as they hold from the first day to the last, in one
    query."""
    rows = Specialist.objects.filter(pk__in=[one.pk for one in specialists]).only("pk")
    return {one.pk: week_of(one) for one in with_weeks(rows, first, last)}


def with_weeks(rows: QuerySet[Specialist], first: date, last: date) -> QuerySet[Specialist]:
    """The specialists, each with what says when she receives; `week_of` reads it."""
    first, last = first - AROUND, last + AROUND
    theirs = {
        "facility_id": tenancy.current().facility_id, "specialist_id": OuterRef("pk"),
    }  # fmt: skip
    kinds = BlockKind.objects.filter(block_id=OuterRef("pk")).values("appointment_type_id")
    blocks = AvailabilityBlock.objects.filter(**theirs).filter(
        Q(exception_date=None) | Q(exception_date__range=(first, last))
    )
    said = JSONObject(kinds=ArraySubquery(kinds), **{name: F(name) for name in SAID})
    leaves = Leave.objects.filter(**theirs, first_day__lte=last, last_day__gte=first)
    days = JSONObject(first=F("first_day"), last=F("last_day"))
    return rows.annotate(
        said_hours=ArraySubquery(blocks.values_list(said)),
        said_leaves=ArraySubquery(leaves.values_list(days)),
        said_holidays=holidays(first, last),
    )


def holidays(first: date, last: date) -> ArraySubquery:
    """The clinic's holidays from the first day to the last, to be read beside rows."""
    rows = Holiday.objects.filter(
        facility_id=tenancy.current().facility_id, date__range=(first, last)
    )
    return ArraySubquery(rows.values_list(JSONObject(date=F("date"), name=F("name"))))


def named(said_holidays: Iterable[Mapping[str, str]]) -> dict[date, str]:
    """The names of the holidays, by date."""
    return {date.fromisoformat(one["date"]): one["name"] for one in said_holidays}


def week_of(specialist: Any) -> Week:
    """The week of a specialist whom `with_weeks` read."""
    away = tuple(
        (date.fromisoformat(one["first"]), date.fromisoformat(one["last"]))
        for one in specialist.said_leaves
    )
    closed = Closed(frozenset(named(specialist.said_holidays)), away)
    return Week(tuple(_hours(one) for one in specialist.said_hours), closed)


def hours_of(block: AvailabilityBlock, kinds: frozenset[UUID] = frozenset()) -> Hours:
    """A row as the arithmetic takes it."""
    return Hours(
        start=None if block.is_closed else block.start_time,
        end=None if block.is_closed else block.end_time,
        day=block.day_of_week,
        only_on=block.exception_date,
        valid_from=block.valid_from,
        valid_until=block.valid_until,
        room=block.room_id,
        step=timedelta(minutes=block.slot_minutes) if block.slot_minutes else None,
        gap=timedelta(minutes=block.buffer_minutes),
        kinds=kinds,
        folds=(block.start_fold, block.end_fold),
    )


def _hours(said: Mapping[str, Any]) -> Hours:
    """The same row as the database tells it in JSON."""
    open_ = not said["is_closed"]
    return Hours(
        start=time.fromisoformat(said["start_time"]) if open_ else None,
        end=time.fromisoformat(said["end_time"]) if open_ else None,
        day=said["day_of_week"],
        only_on=_date(said["exception_date"]),
        valid_from=_date(said["valid_from"]),
        valid_until=_date(said["valid_until"]),
        room=UUID(said["room_id"]) if said["room_id"] else None,
        step=timedelta(minutes=said["slot_minutes"]) if said["slot_minutes"] else None,
        gap=timedelta(minutes=said["buffer_minutes"]),
        kinds=frozenset(map(UUID, said["kinds"])),
        folds=(said["start_fold"], said["end_fold"]),
    )


def _date(said: str | None) -> date | None:
    return date.fromisoformat(said) if said else None
