"""What happened to a patient, newest first: visits, reports, procedures, records, documents."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from clinic.security.permissions import Category
from clinic.templatetags.written import short_date, term
from patients import access
from patients.models import Kept, Patient
from records import charting, documents
from records.models import Document, Encounter, MedicalRecord, Procedure, Report


@dataclass(frozen=True, slots=True)
class Event:
    """A line of templates/cr/timeline.html."""

    at: datetime
    icon: str
    title: str
    who: str = ""
    tone: str = ""
    body: str = ""
    href: str = ""
    row: Kept | None = None  # how it is kept

    @property
    def meta(self) -> str:
        date = short_date(timezone.localtime(self.at))
        return _("%(date)s, %(who)s") % {"date": date, "who": self.who} if self.who else date


def encounters(patient: Patient, *, by, most: int) -> list[Encounter]:
    """The newest past visits that the person may see."""
    return list(_facts(Encounter, patient, by, "started_at")[:most])


def of(
    patient: Patient,
    *,
    by,
    most: int = 12,
    seen: list[Encounter] | None = None,
    records: list[MedicalRecord] | None = None,
    papers: list[Document] | None = None,
    href: Callable[[models.Model], str] = lambda row: "",
) -> list[Event]:
    """The newest events that the person may see; notes nothing.

    What the caller has read already (`seen`, `records`, `papers`) is not read again. `href` gives
    the address of a document or record on the caller's surface.
    """
    if seen is None:
        seen = encounters(patient, by=by, most=most)
    if records is None:
        records = list(charting.visible_to(by).filter(patient=patient)[:most])
    if papers is None:
        papers = list(documents.visible_to(by).filter(patient=patient)[:most])
    procedures = _facts(Procedure, patient, by, "performed_at")[:most]
    reports = _facts(Report, patient, by, "issued_at")[:most]
    events = [
        *(_encounter(row) for row in seen if row.started_at),
        *(_procedure(row) for row in procedures),
        *(_report(row) for row in reports),
        *(_record(row, href(row)) for row in records),
        *(_document(row, href(row)) for row in papers),
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)[:most]


def _facts(model: type[models.Model], patient: Patient, by, time: str) -> QuerySet[Any]:
    rows = model.objects.active().filter(patient=patient, **{f"{time}__isnull": False})
    return access.visible(rows, by, category=Category.RECORDS).order_by(F(time).desc(), "-id")


def _encounter(row: Encounter) -> Event:
    return Event(
        at=row.started_at, icon="stethoscope", tone="ok", title=term(row.display),
        who=row.attending_name, body=term(row.reason), row=row,
    )  # fmt: skip


def _procedure(row: Procedure) -> Event:
    return Event(
        at=row.performed_at, icon="activity", title=term(row.display), body=term(row.reason),
        row=row,
    )  # fmt: skip


def _report(row: Report) -> Event:
    return Event(
        at=row.issued_at, icon="flask-conical", tone="info", title=term(row.display), row=row
    )


def _record(row: MedicalRecord, href: str) -> Event:
    title = _("Record: %(diagnosis)s") % {"diagnosis": row.primary_diagnosis}
    return Event(
        at=row.visit_date, icon="clipboard-list", tone="ok", title=title,
        who=row.author.get_full_name(), href=href, row=row,
    )  # fmt: skip


def _document(row: Document, href: str) -> Event:
    who = row.uploaded_by.get_full_name() if row.uploaded_by else ""
    return Event(
        at=row.created_at, icon="file-text", title=row.original_filename, who=who, href=href,
        row=row,
    )  # fmt: skip
