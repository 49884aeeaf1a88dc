"""Procedure: something that was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry, SetAside, TakenBack
from records.fhir.facts import ProcedureFacts
from records.fhir.resources.datatypes import (
    SNOMED,
    Json,
    compact,
    read_concept,
    read_reasons,
    write_concept,
    write_reference,
    write_time,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader


def read(entry: Entry, reader: Reader) -> ProcedureFacts:
    """A procedure. Raises SetAside where it is nobody's, says nothing or was not done."""
    resource = entry.resource
    if resource.peek("status") == "not-done":
        raise TakenBack(_("it was not done"))
    patient_id = reader.patient_of(resource.child("subject"))
    code = read_concept(resource.child("code"), SNOMED)
    if code is None:
        raise SetAside(_("it does not say what it is"))
    period = resource.child("performedPeriod")
    return ProcedureFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        encounter_fhir_id=reader.encounter_of(resource.child("encounter"), patient_id),
        display=code.display,
        code=code.code,
        status=resource.text("status", limit=30) or "unknown",
        reason=read_reasons(resource, reader),
        performed_at=resource.time("performedDateTime", reader.zone)
        or period.time("start", reader.zone),
        ended_at=period.time("end", reader.zone),
    )


def write(facts: ProcedureFacts) -> Json:
    """The Procedure resource."""
    start, end = write_time(facts.performed_at), write_time(facts.ended_at)
    return compact(
        resourceType="Procedure",
        id=facts.fhir_id,
        status=facts.status or "unknown",
        code=write_concept(facts.display, facts.code, SNOMED),
        subject=write_reference("Patient", facts.patient_id),
        encounter=write_reference("Encounter", facts.encounter_fhir_id),
        performedDateTime=None if end else start,
        performedPeriod=compact(start=start, end=end) if end else None,
        reasonCode=[{"text": facts.reason}] if facts.reason else None,
    )
