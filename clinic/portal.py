"""What every page for patients and families stands on."""

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views import View

from clinic.errors import Missing
from clinic.models import Facility
from clinic.security.permissions import PORTAL_ROLES, Denied, Permission


class PortalPage(View):
    """A page for who is signed in and holds a portal role; `permission` is the one it needs.

    Times are those of the facility's clocks. What a verb denies answers 403, what it does not find
    404. Nothing is kept by a cache, because several people may share a phone.
    """

    permission = Permission.ACCOUNT_USE
    facility: Facility

    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not request.actor.roles & PORTAL_ROLES:
            raise PermissionDenied
        self.facility = Facility.objects.get(pk=request.actor.facility_id)
        with timezone.override(self.facility.zone):
            try:
                request.actor.require(self.permission)
                response = self.answer(request, *args, **kwargs)
            except Denied as denied:
                raise PermissionDenied from denied
            except Missing as missing:
                raise Http404 from missing
        add_never_cache_headers(response)
        return response

    def answer(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        """The page itself; what stands between it and the door is added here by subclasses."""
        return super().dispatch(request, *args, **kwargs)
