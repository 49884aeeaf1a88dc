"""The record on one page, as far as it is shared."""

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients import access, ranges, readings, units
from patients.models import Allergy, Condition, Immunization, Medication, Patient
from patients.portal import PersonPage
from patients.readings import Result
from records import charting, timeline
from records.models import Document, MedicalRecord

MOST_FACTS = 100  # of a kind
MOST_RESULTS = 12
MOST_NOTES = 10
MOST_EVENTS = 10


class Record(PersonPage):
    """Allergies and medicines need the one grant, all else the other; each part says if it is
    not shared."""

    permission = Permission.CHART_VIEW
    needs = (Category.MEDICATIONS, Category.RECORDS)

    def get(self, request: HttpRequest) -> HttpResponse:
        may = self.portal.may
        context: dict[str, Any] = {
            "medicines_shared": Category.MEDICATIONS in may,
            "record_shared": Category.RECORDS in may,
        }
        if context["medicines_shared"]:
            context |= self.medicines()
        if context["record_shared"]:
            context |= self.health() | self.measurements() | self.history()
        parts = [name for name in ("medicines", "record") if context[f"{name}_shared"]]
        trail.read(
            Patient._meta.label_lower,
            [(self.patient.pk, self.patient.pk)],
            how="chart",
            details={"parts": parts},
        )
        return self.page("portal/record.html", context)

    def facts(self, model, category: Category) -> QuerySet:
        rows = access.visible(model.objects.active(), self.request.user, category=category)
        return rows.filter(patient=self.patient)

    def medicines(self) -> dict[str, Any]:
        allergies = self.facts(Allergy, Category.MEDICATIONS)
        medications = self.facts(Medication, Category.MEDICATIONS)
        worst_first = sorted(allergies[:MOST_FACTS], key=lambda allergy: not allergy.is_critical)
        newest_first = medications.order_by(F("active_from").desc(nulls_last=True), "id")
        return {"allergies": worst_first, "medications": list(newest_first[:MOST_FACTS])}

    def health(self) -> dict[str, Any]:
        conditions = self.facts(Condition, Category.RECORDS).order_by(
            F("onset_date").desc(nulls_last=True), "id"
        )
        vaccines = self.facts(Immunization, Category.RECORDS).order_by(
            F("given_at").desc(nulls_last=True), "id"
        )
        active = Condition.Status.ACTIVE
        return {
            "conditions": sorted(conditions[:MOST_FACTS], key=lambda one: one.status != active),
            "immunizations": list(vaccines[:MOST_FACTS]),
        }

    def measurements(self) -> dict[str, Any]:
        """Charts of vital signs, and the newest of each vital sign and laboratory test."""
        found = readings.series(self.patient, by=self.request.user)
        vitals = [self.vital(found[kind][-1]) for kind in readings.VITALS if kind in found]
        results = readings.results(self.patient, by=self.request.user, most=MOST_RESULTS)
        return {"charts": readings.courses(found), "readings": [*vitals, *results]}

    def vital(self, reading) -> Result:
        verdict = ranges.judged_at_rest(reading, self.patient.date_of_birth)
        return Result(
            name=reading.get_reading_type_display(),
            value=readings.written(reading),
            unit=units.readable_unit(reading.unit),
            usual=ranges.in_words(reading.reference_low, reading.reference_high),
            in_range=verdict.in_range,
            word=verdict.word,
            tone=verdict.tone,
            taken_at=reading.taken_at,
        )

    def history(self) -> dict[str, Any]:
        """Notes of visits, and what happened."""
        by = self.request.user
        rows = charting.visible_to(by).filter(patient=self.patient).order_by("-visit_date")
        notes = list(rows[:MOST_NOTES])
        events = timeline.of(self.patient, by=by, most=MOST_EVENTS, records=notes, href=address)
        return {"records": notes, "timeline": events}


def address(row) -> str:
    """Where the portal shows a record or a document."""
    match row:
        case MedicalRecord():
            return f"#record-{row.pk}"
        case Document():
            return reverse("portal:document", args=[row.pk])
    return ""
