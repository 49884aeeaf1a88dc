"""AllergyIntolerance: what a patient must not be given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry, SetAside
from records.fhir.element import Element
from records.fhir.facts import AllergyFacts
from records.fhir.resources.condition import read_state, read_verification
from records.fhir.resources.datatypes import (
    ABSENT,
    SNOMED,
    Json,
    compact,
    read_concept,
    read_words,
    write_concept,
    write_reference,
    write_status,
    write_time,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader

CLINICAL_STATUS = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
VERIFICATIONS = ("presumed", "unconfirmed", "confirmed")
STATUSES = {"active": "active", "inactive": "inactive", "resolved": "inactive"}
CATEGORIES = ("food", "medication", "environment", "biologic")
SEVERITIES = ("mild", "moderate", "severe")
CRITICALITIES = ("low", "high", "unable-to-assess")
ANAPHYLAXIS = "39579001"
# "No known allergy" and its kinds for drugs, environment, food and latex: the absence of one.
NO_ALLERGY = {"716186003", "409137002", "428607008", "429625007", "1003774007"}


def read(entry: Entry, reader: Reader) -> AllergyFacts:
    """An allergy. Raises SetAside where it is nobody's, or says nothing or that there is none."""
    resource = entry.resource
    patient_id = reader.patient_of(resource.child("patient"))
    allergen = read_concept(resource.child("code"), SNOMED)
    if allergen is None:
        raise SetAside(_("it does not say what it is"))
    if allergen.code in NO_ALLERGY:
        raise SetAside(_("it says that there is no allergy"))
    reactions = resource.children("reaction")
    state = read_state(resource.child("clinicalStatus"), CLINICAL_STATUS, STATUSES)
    return AllergyFacts(
        fhir_id=entry.fhir_id,
        patient_id=patient_id,
        allergen=allergen.display,
        code=allergen.code,
        allergen_category=_category(resource),
        severity=_severity(reactions),
        criticality=resource.one_of("criticality", CRITICALITIES),
        verification_status=read_verification(resource, VERIFICATION, VERIFICATIONS),
        reactions=_manifestations(reactions),
        is_active=state != "inactive",
        onset_date=resource.day("onsetDateTime", reader.zone),
    )


def write(facts: AllergyFacts) -> Json:
    """The AllergyIntolerance resource."""
    state = "active" if facts.is_active else "inactive"
    category = facts.allergen_category
    return compact(
        resourceType="AllergyIntolerance",
        id=facts.fhir_id,
        clinicalStatus=write_status(state, CLINICAL_STATUS),
        verificationStatus=_written_verification(facts.verification_status),
        category=[category] if category in CATEGORIES else None,
        criticality=facts.criticality,
        code=write_concept(facts.allergen, facts.code, SNOMED),
        patient=write_reference("Patient", facts.patient_id),
        onsetDateTime=write_time(facts.onset_date),
        reaction=_written_reactions(facts),
    )


def _category(resource: Element) -> str:
    """The chart has room for one category: the first."""
    categories = resource.peek("category")
    first = categories[0] if isinstance(categories, list) and categories else None
    if first not in CATEGORIES:
        return "other"
    resource.marks.kept.add(("category", 0))
    return first


def _manifestations(reactions: list[Element]) -> list[str]:
    concepts = (concept for item in reactions for concept in item.children("manifestation"))
    return list(dict.fromkeys(filter(None, map(read_words, concepts))))


def _severity(reactions: list[Element]) -> str:
    """The worst: an anaphylaxis, else the gravest that is stated. Lesser ones are not kept."""
    concepts = [concept for item in reactions for concept in item.children("manifestation")]
    anaphylaxes = [
        coding
        for concept in concepts
        for coding in concept.children("coding")
        if coding.peek("system") == SNOMED and coding.peek("code") == ANAPHYLAXIS
    ]
    for coding in anaphylaxes:
        coding.keep("system", "code")
    stated = {item.peek("severity") for item in reactions if isinstance(item.peek("severity"), str)}
    worst = next((severity for severity in reversed(SEVERITIES) if severity in stated), "")
    for item in reactions:
        if worst and item.peek("severity") == worst:
            item.keep("severity")
    return "anaphylactic" if anaphylaxes else worst


def _written_verification(status: str) -> Json | None:
    """R4 has no `presumed`: R5 put it below `unconfirmed`, which is therefore written beside it."""
    if status != "presumed":
        return write_status(status, VERIFICATION)
    codes = (status, "unconfirmed")
    return {"coding": [{"system": VERIFICATION, "code": code} for code in codes]}


def _written_reactions(facts: AllergyFacts) -> list[Json] | None:
    """One reaction with all manifestations; FHIR allows no severity without one."""
    manifestations = [write_concept(text) for text in facts.reactions]
    if facts.severity and not manifestations:
        manifestations = [write_status("unknown", ABSENT)]
    if facts.severity != "anaphylactic":
        reaction = compact(manifestation=manifestations, severity=facts.severity)
        return [reaction] if reaction else None
    named = (n for n, text in enumerate(facts.reactions) if "anaphyla" in text.lower())
    manifestations[next(named, 0)] |= {"coding": [{"system": SNOMED, "code": ANAPHYLAXIS}]}
    return [{"manifestation": manifestations, "severity": "severe"}]
