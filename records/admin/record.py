"""Writing the record of a visit, and going on with a draft."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage
from clinic.backoffice.fields import clock_field, day_field
from clinic.errors import Invalid
from clinic.security import trail
from clinic.security.permissions import Permission
from patients import access, health
from patients.admin import keeping
from patients.admin.chart import PatientPage
from patients.models import Patient
from records import charting
from records.models import MedicalRecord
from scheduling import availability, calendar
from scheduling.admin.booking import one_of
from scheduling.admin.day import note_seen
from scheduling.models import Appointment

SIGNS = {
    "systolic": _("Upper blood pressure, mmHg"),
    "diastolic": _("Lower blood pressure, mmHg"),
    "heart_rate": _("Heart rate, per minute"),
    "temperature": _("Temperature, °C"),
    "oxygen": _("Oxygen, %"),
    "weight": _("Weight, kg"),
    "respiration": _("Breaths, per minute"),
}
PREFIX = "vital_"
LONGEST = 20_000


def long_text(label, *, rows: int, **options) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": rows}), **options
    )


class RecordForm(forms.Form):
    """What was found, decided and done."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    visit_day = day_field(_("Day of the visit"))
    visit_time = clock_field(_("Time of the visit"))
    department = forms.CharField(label=_("Department"), required=False, max_length=100)
    primary_diagnosis = long_text(
        _("Primary diagnosis"), rows=2, error_messages={"required": _("Write the diagnosis.")}
    )
    secondary_diagnoses = long_text(
        _("Further diagnoses"), rows=3, required=False, help_text=_("One on each line.")
    )
    treatment = long_text(_("Treatment"), rows=4, required=False)
    notes = long_text(_("Notes"), rows=6, required=False)
    kept = keeping.kept_field()
    final = forms.BooleanField(
        label=_("This record is final: it is no longer changed, and the patient can read it"),
        required=False,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, label in SIGNS.items():
            low, high = charting.VITAL_SIGNS[name]
            self.fields[PREFIX + name] = forms.FloatField(
                label=label, required=False, min_value=low, max_value=high
            )

    @classmethod
    def initial_of(cls, record: MedicalRecord) -> dict[str, Any]:
        plain = ("version", "department", "primary_diagnosis", "treatment", "notes")
        signs = {PREFIX + name: value for name, value in record.vital_signs.items()}
        signs |= cls.when(record.visit_date)
        return (
            {name: getattr(record, name) for name in plain}
            | signs
            | {"kept": keeping.value_of(record)}
            | {"secondary_diagnoses": "\n".join(map(str, record.secondary_diagnoses))}
        )

    @staticmethod
    def when(moment: datetime) -> dict[str, Any]:
        """The day and the time of a moment, as the fields show them."""
        local = timezone.localtime(moment)
        return {"visit_day": local.date(), "visit_time": local.time()}

    def clean(self):
        cleaned = super().clean()
        day, clock = cleaned.get("visit_day"), cleaned.get("visit_time")
        if day and clock:
            try:
                zone = timezone.get_current_timezone()
                cleaned["visit_date"] = availability.instant(day, clock, zone)
            except availability.NoSuchTime:
                self.add_error("visit_time", _("The clocks skip this time on that day."))
            except availability.AmbiguousTime:
                self.add_error("visit_time", _("This time comes twice on that day. Take another."))
        return cleaned

    def content(self) -> dict[str, Any]:
        """What the form says, as the verbs of charting take it."""
        plain = ("visit_date", "department", "primary_diagnosis", "treatment", "notes")
        lines = self.cleaned_data["secondary_diagnoses"].splitlines()
        signs = {name: self.cleaned_data.get(PREFIX + name) for name in SIGNS}
        kept = keeping.chosen(self.cleaned_data["kept"])
        return (
            {name: self.cleaned_data[name] for name in plain}
            | kept
            | {
                "secondary_diagnoses": [line.strip() for line in lines if line.strip()],
                "vital_signs": {name: _plain(v) for name, v in signs.items() if v is not None},
            }
        )


class RecordPage(FormPage, PatientPage):
    """The form beside what is known of the patient."""

    required = Permission.RECORD_WRITE
    title = _("Write a record")
    template_name = "admin/records/write_record.html"
    form_class = RecordForm

    @property
    def appointment(self) -> Appointment | None:
        raise NotImplementedError

    def get_context_data(self, **kwargs):
        context = super().get_context_data(patient=self.patient, **kwargs)
        form, profile = context["form"], health.of(self.patient, by=self.request.user)
        trail.read("patients.patient", [(self.patient.pk, self.patient.pk)])
        visible = form.visible_fields()
        return context | {
            "appointment": self.appointment,
            "vital_fields": [bound for bound in visible if bound.name.startswith(PREFIX)],
            "main_fields": [bound for bound in visible if not bound.name.startswith(PREFIX)],
            "open_to": access.categories_of(self.request.user, self.patient),
            "allergies": profile.allergies,
            "medications": profile.medications,
            "conditions": profile.conditions,
        }

    def carry_out(self, form):
        try:
            with keeping.asked():
                record = self.store(form)
        except Invalid as wrong:
            if "vital_signs" in wrong.fields:
                raise Invalid(wrong.fields["vital_signs"][0]) from wrong
            raise
        is_final = record.status == MedicalRecord.Status.FINAL
        messages.success(
            self.request,
            gettext("The record is final.") if is_final else gettext("The draft is saved."),
        )

    def store(self, form: RecordForm) -> MedicalRecord:
        raise NotImplementedError

    def done(self) -> str:
        return reverse("admin:chart", args=[self.patient.pk])


class WritePage(RecordPage):
    """A new record, of a visit (`?appointment=`) or without one."""

    @cached_property
    def appointment(self) -> Appointment | None:
        named = self.request.GET.get("appointment")
        rows = calendar.visits(self.request.user).filter(patient=self.patient)
        found = one_of(rows, named)
        if named and found is None:
            raise Http404
        if found is not None:
            note_seen([found], "detail")
        return found

    def form_arguments(self):
        when = self.appointment.start_datetime if self.appointment else timezone.now()
        return {"initial": RecordForm.when(when)}

    def store(self, form):
        return charting.write(
            patient=self.patient, appointment=self.appointment, final=form.cleaned_data["final"],
            by=self.request.user, **form.content(),
        )  # fmt: skip


class RevisePage(RecordPage):
    """One's own draft."""

    title = _("Go on with a draft")

    @cached_property
    def record(self) -> MedicalRecord:
        rows = charting.visible_to(self.request.user).select_related("patient")
        found = rows.filter(
            pk=self.kwargs["pk"], author=self.request.user, status=MedicalRecord.Status.DRAFT
        ).first()
        if found is None:
            raise Http404
        return found

    @property
    def patient(self) -> Patient:
        return self.record.patient

    @property
    def appointment(self) -> Appointment | None:
        return self.record.appointment

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        trail.read("records.medicalrecord", [(self.record.pk, self.record.patient_id)])
        return super().get(request, *args, **kwargs)

    def form_arguments(self):
        return {"initial": RecordForm.initial_of(self.record)}

    def store(self, form):
        return charting.revise(
            record=self.record, final=form.cleaned_data["final"],
            version=form.cleaned_data["version"], by=self.request.user, **form.content(),
        )  # fmt: skip


def _plain(number: float) -> int | float:
    return int(number) if number == int(number) else number
