"""The health profile of a patient: allergies, medicines, problems, readings, vaccines."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.serializing import StrictModelSerializer, StrictSerializer, question, ready
from clinic.security.permissions import Permission
from patients import health
from patients.api.nested import OfPatient
from patients.models import (
    Allergy,
    BloodType,
    Condition,
    HealthFact,
    Immunization,
    Medication,
    Reading,
)

COMMON = (
    "id",
    "patient",
    "source",
    "verified_by",
    "valid_until",
    "sensitivity",
    "confidential_kind",
    "is_active",
    "version",
    "created_at",
    "updated_at",
)
ASKED = question("FactQuestion", is_active=fields.AskedFlag(required=False))


class FactBody(StrictModelSerializer):
    """What all facts share."""

    patient = fields.Id(source="patient_id", read_only=True)
    verified_by = fields.Id(source="verified_by_id", read_only=True, allow_null=True)
    source = fields.Choice(choices=HealthFact._meta.get_field("source").choices, read_only=True)


class AllergyBody(FactBody):
    """An allergy or intolerance."""

    example = {"allergen": "Penicillin", "allergen_category": "medication", "severity": "severe",
               "criticality": "high", "verification_status": "confirmed",
               "reactions": ["Hives"]}  # fmt: skip

    reactions = fields.Texts(required=False)

    class Meta:
        model = Allergy
        fields = (
            *COMMON, "allergen", "allergen_category", "severity", "criticality",
            "verification_status", "reactions", "emergency_medication", "code", "onset_date",
        )  # fmt: skip


class MedicationBody(FactBody):
    """A medicine that the patient takes or took."""

    example = {"generic_name": "Metformin", "dosage": "500 mg", "frequency": "twice a day"}

    class Meta:
        model = Medication
        fields = (
            *COMMON, "generic_name", "brand_name", "dosage", "frequency", "route", "indication",
            "prescribed_by", "code", "active_from", "active_until",
        )  # fmt: skip


class ConditionBody(FactBody):
    """A problem or diagnosis."""

    example = {"display": "Hypertension", "code": "I10", "onset_date": "2020-02-29"}

    class Meta:
        model = Condition
        fields = (
            *COMMON, "display", "code", "code_system", "status", "verification_status",
            "onset_date", "abatement_date",
        )  # fmt: skip


class BloodTypeBody(FactBody):
    """The blood group of the patient."""

    example = {"group": "O-", "determined_on": "2024-05-02"}

    class Meta:
        model = BloodType
        fields = (*COMMON, "group", "determined_on")


class ImmunizationBody(FactBody):
    """A vaccine that was given."""

    example = {"vaccine": "Influenza, 2026", "given_at": "2026-10-05T09:30:00-04:00"}

    class Meta:
        model = Immunization
        fields = (*COMMON, "vaccine", "code", "given_at", "dose_number")


class Part(StrictSerializer):
    """One part of a reading that has several, like the lower number of a blood pressure. Answered
    with what is known of it and no more."""

    sometimes = frozenset({"display", "code", "value", "text", "unit"})

    display = fields.Text(max_length=100)
    code = fields.Text(max_length=50, required=False)
    value = fields.Text(max_length=50, required=False, help_text=_("The number as text, exactly."))
    text = fields.Text(max_length=300, required=False)
    unit = fields.Text(max_length=40, required=False)

    def to_representation(self, part):
        return part  # as it was kept


class ReadingBody(FactBody):
    """A measurement, with its unit as it came."""

    example = {"reading_type": "blood_pressure", "value": 128, "unit": "mmHg",
               "taken_at": "2026-11-20T08:15:00-05:00",
               "components": [{"display": "Diastolic", "value": "82", "unit": "mmHg"}]}  # fmt: skip

    components = Part(many=True, required=False, max_length=20)

    class Meta:
        model = Reading
        fields = (
            *COMMON, "reading_type", "display", "code", "value", "text", "unit", "components",
            "reference_low", "reference_high", "taken_at", "trend_direction",
        )  # fmt: skip


class Facts(OfPatient):
    """One kind of facts of a patient."""

    model: ClassVar[type[HealthFact]]
    required = {
        "list": Permission.CHART_VIEW,
        "retrieve": Permission.CHART_VIEW,
        "create": Permission.CHART_WRITE,
        "partial_update": Permission.CHART_WRITE,
        "destroy": Permission.CHART_WRITE,
    }
    asked = {"list": ASKED}
    matched = frozenset({"partial_update", "destroy"})

    @property
    def category(self):
        return health.CATEGORIES[self.model]

    def visible(self):
        rows = health.visible_to(self.request.user, self.model).filter(patient=self.patient)
        return rows.filter(**self.question)

    @idempotent
    def create(self, request, patient_id):
        """Add to the health profile."""
        patient = self.patient
        fact = health.record(self.model, patient=patient, by=request.user, **self.validated())
        return self.created(fact)

    def partial_update(self, request, patient_id, pk):
        """Correct what was recorded."""
        fact = self.get_object()
        facts = self.validated()
        version = self.expected_version(fact)
        fact = health.amend(fact=fact, version=version, by=request.user, **facts)
        return Response(self.shape(fact))

    def destroy(self, request, patient_id, pk):
        """Say that it holds no longer; it stays in the history with `is_active` false."""
        fact = self.get_object()
        health.retire(fact=fact, version=self.expected_version(fact), by=request.user)
        return Response(status=204)


class Allergies(Facts):
    """Allergies and intolerances."""

    model, serializer_class = Allergy, AllergyBody


class Medications(Facts):
    """Medicines."""

    model, serializer_class = Medication, MedicationBody


class Conditions(Facts):
    """Problems and diagnoses."""

    model, serializer_class = Condition, ConditionBody


class BloodTypes(Facts):
    """Blood groups, the one determined last first."""

    model, serializer_class = BloodType, BloodTypeBody


class Immunizations(Facts):
    """Vaccines."""

    model, serializer_class = Immunization, ImmunizationBody


class Readings(Facts):
    """Measurements, newest first."""

    model, serializer_class = Reading, ReadingBody
    ordering = ("-taken_at", "-id")
    asked = {
        "list": question(
            "ReadingQuestion",
            is_active=fields.AskedFlag(required=False),
            reading_type=fields.Choice(choices=Reading.Kind.choices, required=False),
        )
    }


BODIES = {
    view.model: view.serializer_class
    for view in (Allergies, BloodTypes, Conditions, Immunizations, Medications, Readings)
}


def fact_shape(fact: HealthFact) -> dict[str, Any]:
    """A fact as its own resource answers it."""
    return ready(BODIES[type(fact)]).to_representation(fact)
