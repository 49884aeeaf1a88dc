"""Readings as a patient sees them: the newest of each kind, and courses over time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _

from clinic import charts
from clinic.templatetags.written import amount, day_month, long_date, plain_number
from patients.models import Reading

Kind = Reading.Kind
# Courses that are worth a picture, the most important first.
CHARTED = (Kind.BLOOD_PRESSURE, Kind.WEIGHT, Kind.GLUCOSE)
POINTS = 12  # of a course
NAMED_BY_THEMSELVES = {Kind.LABORATORY, Kind.SURVEY, Kind.OTHER}
DIASTOLIC = "8462-4"  # LOINC
NORMAL, ABNORMAL = {"N"}, {"H", "L", "HH", "LL", "A", "AA"}  # HL7 v3 ObservationInterpretation


@dataclass(frozen=True)
class Result:
    """The newest reading of a kind: see templates/portal/record.html."""

    name: str
    value: Decimal | str
    unit: str
    usual: str
    in_range: bool | None
    taken_at: datetime


@dataclass(frozen=True)
class Course:
    """Readings of one kind over time, with the chart and one sentence about it."""

    id: str
    title: str
    takeaway: str
    chart: charts.LineChart
    unit: str
    goal_name: str = ""


def newest_of_each(readings: Iterable[Reading], *, most: int) -> list[Result]:
    """The newest reading of each kind but questionnaires; `readings` come newest first."""
    found: dict[str, Result] = {}
    for reading in readings:
        name = name_of(reading)
        if reading.reading_type == Kind.SURVEY or not name or name in found:
            continue
        found[name] = Result(
            name=name,
            value=value_of(reading),
            unit=reading.unit,
            usual=usual_range(reading),
            in_range=in_range(reading),
            taken_at=reading.taken_at,
        )
        if len(found) == most:
            break
    return list(found.values())


def name_of(reading: Reading) -> str:
    if reading.reading_type in NAMED_BY_THEMSELVES:
        return reading.display
    return reading.get_reading_type_display()


def value_of(reading: Reading) -> Decimal | str:
    """“131/82” for a blood pressure, else the number or the words."""
    if reading.value is None:
        return reading.text
    lower = diastolic(reading)
    if lower is not None:
        return f"{plain_number(round(reading.value))}/{plain_number(round(lower))}"
    return round(reading.value, 2)


def diastolic(reading: Reading) -> Decimal | None:
    """The lower number of a blood pressure."""
    for part in reading.components or []:
        if part.get("code") == DIASTOLIC and part.get("value"):
            return Decimal(part["value"])
    return None


def usual_range(reading: Reading) -> str:
    low, high = reading.reference_low, reading.reference_high
    if low is not None and high is not None:
        words = {"low": plain_number(low), "high": plain_number(high)}
        return _("%(low)s to %(high)s") % words
    if high is not None:
        return _("up to %(high)s") % {"high": plain_number(high)}
    return _("from %(low)s") % {"low": plain_number(low)} if low is not None else ""


def in_range(reading: Reading) -> bool | None:
    """By the range that came with the reading, or by the laboratory's flag; None: unknown."""
    low, high = reading.reference_low, reading.reference_high
    if reading.value is not None and (low is not None or high is not None):
        return (low is None or reading.value >= low) and (high is None or reading.value <= high)
    flags = set(reading.flags)
    if flags & ABNORMAL:
        return False
    return True if flags & NORMAL else None


def courses(readings: Iterable[Reading], *, most: int) -> list[Course]:
    """Up to `most` courses of two or more readings; `readings` come newest first."""
    by_kind: dict[str, list[Reading]] = {kind: [] for kind in CHARTED}
    for reading in readings:
        rows = by_kind.get(reading.reading_type)
        if rows is None or reading.value is None or len(rows) == POINTS:
            continue
        if not rows or rows[0].unit == reading.unit:
            rows.append(reading)
    drawn = [course(kind, rows[::-1]) for kind, rows in by_kind.items() if len(rows) > 1]
    return drawn[:most]


def course(kind: str, rows: list[Reading]) -> Course:
    """The chart of readings of one kind and unit, oldest first."""
    first, last = rows[0], rows[-1]
    is_pressure = kind == Kind.BLOOD_PRESSURE
    series = [charts.Series(Kind(kind).label, [row.value for row in rows])]
    if is_pressure:
        series = [
            charts.Series(_("Upper number (systolic)"), [row.value for row in rows]),
            charts.Series(_("Lower number (diastolic)"), [diastolic(row) for row in rows]),
        ]
    times = [timezone.localtime(row.taken_at) for row in rows]
    return Course(
        id=kind,
        title=str(Kind(kind).label),
        takeaway=takeaway(first, last),
        chart=charts.line_chart([label(at, times) for at in times], series, at=times),
        unit=last.unit,
    )


def label(at: datetime, times: list[datetime]) -> str:
    """The day; the year where the course is longer than one."""
    return day_month(at) if (times[-1] - times[0]).days < 365 else f"{at:%Y}"


def takeaway(first: Reading, last: Reading) -> str:
    """What to see in a course, in two sentences without judgement."""
    words = {
        "value": amount(value_of(last), last.unit),
        "day": long_date(timezone.localtime(last.taken_at)),
        "before": amount(value_of(first), first.unit),
        "start": long_date(timezone.localtime(first.taken_at)),
    }
    if diastolic(last) is not None and last.value is not None:
        words["value"] = _("%(upper)s over %(lower)s") % {
            "upper": plain_number(round(last.value)),
            "lower": plain_number(round(diastolic(last))),
        }
    text = _("It is as it was on %(start)s. The last reading is %(value)s, on %(day)s.")
    if last.value < first.value:
        text = _("It has come down since %(start)s. The last reading is %(value)s, on %(day)s.")
    elif last.value > first.value:
        text = _("It has gone up since %(start)s. The last reading is %(value)s, on %(day)s.")
    return text % words
