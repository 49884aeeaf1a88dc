"""The chart on one page, as far as patients knows it."""

from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import Page
from clinic.security import trail
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Permission
from patients import access, cover, health, readings
from patients.models import Condition, Patient

ACTIVE = Condition.Status.ACTIVE
# The parts of a chart beside its cover and the calendar; with any of them it is read as a chart.
PARTS = (Category.MEDICATIONS, Category.RECORDS, Category.DOCUMENTS, *CONFIDENTIAL_KINDS)
# The sections of the page, for which it says that they are closed where they are.
SECTIONS = (Category.MEDICATIONS, Category.RECORDS, Category.DOCUMENTS, Category.APPOINTMENTS)


def language_name(code: str) -> str:
    """The name of a language: en-US is English, too; an unknown code stands for itself."""
    known = dict(settings.LANGUAGES)
    plain = {short.partition("-")[0]: name for short, name in settings.LANGUAGES}
    return str(known.get(code.lower()) or plain.get(code.lower().partition("-")[0]) or code)


class PatientPage(Page):
    """A page about the patient whom its address names."""

    required = Permission.PATIENT_VIEW

    @cached_property
    def patient(self) -> Patient:
        found = access.visible_to(self.request.user).filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found

    def may(self, permission: Permission) -> bool:
        return self.request.actor.may(permission)


class ChartPage(PatientPage):
    """Who the patient is, and with `chart.view` the health profile and its measurements.

    Reading a chart is one look: one entry on the trail.
    """

    title = _("Patient chart")
    template_name = "admin/patients/chart.html"

    def get_context_data(self, **kwargs):
        patient = self.patient
        if not self.is_fragment:
            trail.read("patients.patient", [(patient.pk, patient.pk)], how="chart")
            kwargs = self.cover() | (self.clinical() if self.is_clinical else {}) | kwargs
        return super().get_context_data(
            patient=patient,
            is_clinical=self.is_clinical,
            open_to=self.open_to,
            closed=self.closed,
            **kwargs,
        )

    @cached_property
    def open_to(self) -> frozenset[Category]:
        """The parts of this patient's chart that are open to the person."""
        return access.categories_of(self.request.user, self.patient)

    @cached_property
    def is_clinical(self) -> bool:
        """Whether the chart of this patient is open to the person, and not its cover alone."""
        return self.may(Permission.CHART_VIEW) and not self.open_to.isdisjoint(PARTS)

    @property
    def closed(self) -> list[str]:
        """What is closed to a person who reads charts, in words: nothing may be taken for empty."""
        if not self.may(Permission.CHART_VIEW):
            return []
        return [str(part.label) for part in SECTIONS if part not in self.open_to]

    def cover(self) -> dict[str, Any]:
        """What everyone sees who may see the patient."""
        return {
            "language": language_name(self.patient.preferred_language),
            "phone": cover.phone(self.patient),
            "facts": [],
            "printed_at": timezone.now(),
        }

    def clinical(self) -> dict[str, Any]:
        """What only care sees."""
        user = self.request.user
        profile = health.of(self.patient, by=user)
        found = readings.series(self.patient, by=user)
        return {
            "allergies": profile.allergies,
            "critical": profile.critical,
            "conditions": [row for row in profile.conditions if row.status == ACTIVE],
            "past_conditions": [row for row in profile.conditions if row.status != ACTIVE],
            "medications": profile.medications,
            "immunizations": profile.vaccines(),
            "vitals": readings.vitals(found, born=self.patient.date_of_birth),
            "charts": readings.courses(found),
            "results": readings.results(self.patient, by=user),
        }
