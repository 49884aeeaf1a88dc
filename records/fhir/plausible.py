"""Which values are hard to believe: they are kept and reported, and a person decides.

The bounds lie outside what has been recorded of living people, so that what they catch is a slip
of unit or of typing.
"""

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from records.fhir.facts import Chart, ReadingFacts
from records.fhir.loss import Note

DAY = timedelta(days=1)
EARLIEST = date(1880, 1, 1)
AHEAD = ("ended_at", "abatement_date")
SPANS = (
    ("started_at", "ended_at"),
    ("performed_at", "ended_at"),
    ("onset_date", "abatement_date"),
)

# LOINC code: UCUM unit, lowest, highest. A value in another unit is not judged.
BOUNDS = {
    "8302-2": ("cm", 20, 280),
    "29463-7": ("kg", "0.2", 650),
    "39156-5": ("kg/m2", 5, 200),
    "8310-5": ("Cel", 13, 47),
    "8331-1": ("Cel", 13, 47),
    "8480-6": ("mm[Hg]", 20, 380),
    "8462-4": ("mm[Hg]", 10, 300),
    "8867-4": ("/min", 10, 400),
    "9279-1": ("/min", 2, 150),
    "2708-6": ("%", 10, 100),
    "59408-5": ("%", 10, 100),
    "72514-3": ("{score}", 0, 10),
    "2339-0": ("mg/dL", 5, 3000),
    "4548-4": ("%", 2, 30),
    "38483-4": ("mg/dL", "0.05", 80),
    "2947-0": ("mmol/L", 80, 220),
    "6298-4": ("mmol/L", 1, 15),
    "2069-3": ("mmol/L", 40, 180),
    "2093-3": ("mg/dL", 10, 3000),
    "718-7": ("g/dL", 1, 30),
    "6690-2": ("10*3/uL", 0, 1000),
    "777-3": ("10*3/uL", 0, 5000),
}

SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"


def doubts(chart: Chart, *, today: date) -> Iterator[Note]:
    """What of `chart` is hard to believe, seen on `today`."""
    birth = chart.patient.date_of_birth
    for facts in chart.facts():
        name = f"{facts.resource_type}/{facts.fhir_id}"
        for where, reason in _doubtful_times(facts, birth, today):
            yield Note(resource=name, path=f"{facts.resource_type}.{where}", reason=reason)
        for reason in implausible(facts) if isinstance(facts, ReadingFacts) else ():
            yield Note(resource=name, path="Observation.value", reason=reason)


def implausible(facts: ReadingFacts) -> Iterator[str]:
    """Why the values of a reading are hard to believe."""
    code = SYSTOLIC if facts.reading_type == "blood_pressure" else facts.code
    measured = [(code, facts.value, facts.unit)] if facts.value is not None else []
    measured += [
        (part.get("code", ""), Decimal(part["value"]), part.get("unit", ""))
        for part in facts.components
        if "value" in part
    ]
    for code, value, unit in measured:
        expected, lowest, highest = BOUNDS.get(code, ("", 0, 0))
        if unit == expected != "" and not Decimal(lowest) <= value <= Decimal(highest):
            bounds = {"value": value, "lowest": lowest, "highest": highest, "unit": unit}
            yield _("%(value)s is outside %(lowest)s to %(highest)s %(unit)s") % bounds
    pressures = {code: value for code, value, _unit in measured}
    if pressures.get(SYSTOLIC, 1) < pressures.get(DIASTOLIC, 0):
        yield _("the systolic pressure is below the diastolic")


def _doubtful_times(facts: Any, birth: date | None, today: date) -> Iterator[tuple[str, str]]:
    times = {field.name: getattr(facts, field.name) for field in fields(facts)}
    days = {name: _day(value) for name, value in times.items() if isinstance(value, date)}
    for name, day in days.items():
        if day < EARLIEST:
            yield name, _("before %(year)d") % {"year": EARLIEST.year}
        elif day > today + DAY and name not in AHEAD:
            yield name, _("in the future")
        elif birth and day < birth - DAY:
            yield name, _("before the patient was born")
    for first, last in SPANS:
        start, end = times.get(first), times.get(last)
        if start and end and end < start:
            yield last, _("before its start")


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value
