"""What an observation found: numbers with units, or words, and what kind of reading it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from records.fhir.element import LONG, Element
from records.fhir.resources.datatypes import (
    LOINC,
    UCUM,
    UNITS,
    Json,
    read_concept,
    read_status,
    read_words,
    write_concept,
    write_quantity,
)

SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"
SYSTOLIC_DISPLAY = "Systolic Blood Pressure"

KINDS = {
    "55284-4": "blood_pressure",
    "85354-9": "blood_pressure",
    "8867-4": "heart_rate",
    "29463-7": "weight",
    "3141-9": "weight",
    "8302-2": "height",
    "8306-3": "height",
    "39156-5": "bmi",
    "8310-5": "temperature",
    "8331-1": "temperature",
    "2708-6": "oxygen",
    "59408-5": "oxygen",
    "9279-1": "respiration",
    "2339-0": "glucose",
    "2345-7": "glucose",
    "15074-8": "glucose",
    "72514-3": "pain",
}
CATEGORIES = {"laboratory": "laboratory", "glucose": "laboratory", "survey": "survey", "other": ""}

# The columns of a reading have four decimals and fourteen digits.
STEP, LIMIT = Decimal("0.0001"), Decimal(10) ** 10
WORDED = re.compile(r"((?P<comparator><=|>=|<|>) )?(?P<number>-?\d+(\.\d+)?)")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number or a text, with the unit as it came."""

    value: Decimal | None = None
    text: str = ""
    unit: str = ""


def kind_of(code: str, categories: list[object]) -> str:
    """The kind of reading that a LOINC code is, else the one that its categories say."""
    said = (category for category in ("laboratory", "survey") if category in categories)
    return KINDS.get(code) or next(said, "other")


def category_of(kind: str) -> str:
    """The category of FHIR that a kind of reading has."""
    return CATEGORIES.get(kind, "vital-signs")


def read_measure(element: Element) -> Measure | None:
    """The value of an observation or of a component; None where it has none that can be kept."""
    if (number := element.child("valueQuantity").number("value")) is not None:
        return _read_quantity(element.child("valueQuantity"), number)
    if text := read_words(element.child("valueCodeableConcept")):
        return Measure(text=text)
    for name in ("valueString", "valueDateTime", "valueTime"):
        if text := element.text(name, limit=LONG):
            return Measure(text=text)
    if (number := element.number("valueInteger")) is not None:
        return Measure(value=number) if fitted(number) == number else Measure(text=f"{number:f}")
    if (flag := element.flag("valueBoolean")) is not None:
        return Measure(text=_("yes") if flag else _("no"))
    return None


def write_measure(measure: Measure) -> Json:
    """`valueQuantity` or `valueString`."""
    if measure.value is not None:
        return {"valueQuantity": write_quantity(measure.value, measure.unit)}
    worded = WORDED.fullmatch(measure.text)
    if worded and (measure.unit or worded["comparator"]):
        quantity = write_quantity(Decimal(worded["number"]), measure.unit) or {}
        comparator = {"comparator": worded["comparator"]} if worded["comparator"] else {}
        return {"valueQuantity": quantity | comparator}
    return {"valueString": measure.text} if measure.text else {}


def read_component(element: Element) -> dict[str, str] | None:
    """One part of a reading that has several, as its row keeps it; None where it lacks anything."""
    measure = read_measure(element)
    concept = read_concept(element.child("code"), LOINC) if measure else None
    if measure is None or concept is None:
        element.forget()
        return None
    part = {"code": concept.code, "display": concept.display, "unit": measure.unit}
    part |= {"text": measure.text} if measure.value is None else {"value": plain(measure.value)}
    return {name: text for name, text in part.items() if text}


def write_component(part: dict[str, str]) -> Json:
    """An observation's component."""
    value = Decimal(part["value"]) if "value" in part else None
    measure = Measure(value=value, text=part.get("text", ""), unit=part.get("unit", ""))
    code = write_concept(part.get("display", ""), part.get("code", ""), LOINC)
    return {"code": code, **write_measure(measure)}


def read_systolic(element: Element) -> Measure | None:
    """The pressure, where the component is a systolic one; of its wording, only ours is kept."""
    codings = element.child("code").children("coding")
    if not any(c.peek("system") == LOINC and c.peek("code") == SYSTOLIC for c in codings):
        return None
    measure = read_measure(element)
    if measure is None or measure.value is None:
        element.forget()
        return None
    if read_words(element.child("code")) != SYSTOLIC_DISPLAY:
        element.child("code").forget()
    read_status(element.child("code"), LOINC)
    return measure


def read_bound(quantity: Element, unit: str) -> Decimal | None:
    """An end of a reference range, where it is in the unit of the reading."""
    theirs = _read_unit(quantity)
    number = quantity.number("value")
    if number is not None and theirs in (unit, "") and fitted(number) == number:
        return number
    quantity.forget()
    return None


def fitted(number: Decimal) -> Decimal | None:
    """The number as a column keeps it; None where rounding would change it by over a thousandth."""
    if abs(number) >= LIMIT:
        return None
    rounded = number.quantize(STEP)
    return rounded if abs(rounded - number) <= abs(number) / 1000 else None


def plain(number: Decimal) -> str:
    """The number without exponent or trailing zeros."""
    return f"{number.normalize():f}"


def _read_quantity(quantity: Element, number: Decimal) -> Measure:
    unit = _read_unit(quantity)
    comparator = quantity.one_of("comparator", ("<", "<=", ">=", ">"))
    rounded = fitted(number)
    if comparator or rounded is None:
        return Measure(text=f"{comparator} {plain(number)}".strip(), unit=unit)
    if rounded != number:
        quantity.reduce("value", _("rounded to four decimals"))
    return Measure(value=rounded, unit=unit)


def _read_unit(quantity: Element) -> str:
    """The unit's UCUM code where it has one: ranges are stated in them. Else its name."""
    name, code = quantity.peek("unit"), quantity.peek("code")
    if quantity.peek("system") == UCUM and (unit := quantity.text("code", limit=40)):
        quantity.keep(*(["unit"] if name == unit else []), *(["system"] if unit in UNITS else []))
        return unit
    unit = quantity.text("unit", limit=40) or quantity.text("code", limit=40)
    quantity.keep(*(["code"] if code == unit and unit else []))
    return unit
