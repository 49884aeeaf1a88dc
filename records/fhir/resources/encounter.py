"""Encounter: one visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry
from records.fhir.element import Element
from records.fhir.facts import EncounterFacts
from records.fhir.resources.datatypes import (
    SNOMED,
    Concept,
    Json,
    compact,
    read_concept,
    read_reasons,
    write_concept,
    write_reference,
    write_time,
)
from records.fhir.resources.people import NPI

if TYPE_CHECKING:
    from records.fhir.reader import Reader

CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def read(entry: Entry, reader: Reader) -> EncounterFacts:
    """A visit. Raises SetAside where it is nobody's."""
    resource = entry.resource
    patient_id = reader.patient_of(resource.child("subject"))
    period = resource.child("period")
    attending = _attending(resource)
    types = (read_concept(concept, SNOMED) for concept in resource.children("type"))
    kind = next(filter(None, types), Concept(display=_("Visit")))
    return EncounterFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        display=kind.display,
        code=kind.code,
        reason=read_reasons(resource, reader),
        encounter_class=_class(resource.child("class")),
        status=resource.text("status", limit=30) or "unknown",
        started_at=period.time("start", reader.zone),
        ended_at=period.time("end", reader.zone),
        attending_name=reader.name_of(attending, "Practitioner"),
        attending_npi=reader.npi_of(attending),
        provider_name=reader.name_of(resource.child("serviceProvider"), "Organization"),
    )


def write(facts: EncounterFacts) -> Json:
    """The Encounter resource."""
    npi = {"system": NPI, "value": facts.attending_npi} if facts.attending_npi else None
    attending = compact(identifier=npi, display=facts.attending_name)
    coded = {"system": CLASS, "code": facts.encounter_class}
    return compact(
        resourceType="Encounter",
        id=facts.fhir_id,
        status=facts.status or "unknown",
        # The standard demands a class; where there is none, one without a code says so.
        **{"class": coded if facts.encounter_class else {"display": "unknown"}},
        type=[write_concept(facts.display, facts.code, SNOMED)],
        subject=write_reference("Patient", facts.patient_id),
        participant=[{"individual": attending}] if attending else None,
        period=compact(start=write_time(facts.started_at), end=write_time(facts.ended_at)),
        reasonCode=[{"text": facts.reason}] if facts.reason else None,
        serviceProvider={"display": facts.provider_name} if facts.provider_name else None,
    )


def _class(coding: Element) -> str:
    if coding.peek("system") not in (CLASS, None):
        return ""
    coding.keep("system")
    return coding.text("code", limit=30)


def _attending(encounter: Element) -> Element:
    """Who attended: the attender, else the primary performer, else the first who is named."""

    def rank(participant: Element) -> int:
        codings = [c for kind in participant.children("type") for c in kind.children("coding")]
        codes = [coding.peek("code") for coding in codings]
        return 0 if "ATND" in codes else 1 if "PPRF" in codes else 2

    participants = sorted(encounter.children("participant"), key=rank)
    individuals = (participant.child("individual") for participant in participants)
    return next(filter(None, individuals), Element({}))
