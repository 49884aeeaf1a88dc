"""Kinds of visit, and the rooms in which they take place."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import TenantAdmin, VersionedForm
from clinic.security import tenancy
from clinic.security.permissions import Permission, Reach
from scheduling import kinds
from scheduling.models import AppointmentType, Booker, Room

PREPARATION = {f"preparation_{code}": code for code, _name in settings.LANGUAGES}


def preparation_field(name) -> forms.CharField:
    return forms.CharField(
        label=_("How to prepare (%(language)s)") % {"language": name},
        required=False,
        max_length=kinds.LONGEST_PREPARATION,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


Preparation = type(
    "Preparation",
    (forms.Form,),
    {f"preparation_{code}": preparation_field(name) for code, name in settings.LANGUAGES},
)


class KindForm(VersionedForm, Preparation):
    """A kind of visit; how to prepare is written once for each language."""

    bookable_by = forms.MultipleChoiceField(
        label=_("Booked by"), choices=Booker.choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field, code in PREPARATION.items():
            self.initial.setdefault(field, (self.instance.preparation or {}).get(code, ""))

    def prepared(self) -> dict[str, str]:
        """How to prepare, by language, as it is written now."""
        told = {code: self.cleaned_data.get(field, "") for field, code in PREPARATION.items()}
        return {code: text for code, text in told.items() if text}


class OfTheClinicAdmin(TenantAdmin):
    """Every member of the staff sees them; who manages availability changes them."""

    may_view = Permission.CALENDAR_VIEW
    may_add = may_change = Permission.AVAILABILITY_MANAGE
    list_filter = ["is_active"]
    search_fields = ["name"]
    list_fullwidth = True

    def visible(self, request):
        return self.model.objects.filter(facility_id=tenancy.current().facility_id)

    def versioned(self, request, obj) -> list[str]:
        return ["version_shown"] if obj and self.has_change_permission(request, obj) else []

    def _may(self, request, permission):
        """A specialist manages her own hours, not what the whole clinic offers."""
        manages = permission == Permission.AVAILABILITY_MANAGE
        if manages and request.actor.reach != Reach.FACILITY:
            return False
        return super()._may(request, permission)


@admin.register(AppointmentType)
class AppointmentTypeAdmin(OfTheClinicAdmin):
    add_title, change_title = _("New kind of visit"), _("Kind of visit")
    form = KindForm
    list_display = ["name", "minutes", "booked_by", "price", "is_active"]
    search_help_text = _("Name of the visit")

    @admin.display(description=_("booked by"))
    def booked_by(self, kind):
        return ", ".join(str(Booker(name).label) for name in kind.bookable_by)

    def get_fieldsets(self, request, obj=None):
        lengths = ("minutes", "buffer_before", "buffer_after", "capacity")
        bounds = (
            "bookable_by", "asks_confirmation", "notice_hours", "horizon_days", "cancel_hours",
        )  # fmt: skip
        where = ("place", "telehealth_url", "price", "needs_authorization")
        return [
            (None, {"fields": [*self.versioned(request, obj), "name", "is_active"]}),
            (_("Length"), {"fields": lengths}),
            (_("Who books it, and when"), {"fields": bounds}),
            (_("Where, and for how much"), {"fields": where}),
            (_("Before the visit"), {"fields": tuple(PREPARATION)}),
        ]

    def values_of(self, form, change: bool) -> dict[str, Any]:
        values = super().values_of(form, change)
        if set(PREPARATION) & set(values):
            values["preparation"] = form.prepared()
        return {name: value for name, value in values.items() if name not in PREPARATION}

    def add(self, *, by, **values):
        return kinds.offer(by=by, **values)

    def change(self, obj, *, by, **values):
        return kinds.correct(kind=obj, by=by, **values)


@admin.register(Room)
class RoomAdmin(OfTheClinicAdmin):
    add_title, change_title = _("New room"), _("Room")
    form = VersionedForm
    list_display = ["name", "is_active"]
    search_help_text = _("Name of the room")

    def get_fields(self, request, obj=None):
        return [*self.versioned(request, obj), *kinds.ROOM_DETAILS]

    def add(self, *, by, **values):
        return kinds.add_room(by=by, **values)

    def change(self, obj, *, by, **values):
        return kinds.correct_room(room=obj, by=by, **values)
