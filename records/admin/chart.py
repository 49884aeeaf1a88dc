"""The chart with visits, records and documents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from clinic.security.permissions import Category, Permission
from clinic.templatetags.written import short_moment, term
from patients.admin import ChartPage
from records import charting, documents, timeline
from records.admin import watching
from records.models import Document, Encounter, MedicalRecord
from scheduling import calendar
from scheduling.medicines import adherence
from scheduling.models import Appointment

MOST_VISITS, MOST_RECORDS, MOST_DOCUMENTS, MOST_EVENTS = 15, 10, 8, 10


@dataclass(frozen=True, slots=True)
class Visit:
    """A line of the table of visits: booked here, or known from the history."""

    start: datetime
    who: str
    kind: str
    outcome: str
    minutes: int | None
    href: str = ""


class ChartWithRecords(ChartPage):
    """Visits for everyone who may see the patient; records and documents for care."""

    fragment = "admin/patients/chart_documents.html"

    def get(self, request, *args, **kwargs) -> HttpResponse:
        if self.is_fragment:
            self.request.actor.require(Permission.DOCUMENT_VIEW)
            return watching.answer(self, watching.state_of(self.documents), self.documents)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        if self.may(Permission.DOCUMENT_VIEW):
            kwargs = watching.listed(self.documents) | kwargs
        return super().get_context_data(**kwargs)

    @cached_property
    def documents(self) -> list[Document]:
        rows = documents.visible_to(self.request.user).filter(patient=self.patient)
        return list(rows.order_by("-created_at")[:MOST_DOCUMENTS])

    @cached_property
    def booked(self) -> list[Appointment]:
        rows = calendar.visits(self.request.user).filter(patient=self.patient)
        return list(rows.order_by("-start_datetime")[:MOST_VISITS])

    def cover(self) -> dict[str, Any]:
        cover = super().cover()
        coming = [v for v in self.booked if _is_coming(v)]
        if coming:
            start = timezone.localtime(min(visit.start_datetime for visit in coming))
            cover["facts"] = [*cover["facts"], (_("Next visit"), short_moment(start))]
        return cover | {"visits": [_booked(visit) for visit in self.booked]}

    def clinical(self) -> dict[str, Any]:
        user, clinical = self.request.user, super().clinical()
        seen = timeline.encounters(self.patient, by=user, most=MOST_VISITS)
        records = list(charting.visible_to(user).filter(patient=self.patient)[:MOST_RECORDS])
        visits = [*map(_booked, self.booked), *(_happened(row) for row in seen if row.started_at)]
        has_medicines = Category.MEDICATIONS in self.open_to
        papers = self.documents if self.may(Permission.DOCUMENT_VIEW) else []
        return clinical | {
            "taken": adherence.recent(patient=self.patient, by=user) if has_medicines else None,
            "records": records,
            "visits": sorted(visits, key=lambda v: v.start, reverse=True)[:MOST_VISITS],
            "timeline": timeline.of(
                self.patient, by=user, most=MOST_EVENTS, seen=seen, records=records, papers=papers,
                href=_address,
            ),
        }  # fmt: skip


def _is_coming(visit: Appointment) -> bool:
    standing = {Appointment.Status.PENDING, Appointment.Status.CONFIRMED}
    return visit.status in standing and visit.end_datetime > timezone.now()


def _booked(visit: Appointment) -> Visit:
    return Visit(
        start=visit.start_datetime,
        who=visit.specialist.display_name,
        kind=visit.appointment_type.name,
        outcome=visit.get_status_display(),
        minutes=_minutes(visit.start_datetime, visit.end_datetime),
        href=reverse("admin:visit", args=[visit.pk]),
    )


def _happened(row: Encounter) -> Visit:
    return Visit(
        start=row.started_at,
        who=row.attending_name,
        kind=term(row.display),
        outcome=term(row.reason),
        minutes=_minutes(row.started_at, row.ended_at) if row.ended_at else None,
    )


def _minutes(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() / 60)


def _address(row: models.Model) -> str:
    if isinstance(row, Document):
        return reverse("admin:document", args=[row.pk])
    return f"#record-{row.pk}" if isinstance(row, MedicalRecord) else ""
