"""Walks a bundle's resources and follows their references; each is read once, when needed."""

import re
from datetime import tzinfo
from typing import Any

from django.utils.translation import gettext as _

from records.fhir.bundle import Bundle, Entry, SetAside, TakenBack
from records.fhir.element import Element
from records.fhir.resources import (
    allergy,
    condition,
    encounter,
    immunization,
    medication,
    observation,
    patient,
    people,
    procedure,
    report,
)

# What the chart is made of, and how each is read.
CHARTED = {
    "Patient": patient.read,
    "Encounter": encounter.read,
    "Condition": condition.read,
    "AllergyIntolerance": allergy.read,
    "MedicationRequest": medication.read,
    "Immunization": immunization.read,
    "Observation": observation.read,
    "Procedure": procedure.read,
    "DiagnosticReport": report.read,
}
# What is kept only as far as something of the chart names it.
NAMED = {
    "Practitioner": people.read_practitioner,
    "Organization": people.read_organization,
    "Medication": medication.read_product,
}
NPI_REFERENCE = re.compile(r"Practitioner\?identifier=http://hl7\.org/fhir/sid/us-npi\|(\d{1,10})")


class Reader:
    """Facts by the name of their entry (None: not kept), and the reason where one was set aside;
    of those that their source took back, the verification status that says so."""

    def __init__(self, bundle: Bundle, zone: tzinfo):
        self.bundle = bundle
        self.zone = zone
        self.facts: dict[str, Any] = {}
        self.set_aside: dict[str, str] = {}
        self.taken_back: dict[str, str] = {}

    def read(self, entry: Entry) -> Any:
        """The facts of `entry`, or None where it is of a type that is not kept or was set aside."""
        if entry.name not in self.facts:
            self.facts[entry.name] = None  # a circle of references ends here
            self.facts[entry.name] = self._read(entry)
        return self.facts[entry.name]

    def linked(self, reference: Element, *types: str, patient_id: str = "") -> Any:
        """The facts that `reference` names, or None; where they are, the reference counts as kept.

        They must be of one of `types` and, where `patient_id` is given, of that patient.
        """
        written = reference.peek("reference")
        entry = self.bundle.find(written, within=reference)
        if entry is None or entry.type not in types:
            return None
        facts = self._read(entry) if written.startswith("#") else self.read(entry)
        if facts is None or (patient_id and facts.patient_id != patient_id):
            return None
        reference.keep("reference", "type")
        if written.startswith("#"):
            entry.resource.keep("id")
        return facts

    def patient_of(self, reference: Element) -> str:
        """The id of the patient whom a resource is about. Raises SetAside where there is none."""
        facts = self.linked(reference, "Patient")
        if facts is None:
            raise SetAside(_("it is about no patient of this bundle"))
        return facts.fhir_id

    def encounter_of(self, reference: Element, patient_id: str) -> str:
        """The id of the visit that a resource belongs to, where it is the same patient's."""
        facts = self.linked(reference, "Encounter", patient_id=patient_id)
        return facts.fhir_id if facts else ""

    def name_of(self, reference: Element, *types: str) -> str:
        """The name of whom `reference` means: their own, else the one in the reference."""
        facts = self.linked(reference, *types)
        if facts is None:
            return reference.text("display", limit=200)
        reference.reduce("reference", _("kept as a name"))
        if reference.peek("display") == facts.display:
            reference.keep("display")
        return facts.display

    def npi_of(self, reference: Element) -> str:
        """The National Provider Identifier of whom `reference` means, where it can be told."""
        if facts := self.linked(reference, "Practitioner"):
            return facts.npi
        if npi := people.find_npi([reference.child("identifier")]):
            return npi
        found = NPI_REFERENCE.fullmatch(str(reference.peek("reference")))
        return found[1] if found else ""

    def _read(self, entry: Entry) -> Any:
        read = CHARTED.get(entry.type) or NAMED.get(entry.type)
        if read is None:
            return None
        try:
            _check_meant(entry.resource)
            facts = read(entry, self)
        except SetAside as reason:
            entry.resource.forget()
            self.set_aside[entry.name] = str(reason)
            if isinstance(reason, TakenBack):
                self.taken_back[entry.name] = reason.verification_status
            return None
        entry.resource.keep("resourceType", *(["id"] if entry.type in CHARTED else []))
        return facts


def _check_meant(resource: Element) -> None:
    """Raises SetAside where the resource is withdrawn, or may mean the opposite of what it says.

    Who does not understand a modifier must not process it (hl7.org/fhir/R4, Extensibility).
    """
    if "implicitRules" in resource or any(
        "modifierExtension" in path for path, *_rest in resource.leaves()
    ):
        raise SetAside(_("it has a modifier that is not understood"))
    codings = resource.child("verificationStatus").children("coding")
    codes = [coding.peek("code") for coding in codings]
    if "entered-in-error" in (*codes, resource.peek("status")):
        raise TakenBack(_("it was entered in error"))
    if "refuted" in codes:
        raise TakenBack(_("it was refuted"), "refuted")
