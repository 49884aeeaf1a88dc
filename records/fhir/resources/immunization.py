"""Immunization: a vaccine that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry, SetAside, TakenBack
from records.fhir.element import Element
from records.fhir.facts import ImmunizationFacts
from records.fhir.resources.datatypes import (
    CVX,
    Json,
    compact,
    read_concept,
    write_concept,
    write_reference,
    write_time,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader


def read(entry: Entry, reader: Reader) -> ImmunizationFacts:
    """A vaccine. Raises SetAside where it is nobody's, nameless or was not given."""
    resource = entry.resource
    if resource.peek("status") == "not-done":
        raise TakenBack(_("it was not done"))
    patient_id = reader.patient_of(resource.child("patient"))
    vaccine = read_concept(resource.child("vaccineCode"), CVX)
    if vaccine is None:
        raise SetAside(_("it does not say which vaccine"))
    if resource.peek("status") == "completed":
        resource.keep("status")
    return ImmunizationFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        vaccine=vaccine.display,
        code=vaccine.code,
        given_at=resource.time("occurrenceDateTime", reader.zone),
        dose_number=_dose_number(resource.children("protocolApplied")),
    )


def write(facts: ImmunizationFacts) -> Json:
    """The Immunization resource."""
    dose = {"doseNumberPositiveInt": facts.dose_number}
    return compact(
        resourceType="Immunization",
        id=facts.fhir_id,
        status="completed",
        vaccineCode=write_concept(facts.vaccine, facts.code, CVX),
        patient=write_reference("Patient", facts.patient_id),
        occurrenceDateTime=write_time(facts.given_at),
        # The standard demands to be told when, or that it is not known.
        occurrenceString=None if facts.given_at else "unknown",
        protocolApplied=[dose] if facts.dose_number else None,
    )


def _dose_number(protocols: list[Element]) -> int | None:
    for protocol in protocols:
        number = protocol.peek("doseNumberPositiveInt")
        if type(number) is int and 0 < number < 1000:
            protocol.keep("doseNumberPositiveInt")
            return number
    return None
