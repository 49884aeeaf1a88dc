"""Observation: a vital sign, a laboratory result, an answer to a survey."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry, SetAside, TakenBack
from records.fhir.element import Element
from records.fhir.facts import ReadingFacts
from records.fhir.plausible import implausible
from records.fhir.resources.datatypes import (
    LOINC,
    Json,
    compact,
    read_concept,
    read_status,
    write_concept,
    write_quantity,
    write_reference,
    write_status,
    write_time,
)
from records.fhir.resources.measures import (
    SYSTOLIC,
    SYSTOLIC_DISPLAY,
    Measure,
    category_of,
    kind_of,
    plain,
    read_bound,
    read_component,
    read_measure,
    read_systolic,
    write_component,
    write_measure,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
STATUSES = ("registered", "preliminary", "amended", "corrected", "unknown")
IMPLAUSIBLE = "implausible"
LONGEST_FLAG = 30


def read(entry: Entry, reader: Reader) -> ReadingFacts:
    """A reading. Raises SetAside where it is nobody's, or says not what, when or how much."""
    resource = entry.resource
    if resource.peek("status") == "cancelled":
        raise TakenBack(_("it was cancelled"))
    patient_id = reader.patient_of(resource.child("subject"))
    code = read_concept(resource.child("code"), LOINC)
    if code is None:
        raise SetAside(_("it does not say what was observed"))
    taken_at = _taken_at(resource, reader)
    if taken_at is None:
        raise SetAside(_("it does not say when"))
    pressure, components = _components(resource.children("component"))
    measure = pressure or read_measure(resource) or Measure()
    if measure == Measure() and not components:
        raise SetAside(_("it has no value that can be kept"))
    low, high = _range(resource, measure.unit)
    facts = ReadingFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        taken_at=taken_at,
        encounter_fhir_id=reader.encounter_of(resource.child("encounter"), patient_id),
        reading_type=_kind(resource, code.code, is_pressure=pressure is not None),
        display=code.display,
        code=code.code,
        value=measure.value,
        text=measure.text,
        unit=measure.unit,
        components=components,
        reference_low=low,
        reference_high=high,
        flags=_flags(resource),
    )
    return replace(facts, flags=[*facts.flags, IMPLAUSIBLE]) if any(implausible(facts)) else facts


def write(facts: ReadingFacts) -> Json:
    """The Observation resource."""
    category = write_status(category_of(facts.reading_type), CATEGORY)
    measure = Measure(value=facts.value, text=facts.text, unit=facts.unit)
    components = [write_component(part) for part in facts.components]
    if facts.reading_type == "blood_pressure" and facts.value is not None:
        systolic = {"code": SYSTOLIC, "display": SYSTOLIC_DISPLAY, "unit": facts.unit}
        components.insert(0, write_component(systolic | {"value": plain(facts.value)}))
        measure = Measure()
    status = next((flag for flag in facts.flags if flag in STATUSES), "final")
    others = [flag for flag in facts.flags if flag not in (*STATUSES, IMPLAUSIBLE)]
    bounds = compact(
        low=write_quantity(facts.reference_low, facts.unit),
        high=write_quantity(facts.reference_high, facts.unit),
    )
    return compact(
        resourceType="Observation",
        id=facts.fhir_id,
        status=status,
        category=[category] if category else None,
        code=write_concept(facts.display, facts.code, LOINC),
        subject=write_reference("Patient", facts.patient_id),
        encounter=write_reference("Encounter", facts.encounter_fhir_id),
        effectiveDateTime=write_time(facts.taken_at),
        **write_measure(measure),
        interpretation=[write_status(flag, INTERPRETATION) for flag in others],
        referenceRange=[bounds] if bounds else None,
        component=components,
    )


def _taken_at(resource: Element, reader: Reader) -> datetime | None:
    zone = reader.zone
    return (
        resource.time("effectiveDateTime", zone)
        or resource.time("effectiveInstant", zone)
        or resource.child("effectivePeriod").time("start", zone)
        or resource.time("issued", zone)
    )


def _components(elements: list[Element]) -> tuple[Measure | None, list[dict[str, str]]]:
    """The systolic pressure where there is one, and the other parts."""
    pressure, parts = None, []
    for element in elements:
        if pressure is None and (pressure := read_systolic(element)):
            continue
        if part := read_component(element):
            parts.append(part)
    return pressure, parts


def _kind(resource: Element, code: str, *, is_pressure: bool) -> str:
    """The kind of reading; the category is kept where the kind implies it."""
    codings = [c for concept in resource.children("category") for c in concept.children("coding")]
    codings = [coding for coding in codings if coding.peek("system") == CATEGORY]
    categories = [coding.peek("code") for coding in codings]
    kind = kind_of(code, categories)
    if is_pressure or kind == "blood_pressure":
        kind = "blood_pressure" if is_pressure else "other"
    for coding in codings:
        if coding.peek("code") == category_of(kind):
            coding.keep("system", "code")
    return kind


def _range(resource: Element, unit: str) -> tuple[Decimal | None, Decimal | None]:
    """The first reference range, in the unit of the reading."""
    for element in resource.children("referenceRange")[:1]:
        low, high = read_bound(element.child("low"), unit), read_bound(element.child("high"), unit)
        return low, high
    return None, None


def _flags(resource: Element) -> list[str]:
    """A status other than final, and the interpretations."""
    status = resource.one_of("status", ("final", *STATUSES))
    codes = []
    for concept in resource.children("interpretation"):
        code = read_status(concept, INTERPRETATION)
        if len(code) > LONGEST_FLAG:
            concept.forget()
        elif code:
            codes.append(code)
    return list(dict.fromkeys([status, *codes] if status in STATUSES else codes))
