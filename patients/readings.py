"""Measurements as a person reads them: newest vital signs, their courses, laboratory results."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.charts import LineChart, Series, Spark, line_chart, spark
from clinic.security.permissions import Category
from clinic.templatetags.written import amount, day_month, plain_number, short_date, term
from patients import access, ranges
from patients.models import Patient, Reading
from patients.ranges import rounded
from patients.units import readable_unit

Kind = Reading.Kind
VITALS = (
    Kind.BLOOD_PRESSURE, Kind.WEIGHT, Kind.HEART_RATE, Kind.OXYGEN, Kind.TEMPERATURE, Kind.GLUCOSE,
    Kind.RESPIRATION, Kind.BMI, Kind.HEIGHT,
)  # fmt: skip
COURSES = (Kind.BLOOD_PRESSURE, Kind.WEIGHT, Kind.GLUCOSE, Kind.HEART_RATE)
IMPLAUSIBLE = "implausible"  # a flag of the import: kept, but neither charted nor shown as newest
LONGEST_COURSE = 24
LONG_COURSE = 330  # days from which on an axis names months and years, not days
LOOKED_THROUGH = 120  # laboratory values among which the newest of each test are found


@dataclass(frozen=True, slots=True)
class Vital:
    """The newest reading of a vital sign and its course in the size of a word."""

    name: str
    value: str
    unit: str
    taken_at: datetime
    spark: Spark | None
    badge: str
    tone: str


@dataclass(frozen=True, slots=True)
class Course:
    """A vital sign over time, as templates/cr/chart_line.html draws it."""

    id: str
    title: str
    chart: LineChart
    takeaway: str
    unit: str
    goal_name: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The newest value of a laboratory test."""

    name: str
    value: Any
    unit: str
    usual: str
    in_range: bool | None
    word: str
    tone: str
    taken_at: datetime


def visible_to(user) -> QuerySet[Reading]:
    """The readings that the person may see."""
    return access.visible(Reading.objects.active(), user, category=Category.RECORDS)


def series(patient: Patient, *, by) -> dict[str, list[Reading]]:
    """The newest readings of each vital sign, oldest first. One query; notes nothing."""
    place = Window(
        RowNumber(), partition_by=F("reading_type"), order_by=(F("taken_at").desc(), F("id").desc())
    )
    rows = visible_to(by).filter(patient=patient, reading_type__in=VITALS, value__isnull=False)
    rows = rows.annotate(place=place).filter(place__lte=LONGEST_COURSE).order_by("taken_at", "id")
    found: dict[str, list[Reading]] = {}
    for row in rows:
        if IMPLAUSIBLE not in row.flags:
            found.setdefault(row.reading_type, []).append(row)
    return found


def vitals(found: dict[str, list[Reading]], *, born, most: int = 4) -> list[Vital]:
    """The newest of each vital sign, the most telling first."""
    return [_vital(found[kind], born) for kind in VITALS if kind in found][:most]


def courses(found: dict[str, list[Reading]], *, most: int = 2) -> list[Course]:
    """Charts of the vital signs that were measured more than once."""
    drawn = [_course(found[kind]) for kind in COURSES if len(found.get(kind, ())) > 1]
    return drawn[:most]


def results(patient: Patient, *, by, most: int = 10) -> list[Result]:
    """The newest value of each laboratory test. One query; notes nothing."""
    rows = visible_to(by).filter(patient=patient, reading_type=Kind.LABORATORY)
    newest: dict[str, Reading] = {}
    for row in rows.order_by("-taken_at", "-id")[:LOOKED_THROUGH]:
        newest.setdefault(row.display, row)
    return [_result(row) for row in list(newest.values())[:most]]


def written(reading: Reading) -> str:
    """The value as it is said: 131/82, 72, or the words where it is no number."""
    if reading.value is None:
        return reading.text
    lower = ranges.diastolic(reading) if reading.reading_type == Kind.BLOOD_PRESSURE else None
    kind = reading.reading_type
    upper = plain_number(rounded(reading.value, kind))
    return f"{upper}/{plain_number(rounded(lower, kind))}" if lower is not None else upper


def _vital(readings: Sequence[Reading], born) -> Vital:
    last = readings[-1]
    unit = readable_unit(last.unit)
    badge, tone = _badge(readings, unit, born)
    return Vital(
        name=last.get_reading_type_display(),
        value=written(last),
        unit=unit,
        taken_at=last.taken_at,
        spark=spark([r.value for r in readings]) if len(readings) > 1 else None,
        badge=badge,
        tone=tone,
    )


def _badge(readings: Sequence[Reading], unit: str, born) -> tuple[str, str]:
    last = readings[-1]
    if last.reading_type == Kind.WEIGHT:
        return _weight_change(readings, unit)
    verdict = ranges.judged_at_rest(last, born)
    return verdict.word, verdict.tone


def _weight_change(readings: Sequence[Reading], unit: str) -> tuple[str, str]:
    """How the weight differs from the reading before, where that is half a unit or more."""
    if len(readings) < 2 or readings[-2].unit != readings[-1].unit:
        return "", ""
    change = readings[-1].value - readings[-2].value
    if abs(change) < Decimal("0.5"):
        return _("Steady"), ""
    by = amount(rounded(abs(change)), unit)
    return (_("Up %(amount)s") if change > 0 else _("Down %(amount)s")) % {"amount": by}, "info"


def _course(readings: Sequence[Reading]) -> Course:
    kind, last = readings[-1].reading_type, readings[-1]
    readings = [r for r in readings if r.unit == last.unit]
    local = [timezone.localtime(r.taken_at) for r in readings]
    is_long = (local[-1] - local[0]).days > LONG_COURSE
    labels = [date_format(at, "M Y") if is_long else day_month(at) for at in local]
    if kind == Kind.BLOOD_PRESSURE:
        lines = [
            Series(_("Upper number (systolic)"), [rounded(r.value, kind) for r in readings]),
            Series(
                _("Lower number (diastolic)"),
                [rounded(ranges.diastolic(r), kind) for r in readings],
            ),
        ]
    else:
        name = last.get_reading_type_display()
        lines = [Series(name, [rounded(r.value, kind) for r in readings])]
    lines = [line for line in lines if any(value is not None for value in line.values)]
    return Course(
        id=f"course-{kind}",
        title=str(Kind(kind).label),
        chart=line_chart(labels, lines, at=local),
        takeaway=_takeaway(readings, local),
        unit=readable_unit(last.unit),
    )


def _takeaway(readings: Sequence[Reading], local: Sequence[datetime]) -> str:
    first, last = readings[0], readings[-1]
    values = {
        "first": written(first), "last": written(last),
        "start": short_date(local[0]), "end": short_date(local[-1]),
    }  # fmt: skip
    if abs(last.value - first.value) * 50 < abs(first.value):  # within 2 %
        return _("Steady from %(start)s to %(end)s: %(last)s.") % values
    if last.value > first.value:
        return _("Up from %(first)s on %(start)s to %(last)s on %(end)s.") % values
    return _("Down from %(first)s on %(start)s to %(last)s on %(end)s.") % values


def _result(reading: Reading) -> Result:
    low, high = reading.reference_low, reading.reference_high
    verdict = ranges.judged(reading.value, low, high, reading.flags)
    return Result(
        name=term(reading.display),
        value=rounded(reading.value) if reading.value is not None else reading.text,
        unit=readable_unit(reading.unit),
        usual=ranges.in_words(low, high),
        in_range=verdict.in_range,
        word="" if verdict.in_range else verdict.word,
        tone=verdict.tone,
        taken_at=reading.taken_at,
    )
