"""What is known of a patient, read from FHIR or on its way there: no database, no JSON of FHIR.

The fields are named as the columns that keep them. `fhir_id` is the id of the resource that a fact
came from, by which a second import finds it again; `patient_id` and `encounter_fhir_id` are such
ids too. An empty string means that the source says nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class PatientFacts:
    """The patient; `gender` is male, female, other or unknown, `preferred_language` a BCP 47 tag.

    `address` has line1, line2, city, state, zip_code and country, `emergency_contact` name,
    relationship and phone, each where it is known.
    """

    resource_type: ClassVar[str] = "Patient"

    fhir_id: str
    first_name: str
    last_name: str
    date_of_birth: date | None = None
    gender: str = "unknown"
    ssn: str = ""
    cpf: str = ""
    phone: str = ""
    email: str = ""
    address: dict[str, str] = field(default_factory=dict)
    emergency_contact: dict[str, str] = field(default_factory=dict)
    preferred_language: str = ""
    deceased_on: date | None = None

    @property
    def patient_id(self) -> str:
        return self.fhir_id


@dataclass(frozen=True, kw_only=True)
class Named:
    """A practitioner or an organization; `npi` is a practitioner's number in the USA."""

    display: str
    npi: str = ""


@dataclass(frozen=True, kw_only=True)
class EncounterFacts:
    """One visit; `encounter_class` is HL7's ActCode, such as AMB, EMER or IMP.

    `attending_npi` finds the user who attended; it is not kept itself.
    """

    resource_type: ClassVar[str] = "Encounter"

    fhir_id: str
    patient_id: str
    display: str
    code: str = ""
    reason: str = ""
    encounter_class: str = ""
    status: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attending_name: str = ""
    attending_npi: str = field(default="", compare=False)
    provider_name: str = ""


@dataclass(frozen=True, kw_only=True)
class ConditionFacts:
    """A problem or diagnosis; `status` is active, inactive or resolved.

    `verification_status` says how sure it is: unconfirmed, provisional, differential or confirmed.
    """

    resource_type: ClassVar[str] = "Condition"

    fhir_id: str
    patient_id: str
    display: str
    code: str = ""
    code_system: str = ""
    status: str = "active"
    verification_status: str = ""
    is_active: bool = True
    onset_date: date | None = None
    abatement_date: date | None = None


@dataclass(frozen=True, kw_only=True)
class AllergyFacts:
    """An allergy; `severity` is that of its worst reaction, `criticality` the harm that the next
    could do: low, high or unable-to-assess.

    `verification_status` says how sure it is: unconfirmed, presumed or confirmed.
    """

    resource_type: ClassVar[str] = "AllergyIntolerance"

    fhir_id: str
    patient_id: str
    allergen: str
    code: str = ""
    allergen_category: str = "other"
    severity: str = ""
    criticality: str = ""
    verification_status: str = ""
    reactions: list[str] = field(default_factory=list)
    is_active: bool = True
    onset_date: date | None = None


@dataclass(frozen=True, kw_only=True)
class MedicationFacts:
    """A medicine as it was ordered; dosage, frequency and route are words for people."""

    resource_type: ClassVar[str] = "MedicationRequest"

    fhir_id: str
    patient_id: str
    generic_name: str
    code: str = ""
    dosage: str = ""
    frequency: str = ""
    route: str = ""
    indication: str = ""
    prescribed_by: str = ""
    is_active: bool = True
    active_from: date | None = None


@dataclass(frozen=True, kw_only=True)
class ImmunizationFacts:
    """A vaccine that was given."""

    resource_type: ClassVar[str] = "Immunization"

    fhir_id: str
    patient_id: str
    vaccine: str
    code: str = ""
    given_at: datetime | None = None
    dose_number: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReadingFacts:
    """A vital sign, a laboratory result or an answer: a number, a text, or several components.

    A blood pressure is its systolic `value`, with the diastolic among `components`; each of these
    has a code, a display, and a value (as text) with its unit, or a text. `flags` are HL7's codes
    of interpretation, a status other than final, and `implausible`.
    """

    resource_type: ClassVar[str] = "Observation"

    fhir_id: str
    patient_id: str
    taken_at: datetime
    encounter_fhir_id: str = ""
    reading_type: str = "other"
    display: str = ""
    code: str = ""
    value: Decimal | None = None
    text: str = ""
    unit: str = ""
    components: list[dict[str, str]] = field(default_factory=list)
    reference_low: Decimal | None = None
    reference_high: Decimal | None = None
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ProcedureFacts:
    """Something that was done."""

    resource_type: ClassVar[str] = "Procedure"

    fhir_id: str
    patient_id: str
    encounter_fhir_id: str = ""
    display: str
    code: str = ""
    status: str = ""
    reason: str = ""
    performed_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """A diagnostic report; `results` are the ids of its readings."""

    resource_type: ClassVar[str] = "DiagnosticReport"

    fhir_id: str
    patient_id: str
    encounter_fhir_id: str = ""
    display: str
    code: str = ""
    status: str = ""
    conclusion: str = ""
    issued_at: datetime | None = None
    results: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One patient and all facts about that patient, in the order of the source."""

    patient: PatientFacts
    encounters: tuple[EncounterFacts, ...] = ()
    conditions: tuple[ConditionFacts, ...] = ()
    allergies: tuple[AllergyFacts, ...] = ()
    medications: tuple[MedicationFacts, ...] = ()
    immunizations: tuple[ImmunizationFacts, ...] = ()
    readings: tuple[ReadingFacts, ...] = ()
    procedures: tuple[ProcedureFacts, ...] = ()
    reports: tuple[ReportFacts, ...] = ()

    def facts(self) -> Iterator[Any]:
        """The patient, then everything else, visits first."""
        yield self.patient
        for place in fields(self)[1:]:
            yield from getattr(self, place.name)
