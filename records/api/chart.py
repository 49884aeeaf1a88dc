"""A patient's chart in one answer."""

from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.serializing import StrictModelSerializer, answer, ready
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients import access, health, summary
from patients.api.health import (
    AllergyBody,
    BloodTypeBody,
    ConditionBody,
    ImmunizationBody,
    MedicationBody,
    ReadingBody,
    fact_shape,
)
from patients.api.nested import OfPatient
from patients.api.patients import PatientBody, allergies_of
from patients.api.shapes import patient_shape
from patients.models import Allergy, BloodType, Condition, Immunization, Medication, Reading
from records import charting, documents
from records.api.documents import ListedDocumentBody
from records.api.records import RecordBody
from records.models import Encounter
from scheduling import calendar
from scheduling.api.appointments import AppointmentBody
from scheduling.api.shapes import appointment_shapes

SUMMARISED = ("allergies", "medications", "conditions", "blood_types")
MOST = 200  # of each kind, the newest; each kind's own resource has all


class EncounterBody(StrictModelSerializer):
    """A visit that took place, imported or written here."""

    patient = fields.Id(source="patient_id", read_only=True)

    class Meta:
        model = Encounter
        fields = (
            "id", "patient", "source", "display", "reason", "encounter_class", "status",
            "started_at", "ended_at", "attending_name", "provider_name",
        )  # fmt: skip
        read_only_fields = fields


def _many(body: type[serializers.Serializer]) -> serializers.BaseSerializer:
    return body(many=True, allow_null=True)


ChartBody = answer(
    "Chart",
    demographics=PatientBody(),
    allergies=_many(AllergyBody),
    medications=_many(MedicationBody),
    conditions=_many(ConditionBody),
    immunizations=_many(ImmunizationBody),
    readings=_many(ReadingBody),
    encounters=_many(EncounterBody),
    records=_many(RecordBody),
    documents=_many(ListedDocumentBody),
    appointments=_many(AppointmentBody),
    blood_types=_many(BloodTypeBody),
    partial=fields.Texts(
        help_text=_("Parts of which only what belongs to the summary for an emergency is open.")
    ),
)


class Chart(OfPatient):
    """Everything on one page: the newest 200 of each kind. A part that is not open to the reader
    is null, so that nothing there can be told from nothing shown. Under an emergency access the
    parts of the summary hold what belongs to it, and `partial` names them."""

    required = {"retrieve": Permission.CHART_VIEW}
    answers = {"retrieve": ChartBody}

    def retrieve(self, request, patient_id):
        """A patient's chart in one answer."""
        patient = self.patient
        open_to = access.categories_of(request.user, patient)
        parts = {
            name: self._part(rows, shape) if category in open_to else None
            for name, (category, rows, shape) in self._parts(patient).items()
        }
        missing = [name for name in SUMMARISED if parts[name] is None]
        in_summary = self._summary(patient, missing) if Category.SUMMARY in open_to else {}
        parts |= in_summary
        demographics = patient_shape(patient)
        if Category.MEDICATIONS in open_to:
            demographics["allergies"] = allergies_of([patient], request.user)[patient.pk]
        counts = {name: len(part) for name, part in parts.items() if part}
        trail.read("patients.patient", [(patient.pk, patient.pk)], how="chart", details=counts)
        return Response({"demographics": demographics, **parts, "partial": sorted(in_summary)})

    def _summary(self, patient, missing: list[str]) -> dict[str, list]:
        """What of the parts that are closed belongs to the summary for an emergency."""
        if not missing:
            return {}
        found = summary.of(patient, by=self.request.user)
        held = dict(zip(SUMMARISED, found.facts, strict=True))
        return {name: [fact_shape(fact) for fact in held[name][:MOST]] for name in missing}

    def _part(self, rows: QuerySet, shape) -> list[dict[str, Any]]:
        return [shape(row) for row in rows[:MOST]]

    def _parts(self, patient) -> dict[str, tuple]:
        """What the chart holds: the grant that opens it, its rows, how a row is answered."""
        me, records = self.request.user, Category.RECORDS

        def facts(model, *order) -> tuple:
            rows = health.visible_to(me, model).filter(patient=patient).order_by(*order)
            return health.CATEGORIES[model], rows, fact_shape

        visits = calendar.visits(me).select_related(None).filter(patient=patient)
        written = charting.visible_to(me).select_related(None).filter(patient=patient)
        papers = documents.visible_to(me).select_related(None).filter(patient=patient)
        past = Encounter.objects.active().filter(patient=patient)
        past = access.visible(past, me, category=records)
        past = past.order_by(_newest("started_at"), "-id")
        return {
            "allergies": facts(Allergy, "-is_active", "-id"),
            "medications": facts(Medication, "-is_active", _newest("active_from"), "-id"),
            "conditions": facts(Condition, "status", _newest("onset_date"), "-id"),
            "blood_types": facts(BloodType, _newest("determined_on"), "-id"),
            "immunizations": facts(Immunization, _newest("given_at"), "-id"),
            "readings": facts(Reading, "-taken_at", "-id"),
            "encounters": (records, past, _as(EncounterBody)),
            "records": (records, written, _as(RecordBody)),
            "documents": (Category.DOCUMENTS, papers, _as(ListedDocumentBody)),
            "appointments": (
                Category.APPOINTMENTS, visits.order_by("-start_datetime", "-id"), _visit,
            ),
        }  # fmt: skip


def _visit(row) -> dict[str, Any]:
    return appointment_shapes([row])[0]


def _newest(name: str):
    return F(name).desc(nulls_last=True)


def _as(body: type[serializers.Serializer]):
    return ready(body).to_representation
