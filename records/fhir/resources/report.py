"""DiagnosticReport: a panel of results, or a narrative."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry, SetAside, TakenBack
from records.fhir.element import LONG, Element
from records.fhir.facts import ReportFacts
from records.fhir.resources.datatypes import (
    LOINC,
    Json,
    compact,
    read_concept,
    write_concept,
    write_reference,
    write_time,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader


def read(entry: Entry, reader: Reader) -> ReportFacts:
    """A report. Raises SetAside where it is nobody's, says nothing or was cancelled."""
    resource = entry.resource
    if resource.peek("status") == "cancelled":
        raise TakenBack(_("it was cancelled"))
    patient_id = reader.patient_of(resource.child("subject"))
    code = read_concept(resource.child("code"), LOINC)
    if code is None:
        raise SetAside(_("it does not say what it is"))
    forms = resource.children("presentedForm")
    return ReportFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        encounter_fhir_id=reader.encounter_of(resource.child("encounter"), patient_id),
        display=code.display,
        code=code.code,
        status=resource.text("status", limit=30) or "unknown",
        conclusion=resource.text("conclusion", limit=LONG) or _narrative(forms),
        issued_at=resource.time("issued", reader.zone)
        or resource.time("effectiveDateTime", reader.zone),
        results=_results(resource.children("result"), reader, patient_id),
    )


def write(facts: ReportFacts) -> Json:
    """The DiagnosticReport resource."""
    return compact(
        resourceType="DiagnosticReport",
        id=facts.fhir_id,
        status=facts.status or "unknown",
        code=write_concept(facts.display, facts.code, LOINC),
        subject=write_reference("Patient", facts.patient_id),
        encounter=write_reference("Encounter", facts.encounter_fhir_id),
        issued=write_time(facts.issued_at),
        result=[write_reference("Observation", fhir_id) for fhir_id in facts.results],
        conclusion=facts.conclusion,
    )


def _results(references: list[Element], reader: Reader, patient_id: str) -> list[str]:
    """The readings of the same patient."""
    found = []
    for reference in references:
        if reading := reader.linked(reference, "Observation", patient_id=patient_id):
            found.append(reading.fhir_id)
            if reference.peek("display") == reading.display:
                reference.keep("display")
    return list(dict.fromkeys(found))


def _narrative(forms: list[Element]) -> str:
    """The first attachment that is plain text."""
    for form in forms:
        if str(form.peek("contentType")).split(";")[0].strip() == "text/plain":
            if text := _decoded(form.text("data", limit=2 * LONG)):
                form.keep("contentType")
                return text
            form.forget()
    return ""


def _decoded(data: str) -> str:
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return "" if "\x00" in text or len(text) > LONG else text.strip()
