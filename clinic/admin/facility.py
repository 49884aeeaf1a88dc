"""The clinic's details, and choosing the clinic to work in."""

from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic import facilities
from clinic.backoffice import FormPage, Page, facilities_of, facility_of
from clinic.middleware import leave_facility
from clinic.models import Facility
from clinic.security.permissions import ROLE_TABLE, Permission


class FacilityForm(forms.ModelForm):
    """What the clinic says of itself."""

    timezone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("All times of the calendar are on these clocks.")
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    class Meta:
        model = Facility
        fields = facilities.DETAILS
        help_texts = {
            "reminder_hours": _("Numbers with commas between, as in 48, 2. Empty: no reminders."),
            "quiet_from": _("For patients who set no hours of their own, by their clocks."),
        }
        widgets = {name: forms.TimeInput(format="%H:%M") for name in ("quiet_from", "quiet_until")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["timezone"].choices = [
            (name, name.replace("_", " ")) for name in sorted(available_timezones())
        ]


class FacilityDetails(FormPage):
    """Name, address, phone and time zone of the clinic."""

    required = Permission.FACILITY_MANAGE
    title = _("Clinic details")
    template_name = "admin/clinic/facility.html"
    form_class = FacilityForm
    extra_context = {"submit": _("Save details"), "icon": "save"}

    def form_arguments(self):
        return {"instance": facility_of(self.request)}

    def carry_out(self, form):
        details = {name: form.cleaned_data[name] for name in form.changed_data}
        if details:
            facilities.correct(facility=form.instance, by=self.request.user, **details)
        messages.success(self.request, gettext("The details are saved."))

    def done(self):
        return reverse("admin:facility")


class AccessForm(forms.ModelForm):
    """Whom the staff reach, and who needs a second step to sign in."""

    care_reach = forms.ChoiceField(
        label=_("Physicians and nurses see"),
        choices=Facility.CareReach.choices,
        widget=forms.RadioSelect,
    )
    second_factor_roles = forms.MultipleChoiceField(
        label=_("Roles that need a second step at sign-in"),
        help_text=_("Who has none yet sees only the page to set it up, from the next click on."),
        choices=[(role.value, role.label) for role in ROLE_TABLE],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    class Meta:
        model = Facility
        fields = facilities.ACCESS


class FacilityAccess(FormPage):
    """Sign-in and access: what the clinic asks of whoever works here."""

    required = Permission.STAFF_MANAGE
    title = _("Sign-in and access")
    template_name = "admin/form.html"
    form_class = AccessForm
    extra_context = {
        "submit": _("Save"),
        "icon": "save",
        "back": reverse_lazy("admin:facility"),
    }

    def form_arguments(self):
        return {"instance": facility_of(self.request)}

    def carry_out(self, form):
        facilities.set_access(facility=form.instance, by=self.request.user, **form.cleaned_data)
        messages.success(self.request, gettext("Sign-in and access are changed."))

    def done(self):
        return reverse("admin:facility_access")


class ChooseFacility(Page):
    """Where a person of several clinics chooses the one to work in."""

    required = Permission.ACCOUNT_USE
    title = _("Choose a clinic")
    template_name = "admin/clinic/choose_facility.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            clinics=facilities_of(self.request), here=facility_of(self.request), **kwargs
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        slug = request.POST.get("facility", "")
        if slug not in {facility.slug for facility in facilities_of(request)}:
            raise Http404
        leave_facility(request, to=slug)
        return redirect("admin:notices" if "notices" in request.POST else "admin:index")
