"""Condition: a problem or a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry, SetAside
from records.fhir.element import Element
from records.fhir.facts import ConditionFacts
from records.fhir.resources.datatypes import (
    ICD_10,
    ICD_10_CM,
    SNOMED,
    Json,
    compact,
    read_concept,
    write_concept,
    write_reference,
    write_status,
    write_time,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader

CLINICAL_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
VERIFICATIONS = ("differential", "provisional", "unconfirmed", "confirmed")
# The chart knows three states; of the others it keeps the nearest.
STATUSES = {
    "active": "active",
    "recurrence": "active",
    "relapse": "active",
    "inactive": "inactive",
    "remission": "inactive",
    "resolved": "resolved",
}


def read(entry: Entry, reader: Reader) -> ConditionFacts:
    """A problem. Raises SetAside where it is nobody's or says nothing."""
    resource = entry.resource
    patient_id = reader.patient_of(resource.child("subject"))
    code = read_concept(resource.child("code"), SNOMED, ICD_10_CM, ICD_10)
    if code is None:
        raise SetAside(_("it does not say what it is"))
    period = resource.child("abatementPeriod")
    abatement = resource.day("abatementDateTime", reader.zone) or period.day("end", reader.zone)
    status = read_state(resource.child("clinicalStatus"), CLINICAL_STATUS, STATUSES)
    status = status or ("resolved" if abatement else "active")
    return ConditionFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        display=code.display,
        code=code.code,
        code_system=code.system,
        status=status,
        verification_status=read_verification(resource, VERIFICATION, VERIFICATIONS),
        is_active=status == "active",
        onset_date=resource.day("onsetDateTime", reader.zone)
        or resource.child("onsetPeriod").day("start", reader.zone),
        abatement_date=abatement,
    )


def write(facts: ConditionFacts) -> Json:
    """The Condition resource."""
    return compact(
        resourceType="Condition",
        id=facts.fhir_id,
        clinicalStatus=write_status(facts.status, CLINICAL_STATUS),
        verificationStatus=write_status(facts.verification_status, VERIFICATION),
        code=write_concept(facts.display, facts.code, facts.code_system),
        subject=write_reference("Patient", facts.patient_id),
        onsetDateTime=write_time(facts.onset_date),
        abatementDateTime=write_time(facts.abatement_date),
    )


def read_state(concept: Element, system: str, states: dict[str, str]) -> str:
    """The state that stands for a clinical status; one that is not the same counts as reduced."""
    for coding in concept.children("coding"):
        code = coding.peek("code")
        if coding.peek("system") == system and isinstance(code, str) and code in states:
            coding.keep("system", "code")
            if states[code] != code:
                coding.reduce("code", _("kept as %(state)s") % {"state": states[code]})
            return states[code]
    return ""


def read_verification(resource: Element, system: str, codes: tuple[str, ...]) -> str:
    """How sure a fact is: the first of `codes` that its verification has, `confirmed` the last.

    FHIR allows no other codes, so they are taken at their word without their `system`. A
    verification in other words is unconfirmed: what cannot be read must not pass for a fact.
    """
    concept = resource.child("verificationStatus")
    codings = [coding for coding in concept.children("coding") if coding.peek("code") in codes]
    if not codings:
        return "unconfirmed" if resource.peek("verificationStatus") else ""
    said = min((coding.peek("code") for coding in codings), key=codes.index)
    for coding in codings:
        if coding.peek("code") in (said, "unconfirmed"):  # the closer word says the wider one too
            coding.keep("code", *(["system"] if coding.peek("system") == system else []))
    return said
