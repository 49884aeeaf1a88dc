"""The ceremony of an emergency access and its second step: a reason, and who one is shown anew."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage
from clinic.backoffice.fields import day_field
from clinic.errors import Missing, Refused
from clinic.security.permissions import Category, Permission
from compliance import breakglass
from compliance.admin.emergency import OwnEmergency
from compliance.breakglass import Proof, Sought
from compliance.models import EmergencyAccess

LATELY = timedelta(hours=24)
LONGEST_REASON = 2000


class ProvenForm(forms.Form):
    """What needs a reason and the second step."""

    reason = forms.CharField(
        label=_("Why it cannot wait"),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say in at least 20 characters why it cannot wait.")},
        help_text=_("At least 20 characters. The clinic reads it in its review."),
    )
    otp = forms.CharField(
        label=_("Code"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
        help_text=_("From your authenticator app, or one of your recovery codes."),
    )

    def __init__(self, *args, is_proved: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        if is_proved:
            del self.fields["otp"]

    @property
    def code(self) -> str:
        return self.cleaned_data.get("otp", "")


class OpenForm(ProvenForm):
    """The ceremony."""

    mrn = forms.CharField(label=_("Record number"), required=False, max_length=50)
    name = forms.CharField(label=_("Full name"), required=False, max_length=200)
    born = day_field(_("Date of birth"), required=False)
    category = forms.ChoiceField(
        label=_("What kind of emergency is it?"),
        choices=EmergencyAccess.Reason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what kind of emergency it is.")},
    )
    lacking = forms.MultipleChoiceField(
        label=_("I see this patient already, but a part is closed to me"),
        required=False,
        choices=[(kind.value, kind.label) for kind in breakglass.MORE],
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ["mrn", "name", "born", "category", "reason", "lacking", "otp"]

    def clean(self):
        cleaned = super().clean()
        named = cleaned.get("mrn") or (cleaned.get("name") and cleaned.get("born"))
        if not named and "born" not in self.errors:
            self.add_error("mrn", _("Enter the record number, or full name and date of birth."))
        return cleaned

    def sought(self) -> Sought:
        said = self.cleaned_data
        if said["mrn"]:
            return Sought(mrn=said["mrn"])
        return Sought(name=said["name"], born=said["born"])


class MoreForm(ProvenForm):
    """The second step; confidential kinds are named one by one."""

    categories = forms.MultipleChoiceField(
        label=_("What do you need?"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what you need.")},
    )
    field_order = ["categories", "reason", "otp"]

    def __init__(self, *args, emergency: EmergencyAccess, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["categories"].choices = [
            (kind.value, kind.label) for kind in breakglass.MORE if kind not in emergency.scope
        ]


class CeremonyPage(FormPage):
    """A form that asks for the second step anew."""

    required = Permission.EMERGENCY_OPEN

    @cached_property
    def is_proved(self) -> bool:
        return breakglass.is_fresh(self.request.session)

    def form_arguments(self) -> dict[str, Any]:
        return {"is_proved": self.is_proved}

    def proof(self, form: ProvenForm) -> Proof:
        return Proof(code=form.code, session=self.request.session)

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            is_proved=self.is_proved,
            has_passkey=not self.is_proved and breakglass.has_passkey(self.request.user),
            **kwargs,
        )


class OpenPage(CeremonyPage):
    """Break the glass."""

    title = _("Emergency access")
    template_name = "admin/compliance/emergency_open.html"
    form_class = OpenForm

    def carry_out(self, form):
        try:
            self.opened = breakglass.open(
                sought=form.sought(),
                category=form.cleaned_data["category"],
                reason=form.cleaned_data["reason"],
                lacking=[Category(name) for name in form.cleaned_data["lacking"]],
                proof=self.proof(form),
                by=self.request.user,
            )
        except Missing as missing:
            raise Refused(missing.message) from missing

    def done(self):
        return reverse("admin:emergency_summary", args=[self.opened.pk])

    def get_context_data(self, **kwargs):
        mine = EmergencyAccess.objects.filter(
            user_id=self.request.user.pk, opened_at__gte=timezone.now() - LATELY
        )
        return super().get_context_data(
            running=breakglass.running(self.request.user), lately=mine.count(), **kwargs
        )


class MorePage(OwnEmergency, CeremonyPage):
    """Ask for more of the same patient."""

    title = _("Ask for more")
    template_name = "admin/compliance/emergency_more.html"
    form_class = MoreForm

    def form_arguments(self):
        return super().form_arguments() | {"emergency": self.emergency}

    def carry_out(self, form):
        breakglass.widen(
            emergency=self.emergency,
            categories=form.cleaned_data["categories"],
            reason=form.cleaned_data["reason"],
            proof=self.proof(form),
            by=self.request.user,
        )

    def done(self):
        messages.success(self.request, gettext("More of the record is open now."))
        return reverse("admin:chart", args=[self.emergency.patient_id])

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            patient=self.patient, emergency=self.emergency, **kwargs
        )  # fmt: skip


pages = [
    ("emergency/", OpenPage, "emergency"),
    ("emergency/<uuid:pk>/more/", MorePage, "emergency_more"),
]
