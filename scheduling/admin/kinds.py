"""Kinds of visit: their names and lengths."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import TenantAdmin, VersionedForm
from clinic.security import tenancy
from clinic.security.permissions import Permission, Reach
from scheduling import opening
from scheduling.models import AppointmentType


@admin.register(AppointmentType)
class AppointmentTypeAdmin(TenantAdmin):
    """Every member of the staff sees them; who manages availability changes them."""

    add_title, change_title = _("New kind of visit"), _("Kind of visit")
    may_view = Permission.CALENDAR_VIEW
    may_add = may_change = Permission.AVAILABILITY_MANAGE
    form = VersionedForm
    list_display = ["name", "minutes", "portal_bookable", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    search_help_text = _("Name of the visit")
    list_fullwidth = True

    def visible(self, request):
        return AppointmentType.objects.filter(facility_id=tenancy.current().facility_id)

    def add(self, *, by, **values):
        return opening.offer(by=by, **values)

    def change(self, obj, *, by, **values):
        return opening.correct_kind(kind=obj, by=by, **values)

    def get_fields(self, request, obj=None):
        fields = ["version_shown"] if obj and self.has_change_permission(request, obj) else []
        return [*fields, *opening.KIND_DETAILS]

    def _may(self, request, permission):
        """A specialist manages her own hours, not what the whole clinic offers."""
        manages = permission == Permission.AVAILABILITY_MANAGE
        if manages and request.actor.reach != Reach.FACILITY:
            return False
        return super()._may(request, permission)
