"""Specialists: who can be booked."""

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from clinic import specialists
from clinic.backoffice import TenantAdmin, VersionedForm
from clinic.models import Specialist, User
from clinic.security.permissions import Permission


class PersonChoice(forms.ModelChoiceField):
    """People by name; the list is the clinic's staff, never all accounts."""

    def label_from_instance(self, person: User) -> str:
        return f"{person.get_full_name()}, {person.email}"


class NewSpecialistForm(forms.ModelForm):
    """A person of the staff who can be booked from now on."""

    user = PersonChoice(
        label=_("Person"),
        queryset=User.objects.none(),
        widget=UnfoldAdminSelectWidget,
        help_text=_("Somebody who works here. Invite the person first under People and roles."),
    )

    class Meta:
        model = Specialist
        fields = ["user", *specialists.DETAILS]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = specialists.candidates()


@admin.register(Specialist)
class SpecialistAdmin(TenantAdmin):
    """Every member of the staff sees them; administrators change them."""

    add_title, change_title = _("New specialist"), _("Specialist")
    may_view = Permission.CALENDAR_VIEW
    may_add = may_change = Permission.STAFF_MANAGE
    list_display = ["name", "specialty", "room", "is_active", "hours"]
    list_display_links = ["name"]
    list_fullwidth = True
    sortable_by = ["specialty", "room"]
    list_filter = ["is_active"]
    search_fields = ["specialty", "room"]
    search_help_text = _("Specialty or room")

    def visible(self, request):
        return specialists.known()

    def add(self, *, by, **values):
        return specialists.present(by=by, **values)

    def change(self, obj, *, by, **values):
        return specialists.correct(specialist=obj, by=by, **values)

    def get_form(self, request, obj=None, change=False, **kwargs):
        kwargs["form"] = VersionedForm if change else NewSpecialistForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request, obj=None):
        fields = ["version_shown"] if obj and self.has_change_permission(request, obj) else []
        return [*fields, *specialists.DETAILS] if obj else ["user", *specialists.DETAILS]

    @admin.display(description=_("Name"))
    def name(self, specialist):
        return specialist.display_name

    @admin.display(description=_("Hours"))
    def hours(self, specialist):
        address = reverse("admin:hours", args=[specialist.pk])
        label = gettext("Hours of %(name)s") % {"name": specialist.display_name}
        return format_html(
            '<a class="cr-link" href="{}" aria-label="{}">{}</a>',
            address,
            label,
            gettext("Show hours"),
        )
