"""The record on one page, as far as it is shared."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from clinic.security import trail
from clinic.security.permissions import Category, Permission
from clinic.templatetags.written import short_date
from patients import access
from patients.models import Allergy, Condition, Immunization, Medication, Patient, Reading
from patients.portal import PersonPage
from records import charting
from records.models import Encounter, Procedure, Report
from records.portal import readings

MOST_FACTS = 100  # of a kind
MOST_READINGS = 400
MOST_RESULTS = 15
MOST_COURSES = 2
MOST_NOTES = 10
MOST_EVENTS = 8


@dataclass(frozen=True)
class Event:
    """Something that happened: see templates/cr/timeline.html."""

    at: datetime
    icon: str
    title: str
    body: str = ""
    tone: str = ""

    @property
    def meta(self) -> str:
        return short_date(timezone.localtime(self.at))


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
            context |= self.health() | self.notes() | {"timeline": self.events()}
        parts = [name for name in ("medicines", "record") if context[f"{name}_shared"]]
        trail.read(
            Patient._meta.label_lower,
            [(self.patient.pk, self.patient.pk)],
            how="chart",
            details={"parts": parts},
        )
        return self.page("portal/record.html", context)

    def facts(self, model, category: Category) -> QuerySet:
        rows = access.visible(model.objects.all(), self.request.user, category=category)
        return rows.filter(patient=self.patient, is_active=True)

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
        taken = self.facts(Reading, Category.RECORDS).order_by("-taken_at")
        charted = taken.filter(reading_type__in=readings.CHARTED)[:MOST_READINGS]
        active = Condition.Status.ACTIVE
        return {
            "conditions": sorted(conditions[:MOST_FACTS], key=lambda one: one.status != active),
            "immunizations": list(vaccines[:MOST_FACTS]),
            "readings": readings.newest_of_each(taken[:MOST_READINGS], most=MOST_RESULTS),
            "charts": readings.courses(charted, most=MOST_COURSES),
        }

    def notes(self) -> dict[str, Any]:
        rows = charting.visible_to(self.request.user).filter(patient=self.patient)
        return {"records": list(rows.order_by("-visit_date")[:MOST_NOTES])}

    def events(self) -> list[Event]:
        """Past visits, procedures and reports, newest first."""
        kinds = [
            (Encounter, "started_at", "stethoscope", "ok"),
            (Procedure, "performed_at", "activity", "info"),
            (Report, "issued_at", "flask-conical", ""),
        ]
        found = []
        for model, when, icon, tone in kinds:
            rows = self.facts(model, Category.RECORDS).exclude(**{when: None})
            for row in rows.order_by(f"-{when}")[:MOST_EVENTS]:
                body = getattr(row, "reason", "")
                found.append(Event(getattr(row, when), icon, row.display, body, tone))
        return sorted(found, key=lambda event: event.at, reverse=True)[:MOST_EVENTS]
