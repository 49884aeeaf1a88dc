"""The staff's site: django-unfold's, without inline styles, entered through allauth's sign-in."""

from allauth.usersessions import apps as usersessions
from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class StaffSite(UnfoldAdminSite):
    """The Django admin as the clinic's workplace."""

    site_title = site_header = "Chartroom"
    index_title = _("Today")

    def has_permission(self, request):
        """Only who acts in a staff role of a facility; the actor is settled by the middleware."""
        return request.user.is_active and request.user.is_staff

    def register(self, model_or_iterable, admin_class=None, **options):
        """Only what denies by default comes in: what libraries register has no page here."""
        from clinic.backoffice import TenantAdmin

        if admin_class is not None and issubclass(admin_class, TenantAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self):
        """All but Django's way from any row to its page elsewhere: ours have none."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]

    def admin_view(self, view, cacheable=False):
        """Every view, Django's and unfold's own too, runs on the clinic's clocks."""
        from clinic.backoffice import placed

        return super().admin_view(placed(view), cacheable)

    def extra_urls(self):
        """The pages that are about no single model; each app names its own."""
        import chat.admin
        import clinic.admin
        import compliance.admin
        import patients.admin
        import records.admin
        import scheduling.admin

        pages = [
            *clinic.admin.pages,
            *patients.admin.pages,
            *scheduling.admin.pages,
            *records.admin.pages,
            *chat.admin.pages,
            *compliance.admin.pages,
        ]
        return [
            path(route, self.admin_view(page.as_view()), name=name) for route, page, name in pages
        ]

    def each_context(self, request):
        from compliance import breakglass

        glass = SimpleLazyObject(lambda: breakglass.running(request.user))
        return super().each_context(request) | {
            "colors": {}, "actor": request.actor, "glass": glass,
        }  # fmt: skip

    def index(self, request, extra_context=None):
        """Today; who may not see the calendar begins where her work is."""
        from config import sidebar
        from config.dashboard import REQUIRED

        if request.actor.may(REQUIRED):
            return super().index(request, {"is_fullwidth": "1", **(extra_context or {})})
        if place := sidebar.first_link(request):
            return redirect(place)
        raise PermissionDenied

    def app_index(self, request, app_label, extra_context=None):
        """The sidebar is the only index."""
        return redirect("admin:index")

    def search(self, request, extra_context=None):
        raise Http404("unfold's own search knows nothing of who may see what.")

    def password_change(self, request, extra_context=None):
        return redirect("account_change_password")

    def password_change_done(self, request, extra_context=None):
        return redirect("admin:index")

    def login(self, request, extra_context=None):
        """One door for everyone: allauth's, with its second factor."""
        from django.contrib.auth.views import redirect_to_login

        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", "/admin/"))

    def logout(self, request, extra_context=None):
        from allauth.account.views import logout

        return logout(request)


class StaffAdminConfig(AdminConfig):
    default_site = "config.site.StaffSite"


class UserSessionsConfig(usersessions.UserSessionsConfig):
    """allauth's list of sessions, kept by `clinic.sessions`: its own hand would write down keys."""

    default = False

    def ready(self):
        pass


class SiteConfig(AppConfig):
    """Wires names together that no app may know of another."""

    name = "config"
    label = "config"

    def ready(self):
        from config import checks  # noqa: F401  registers the system checks
