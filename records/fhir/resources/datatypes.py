"""FHIR's data types, both ways."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from records.fhir.element import Element

if TYPE_CHECKING:
    from records.fhir.reader import Reader

Json = dict[str, Any]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
UCUM = "http://unitsofmeasure.org"
# Codes of UCUM that an export names as such; of another unit the chart does not know.
UNITS = frozenset(
    "% /min /uL 10*3/uL 10*6/uL Cel [degF] [in_i] [lb_av] {#} {nominal} {score} a cm fL g g/L g/dL"
    " h kg kg/m2 kPa m mEq/L mL mL/min mL/min/{1.73_m2} mg mg/L mg/dL mg/g min mm[Hg] mm/h mmol/L"
    " mmol/mol mol/L ng/L ng/dL ng/mL nmol/L pg pg/mL pmol/L s ug/L ug/dL ug/mL umol/L u[IU]/mL U/L"
    " [iU]/L".split()
)

DISPLAY = 300
CODE = 50
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Concept:
    """What something is: in words, and as the code of a system."""

    display: str
    code: str = ""
    system: str = ""


def read_concept(concept: Element, *systems: str) -> Concept | None:
    """A CodeableConcept; its code is of the first of `systems` that it has, and else not kept."""
    codings = [c for c in concept.children("coding") if c.peek("system") in systems]
    codings.sort(key=lambda coding: systems.index(coding.peek("system")))
    code = codings[0].text("code", limit=CODE) if codings else ""
    display = read_words(concept, prefer=codings[:1])
    if not (display or code):
        return None
    system = codings[0].text("system") if code else ""
    return Concept(display=display or code, code=code, system=system)


def read_words(concept: Element, *, prefer: Iterable[Element] = (), limit: int = DISPLAY) -> str:
    """A concept as people read it: its text, else the display or code of a coding."""
    codings = [c for c in concept.children("coding") if c.peek("system") != ABSENT]
    words = concept.text("text", limit=limit)
    for coding in (*prefer, *codings):
        if not words:
            words = coding.text("display", limit=limit)
        elif coding.peek("display") == words:
            coding.keep("display")
    codes = (coding.text("code", limit=CODE) for coding in codings)
    return words or next(filter(None, codes), "")


def read_status(concept: Element, system: str) -> str:
    """The code of a concept whose system the standard fixes, so that it need not be stored."""
    for coding in concept.children("coding"):
        if coding.peek("system") == system and (code := coding.text("code", limit=CODE)):
            coding.keep("system")
            return code
    return ""


def read_name(names: list[Element]) -> tuple[str, str]:
    """First and last name: of the official name, else the usual one, else the first."""
    order = {"official": 0, "usual": 1}
    for name in sorted(names, key=lambda name: order.get(str(name.peek("use")), 2)):
        first, last = " ".join(name.texts("given")), name.text("family", limit=100)
        if not (first or last):
            first, _, last = name.text("text", limit=100).rpartition(" ")
        if (first or last) and len(first) <= 100:
            return first, last
        name.forget()
    return "", ""


def read_full_name(names: list[Element]) -> str:
    """A name in one piece, with title."""
    for name in names:
        given = (*name.texts("prefix"), *name.texts("given"))
        parts = (*given, name.text("family"), *name.texts("suffix"))
        full = " ".join(filter(None, parts)) or name.text("text")
        if full and len(full) <= 200:
            return full
        name.forget()
    return ""


def read_telecom(telecoms: list[Element], system: str, uses: tuple[str, ...], limit: int) -> str:
    """The number or address of that system, by preference of `uses`; never an old one."""
    found = [t for t in telecoms if t.peek("system") == system and t.peek("use") != "old"]
    order = {use: rank for rank, use in enumerate(uses)}
    for telecom in sorted(found, key=lambda t: order.get(str(t.peek("use")), len(uses))):
        if value := telecom.text("value", limit=limit):
            telecom.keep("system")
            return value
    return ""


def read_reasons(resource: Element, reader: Reader) -> str:
    """Why something was ordered or done: its own words, and those of conditions that it names."""
    words = [read_words(concept) for concept in resource.children("reasonCode")]
    words += [reader.name_of(ref, "Condition") for ref in resource.children("reasonReference")]
    reasons = "; ".join(dict.fromkeys(filter(None, words)))
    if len(reasons) <= DISPLAY:
        return reasons
    for element in (*resource.children("reasonCode"), *resource.children("reasonReference")):
        element.forget()
    return ""


def write_concept(display: str, code: str = "", system: str = "") -> Json | None:
    coding = {"system": system, "code": code, "display": display} if code and system else None
    return compact(coding=[coding] if coding else None, text=display) or None


def write_status(code: str, system: str) -> Json | None:
    return {"coding": [{"system": system, "code": code}]} if code else None


def write_quantity(value: Decimal | None, unit: str = "") -> Json | None:
    """A quantity. FHIR's decimals are JSON numbers; those of the chart fit a double exactly."""
    if value is None:
        return None
    number = int(value) if value == value.to_integral_value() else float(value)
    coded = {"system": UCUM, "code": unit} if unit in UNITS else {}
    return compact(value=number, unit=unit, **coded)


def write_telecom(system: str, value: str) -> Json | None:
    return {"system": system, "value": value} if value else None


def write_time(value: date | datetime | None) -> str | None:
    return value.isoformat() if value else None


def write_reference(kind: str, fhir_id: str) -> Json | None:
    """A reference to a resource of the same bundle."""
    if not fhir_id:
        return None
    return {"reference": write_url(fhir_id) or f"{kind}/{fhir_id}"}


def write_url(fhir_id: str) -> str:
    """The address of a resource whose id is a UUID; others have none outside a server."""
    return f"urn:uuid:{fhir_id}" if UUID.fullmatch(fhir_id) else ""


def compact(**items: Any) -> Json:
    """The fields that say something: FHIR allows no empty value. False and 0 do say something."""
    return {name: value for name, value in items.items() if value not in (None, "", [], {})}
