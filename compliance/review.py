"""The trail as people review it: which entries, how many when, and each in words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay, TruncDate
from django.utils import timezone

from clinic.models import LogEntry, TrailLink
from clinic.security import tenancy
from clinic.security.permissions import Permission
from patients.models import Patient

REFUSED, TO_REVIEW = "refused", "review"
RISKY = 40  # from this score on (`trail_risk` in the database) somebody should look
ALARMS = ["seal_broken", "break_glass", "break_glass_refused", "new_address", "colleague"]
HOUR_STARTS = (0, 6, 9, 12, 14, 18)
Action = LogEntry.Action


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a reviewer asks for; empty means anything. Both days are included."""

    start: date
    end: date
    who: str = ""
    patient: str = ""
    action: str = ""
    resource: str = ""
    flag: str = ""
    request: str = ""

    @property
    def days(self) -> list[date]:
        count = (self.end - self.start).days + 1
        return [self.start + timedelta(days=n) for n in range(count)]


def entries(search: Search) -> QuerySet[LogEntry]:
    """The entries of the clinic acted in that fit, newest first."""
    actor = tenancy.current()
    actor.require(Permission.TRAIL_VIEW)
    rows = LogEntry.entries.filter(
        facility_id__in=actor.facilities,
        timestamp__gte=_midnight(search.start),
        timestamp__lt=_midnight(search.end + timedelta(days=1)),
    )
    if search.who:
        rows = rows.filter(actor__email__icontains=search.who)
    if search.patient:
        rows = rows.filter(patient_id__in=_patients(search.patient))
    if search.resource:
        rows = rows.filter(resource=search.resource)
    if search.request:
        rows = rows.filter(cid=search.request)
    if search.flag:
        rows = rows.filter(compliance_flags__contains=[search.flag])
    return _of_kind(rows, search.action).order_by("-id")


def to_review() -> Q:
    """Entries that somebody should look at first."""
    return Q(risk_score__gte=RISKY) | Q(compliance_flags__overlap=ALARMS)


def totals(rows: QuerySet[LogEntry]) -> dict[str, int]:
    refused = Q(compliance_flags__contains=[REFUSED])
    return rows.order_by().aggregate(
        all=Count("id"), refused=Count("id", refused), review=Count("id", to_review())
    )


def by_day(rows: QuerySet[LogEntry], days: Iterable[date]) -> list[tuple[date, int, int, int]]:
    """For each day how many readings, changes and refusals."""
    refused = Q(compliance_flags__contains=[REFUSED])
    read = Q(action=Action.ACCESS) & ~refused
    counted = (
        rows.order_by()
        .annotate(day=TruncDate("timestamp"))
        .values_list("day")
        .annotate(
            reads=Count("id", read), changes=Count("id", ~Q(action=Action.ACCESS)),
            refusals=Count("id", refused),
        )
    )  # fmt: skip
    found = {day: counts for day, *counts in counted}
    return [(day, *found.get(day, (0, 0, 0))) for day in days]


def by_hour(rows: QuerySet[LogEntry]) -> list[list[int]]:
    """Readings by weekday, Monday first, and by the parts of the day of `HOUR_STARTS`."""
    counted = (
        rows.filter(action=Action.ACCESS)
        .order_by()
        .annotate(day=ExtractIsoWeekDay("timestamp"), hour=ExtractHour("timestamp"))
        .values_list("day", "hour")
        .annotate(Count("id"))
    )
    week = [[0] * len(HOUR_STARTS) for _day in range(7)]
    for day, hour, count in counted:
        part = max(i for i, start in enumerate(HOUR_STARTS) if start <= hour)
        week[day - 1][part] += count
    return week


def busiest(rows: QuerySet[LogEntry], *, most: int = 5) -> Counter[UUID]:
    """Who read most often."""
    counted = rows.filter(action=Action.ACCESS, actor_id__isnull=False).order_by()
    counted = counted.values_list("actor_id").annotate(times=Count("id")).order_by("-times")
    return Counter(dict(counted[:most]))


def last_sealed() -> tuple[int, datetime | None]:
    """How many entries the clinic's chain holds, and when it was last added to."""
    facility_id = tenancy.current().facility_id
    last = TrailLink.objects.filter(facility_id=facility_id).order_by("-sequence").first()
    return (last.sequence, last.sealed_at) if last else (0, None)


def _of_kind(rows: QuerySet[LogEntry], action: str) -> QuerySet[LogEntry]:
    if action == REFUSED:
        return rows.filter(compliance_flags__contains=[REFUSED])
    if action == TO_REVIEW:
        return rows.filter(to_review())
    return rows.filter(action=int(action)) if action else rows


def _patients(named: str) -> list[UUID]:
    """The patient whom a record number or an id names; an auditor knows the id only."""
    try:
        return [UUID(named)]
    except ValueError:
        number = named.replace(" ", "")
        known = Patient.objects.filter(facility_id__in=tenancy.current().facilities)
        return list(known.filter(mrn__iexact=number).values_list("pk", flat=True))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())
