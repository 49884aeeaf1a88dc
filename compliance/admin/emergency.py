"""Patients who are open in an emergency: the summary, its end, and what stands on other pages."""

from contextlib import suppress

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin import AskableChart
from clinic.api.fields import UUID_TEXT
from clinic.backoffice import Page
from clinic.errors import Conflict, Missing
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from compliance import breakglass
from compliance.models import EmergencyAccess
from patients import access, cover, summary
from patients.models import Patient


class OwnEmergency:
    """A page about an access of one's own; what is another's does not exist."""

    required = Permission.EMERGENCY_OPEN

    @cached_property
    def emergency(self) -> EmergencyAccess:
        rows = EmergencyAccess.objects.filter(user_id=self.request.user.pk)
        row = rows.filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise Missing(_("There is no such emergency access."))
        return row

    @cached_property
    def patient(self) -> Patient:
        rows = access.visible_to(self.request.user)
        return rows.get(pk=self.emergency.patient_id)

    def dispatch(self, request: HttpRequest, *args, **kwargs):
        request.actor.require(self.required)
        if not self.emergency.is_in_force:
            return ended(self, request)
        return super().dispatch(request, *args, **kwargs)


def ended(page: Page, request: HttpRequest) -> HttpResponse:
    """What stands where an access was: nothing of the patient."""
    context = Page(request=request).get_context_data() | {"title": gettext("Emergency access")}
    return TemplateResponse(request, "admin/compliance/emergency_ended.html", context, status=410)


class SummaryPage(OwnEmergency, Page):
    """The emergency summary of the patient. Where scripts do not run it loads itself anew at the
    end, and finds that it is over."""

    title = _("Emergency summary")
    template_name = "admin/compliance/emergency.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        response["Refresh"] = str(self.emergency.seconds_left + 1)
        return response

    def get_context_data(self, **kwargs):
        pair = (self.patient.pk, self.patient.pk)
        details = {"emergency": self.emergency.category}
        trail.read("patients.patient", [pair], how="summary", details=details)
        return super().get_context_data(
            patient=self.patient,
            phone=cover.phone(self.patient),
            emergency=self.emergency,
            summary=summary.of(self.patient, by=self.request.user),
            has_more=set(self.emergency.scope) - {Category.VIEW, Category.SUMMARY},
            printed_at=timezone.now(),
            **kwargs,
        )


class GiveBackPage(OwnEmergency, Page):
    """End it before its time."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        with suppress(Conflict):  # it ended meanwhile: what was wanted
            breakglass.give_back(emergency=self.emergency, by=request.user)
        messages.success(request, gettext("The emergency access has ended."))
        return HttpResponseRedirect(reverse("admin:emergency"))


class StatePage(Page):
    """Asked by open pages every few seconds, with nobody acting: 204 while the patient is open by
    an emergency access, else what stands in the page's place. It answers the same for a patient who
    was never open, or is none."""

    required = Permission.EMERGENCY_OPEN
    template_name = "admin/compliance/ended.html"
    http_method_names = ["get"]

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        asked = request.GET.get("patient", "")
        if UUID_TEXT.fullmatch(asked) and asked.lower() in map(str, request.actor.emergencies):
            return HttpResponse(status=204)
        return TemplateResponse(request, self.template_name)


class Chart(AskableChart):
    """The chart, of which under an emergency access only parts may be open: where none is, the
    summary stands in its place."""

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.patient.pk in request.actor.emergencies and not self.is_clinical:
            for row in breakglass.running(request.user):
                if row.patient_id == self.patient.pk:
                    return HttpResponseRedirect(reverse("admin:emergency_summary", args=[row.pk]))
        return super().get(request, *args, **kwargs)


pages = [
    ("chart/<uuid:pk>/", Chart, "chart"),
    ("emergency/state/", StatePage, "emergency_state"),
    ("emergency/<uuid:pk>/", SummaryPage, "emergency_summary"),
    ("emergency/<uuid:pk>/give-back/", GiveBackPage, "emergency_give_back"),
]
