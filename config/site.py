"""The staff's site: django-unfold's, without inline styles, entered through allauth's sign-in."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class StaffSite(UnfoldAdminSite):
    """The Django admin as the clinic's workplace."""

    site_title = site_header = "Chartroom"
    index_title = _("Today")

    def has_permission(self, request):
        """Only who acts in a staff role of a facility; the actor is settled by the middleware."""
        return request.user.is_active and request.user.is_staff

    def each_context(self, request):
        return super().each_context(request) | {"colors": {}, "actor": request.actor}

    def login(self, request, extra_context=None):
        """One door for everyone: allauth's, with its second factor."""
        from django.contrib.auth.views import redirect_to_login
        from django.core.exceptions import PermissionDenied

        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", "/admin/"))

    def logout(self, request, extra_context=None):
        from django.shortcuts import redirect

        return redirect("account_logout")


class StaffAdminConfig(AdminConfig):
    default_site = "config.site.StaffSite"


class SiteConfig(AppConfig):
    """Wires names together that no app may know of another."""

    name = "config"
    label = "config"

    def ready(self):
        from config import checks  # noqa: F401  registers the system checks
