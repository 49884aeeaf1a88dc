"""Writing the record of a visit, and reading a chart whole."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, Stale, invalid
from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, Category, Permission
from patients import access, sensitivity
from patients.models import Patient
from records.models import MedicalRecord
from scheduling.models import Appointment

CONTENT_FIELDS = (
    "visit_date", "department", "primary_diagnosis", "secondary_diagnoses", "vital_signs",
    "treatment", "notes", *sensitivity.FIELDS,
)  # fmt: skip
VITAL_SIGNS = {
    "systolic": (40, 300), "diastolic": (20, 200), "heart_rate": (20, 300),
    "temperature": (25, 45), "oxygen": (30, 100), "weight": (0.3, 500), "respiration": (3, 80),
}  # fmt: skip  # plausible limits: mmHg, mmHg, beats a minute, °C, %, kg, breaths a minute


class AlreadyFinal(Conflict):
    """A final record is not changed."""


def visible_to(user) -> QuerySet[MedicalRecord]:
    """The records that the person may see; patients and relatives see those that are final."""
    rows = access.visible(MedicalRecord.objects.all(), user, category=Category.RECORDS)
    roles = tenancy.current().roles
    if roles and roles <= PORTAL_ROLES:
        rows = rows.filter(status=MedicalRecord.Status.FINAL)
    return rows.select_related("author", "appointment")


@transaction.atomic
def write(
    *, patient: Patient, appointment: Appointment | None = None, final: bool = False, by, **content
) -> MedicalRecord:
    """Write the record of a visit, as a draft or final. Raises `Invalid`; stores nothing then."""
    tenancy.current().require(Permission.RECORD_WRITE)
    access.require_reach(patient, Category.RECORDS)
    if appointment is not None and appointment.patient_id != patient.pk:
        raise invalid("appointment", _("This visit is another patient's."))
    visit_date = content.pop("visit_date", None) or (
        appointment.start_datetime if appointment else timezone.now()
    )
    sensitivity.check(
        MedicalRecord(), content, patient=patient, category=Category.RECORDS, author=True, by=by
    )
    check(content | {"visit_date": visit_date}, new=True)
    return MedicalRecord.objects.create(
        facility_id=patient.facility_id,
        patient=patient,
        appointment=appointment,
        author_id=by.pk,
        visit_date=visit_date,
        status=MedicalRecord.Status.FINAL if final else MedicalRecord.Status.DRAFT,
        **content,
    )


@transaction.atomic
def revise(
    *, record: MedicalRecord, final: bool = False, version: int | None = None, by, **content
) -> MedicalRecord:
    """Change one's own draft, or make it final."""
    tenancy.current().require(Permission.RECORD_WRITE)
    row = visible_to(by).filter(pk=record.pk).select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There is no such record."))
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    if row.status == MedicalRecord.Status.FINAL:
        raise AlreadyFinal(_("A final record is not changed."))
    if row.author_id != by.pk:
        raise Conflict(_("A draft is changed by its author only."))
    sensitivity.check(
        row, content, patient=row.patient, category=Category.RECORDS, author=True, by=by
    )
    check(content)
    for name, value in content.items():
        setattr(row, name, value)
    if final:
        row.status = MedicalRecord.Status.FINAL
    row.save()
    return row


def check(content: dict, *, new: bool = False) -> None:
    """Raise `Invalid` naming the field that cannot be."""
    if unknown := set(content) - set(CONTENT_FIELDS):
        raise invalid(unknown.pop(), _("This field cannot be set."))
    if (new or "primary_diagnosis" in content) and not str(
        content.get("primary_diagnosis") or ""
    ).strip():
        raise invalid("primary_diagnosis", _("Enter the diagnosis."))
    when = content.get("visit_date")
    if isinstance(when, datetime) and when > timezone.now() + timedelta(days=1):
        raise invalid("visit_date", _("The visit is still to come."))
    check_vital_signs(content.get("vital_signs") or {})


def check_vital_signs(signs: dict) -> None:
    """Raise `Invalid` for a sign that is unknown, no number, or beyond plausible limits."""
    for name, value in signs.items():
        if name not in VITAL_SIGNS:
            raise invalid("vital_signs", _("“%s” is not a vital sign known here.") % str(name)[:40])
        low, high = VITAL_SIGNS[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            raise invalid(
                "vital_signs",
                _("%(name)s must be a number from %(low)s to %(high)s.")
                % {"name": name, "low": low, "high": high},
            )
