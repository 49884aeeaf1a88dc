"""Registering a patient, and correcting who she is said to be."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from clinic import channels
from clinic.backoffice import TenantAdmin, VersionedForm
from clinic.models import Channel
from clinic.security.permissions import Permission
from patients import access, registration
from patients.admin.chart import language_name
from patients.models import Patient

# A group of plain fields for each column that keeps a dictionary.
GROUPS = {
    "address": {
        "line1": _("Street and number"),
        "line2": _("Flat, building"),
        "city": _("Town"),
        "state": _("State"),
        "zip_code": _("Postal code"),
        "country": _("Country"),
    },
    "emergency_contact": {
        "name": _("Name"),
        "relationship": _("Relationship"),
        "phone": _("Phone"),
    },
    "insurance_info": {"insurer": _("Insurer"), "number": _("Number of the policy")},
}
# A day picked in the browser's own calendar, drawn as unfold draws its fields.
DAY = forms.DateInput(attrs={"type": "date", "class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%d")
NAMES = {column: [f"{column}_{key}" for key in keys] for column, keys in GROUPS.items()}
GroupedFields = type(
    "GroupedFields",
    (forms.Form,),
    {
        f"{column}_{key}": forms.CharField(
            label=label, required=False, max_length=100, widget=UnfoldAdminTextInputWidget
        )
        for column, keys in GROUPS.items()
        for key, label in keys.items()
    },
)


class PatientForm(GroupedFields, VersionedForm):
    """Who a patient is; `address` and its like are typed into fields of their own."""

    preferred_language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget
    )

    # The portal is for who has an account, and she chooses there.
    channels = forms.MultipleChoiceField(
        label=_("Told of visits by"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("For who has no account. Ask which of them may be used."),
    )  # fmt: skip

    class Meta:
        model = Patient
        fields = [
            "first_name", "last_name", "date_of_birth", "gender", "preferred_language", "phone",
            "email", "ssn", "cpf", "deceased_on", "is_active", "channels",
        ]  # fmt: skip
        widgets = {"date_of_birth": DAY, "deceased_on": DAY}
        help_texts = {
            "ssn": _("9 digits. No two patients here can have the same."),
            "cpf": _("11 digits. No two patients here can have the same."),
            "is_active": _("Patients who have left are kept, and found no more in lists."),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["preferred_language"].choices = languages_and(self.instance.preferred_language)
        if "channels" in self.fields:
            offered = [one.value for one in ways()]
            self.fields["channels"].choices = [(one.value, one.label) for one in ways()]
            chosen = self.initial.get("channels") or []
            self.initial["channels"] = [one for one in chosen if one in offered]
        for column, keys in GROUPS.items():
            kept = getattr(self.instance, column) or {}
            for key in keys:
                self.initial.setdefault(f"{column}_{key}", kept.get(key, ""))

    def clean_channels(self) -> list[str]:
        """What is chosen, and what was allowed before and is not offered here."""
        offered = [one.value for one in ways()]
        kept = [one for one in self.instance.channels if one not in offered]
        return kept + self.cleaned_data["channels"]

    def clean(self):
        cleaned = super().clean()
        for column, keys in GROUPS.items():
            kept = dict(getattr(self.instance, column) or {})
            kept.update({key: cleaned.get(f"{column}_{key}", "") for key in keys})
            cleaned[column] = {key: value for key, value in kept.items() if value}
        return cleaned


def ways() -> list[Channel]:
    """By which patients without an account can be told."""
    return [one for one in channels.offered() if one != Channel.PORTAL]


def languages_and(kept: str) -> list[tuple[str, Any]]:
    """The languages of the pages, and the one that an import brought where it is another."""
    known = settings.LANGUAGES
    return known if kept in dict(known) else [*known, (kept, language_name(kept))]


@admin.register(Patient)
class PatientAdmin(TenantAdmin):
    """Reached from the finder and the chart; the list of all patients is the finder."""

    may_view = may_add = may_change = Permission.PATIENT_REGISTER
    add_title, change_title = _("Register a patient"), _("Correct details")
    noted = True
    form = PatientForm
    warn_unsaved_form = True

    def visible(self, request):
        return access.known_to(request.user)

    def add(self, *, by, **values):
        return registration.register(by=by, **values)

    def change(self, obj, *, by, **values):
        return registration.correct(patient=obj, by=by, **values)

    def values_of(self, form, change) -> dict[str, Any]:
        values = super().values_of(form, change)
        for column, names in NAMES.items():
            typed = [values.pop(name) for name in names if name in values]
            if typed:
                values[column] = form.cleaned_data[column]
        return values

    def get_fieldsets(self, request, obj=None):
        who = ["first_name", "last_name", "date_of_birth", "gender", "preferred_language"]
        standing = ["version_shown", "deceased_on", "is_active"] if obj else []
        told_by = [] if obj and obj.user_id else ["channels"]
        return [
            (None, {"fields": [*who, *standing]}),
            (_("Contact"), {"fields": ["phone", "email", *told_by, *NAMES["address"]]}),
            (_("Numbers"), {"fields": ["ssn", "cpf", *NAMES["insurance_info"]]}),
            (_("In an emergency"), {"fields": NAMES["emergency_contact"]}),
        ]

    def changelist_view(self, request, extra_context=None):
        return redirect("admin:find_patient")

    def response_add(self, request, obj, post_url_continue=None):
        super().response_add(request, obj, post_url_continue)
        return redirect("admin:chart", obj.pk)

    def response_change(self, request, obj):
        super().response_change(request, obj)
        return redirect("admin:chart", obj.pk)
