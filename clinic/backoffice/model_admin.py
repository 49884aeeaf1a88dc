"""The ModelAdmin that every admin of ours builds on."""

from typing import Any

from django import forms
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security import trail
from clinic.security.permissions import Permission

VERSION = "version_shown"


class VersionedForm(forms.ModelForm):
    """Remembers which version of the row was shown, so that the verb refuses a stale change."""

    version_shown = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["version_shown"] = getattr(self.instance, "version", None)


class TenantAdmin(ModelAdmin):
    """Reads through the visible door, writes through verbs, and denies what is not stated.

    Subclasses state `may_view`, `may_add` and `may_change`, and give `visible(request)`, the
    queryset of what the actor may see, and the verbs: `add(by, **values)` and
    `change(obj, by, **values)`. Nothing is deleted. With `noted`, readings are on the trail. The
    admin's own log is not written, the trail has it.
    """

    may_view: Permission | None = None
    may_add: Permission | None = None
    may_change: Permission | None = None
    add_title: Any = ""
    change_title: Any = ""
    noted = False
    list_per_page = 50
    actions = None

    def visible(self, request: HttpRequest) -> models.QuerySet:
        return self.model._default_manager.none()

    def add(self, *, by, **values) -> models.Model:
        raise NotImplementedError

    def change(self, obj: models.Model, *, by, **values) -> models.Model:
        raise NotImplementedError

    # Who may
    def has_module_permission(self, request):
        return self._may(request, self.may_view)

    def has_view_permission(self, request, obj=None):
        return self._may(request, self.may_view)

    def has_add_permission(self, request):
        return self._may(request, self.may_add)

    def has_change_permission(self, request, obj=None):
        return self._may(request, self.may_change)

    def has_delete_permission(self, request, obj=None):
        return False

    def _may(self, request: HttpRequest, permission: Permission | None) -> bool:
        return permission is not None and request.actor.may(permission)

    # Reading
    def get_queryset(self, request):
        return self.visible(request)

    def changelist_view(self, request, extra_context=None):
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if self.noted and "cl" in shown:
            self._note(shown["cl"].result_list, "list")
        return response

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        """As usual; what the verb refuses comes back as errors of the form."""
        if title := self.change_title if object_id else self.add_title:
            extra_context = {"title": title, **(extra_context or {})}
        try:
            response = super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refused:
            request.refused = refused
            response = super().changeform_view(request, object_id, form_url, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if self.noted and shown.get("original"):
            self._note([shown["original"]], "detail")
        return response

    def render_change_form(self, request, context, *args, **kwargs):
        """One button: what follows a save is decided here, not by the person."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request, object_id, extra_context=None) -> HttpResponse:
        raise Http404("The history is on the trail.")

    def _get_obj_does_not_exist_redirect(self, request, opts, object_id):
        raise Http404("What may not be seen answers as what does not exist.")

    def _note(self, rows, how: str) -> None:
        pairs = [(row.pk, getattr(row, "patient_id", None)) for row in rows]
        trail.read(self.model._meta.label_lower, pairs, how=how)

    # Writing
    def get_form(self, request, obj=None, change=False, **kwargs):
        form_class = super().get_form(request, obj, change=change, **kwargs)
        refused = getattr(request, "refused", None)
        if refused is None:
            return form_class

        class RefusedForm(form_class):
            def clean(self):
                cleaned = super().clean()
                add_refusal(self, refused)
                return cleaned

        return RefusedForm

    def save_model(self, request, obj, form, change):
        values = self.values_of(form, change)
        if change:
            stored = self.change(obj, by=request.user, **values)
        else:
            stored = self.add(by=request.user, **values)
        obj.__dict__.update(stored.__dict__)

    def values_of(self, form: forms.ModelForm, change: bool) -> dict[str, Any]:
        """What the form says, as the verb takes it: all of a new row, of an old one the changes."""
        names = form.changed_data if change else form.fields
        values = {name: form.cleaned_data[name] for name in names if name != VERSION}
        if change and form.cleaned_data.get(VERSION) is not None:
            values["version"] = form.cleaned_data[VERSION]
        return values

    def log_addition(self, request, obj, message):
        """Not written: the trail has it."""

    def log_change(self, request, obj, message):
        """Not written: the trail has it."""

    def log_deletions(self, request, queryset):
        """Not written: nothing is deleted here."""
