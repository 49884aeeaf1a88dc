"""Whether what an open page shows is still open. The page asks it of itself, every few seconds, and
goes away once it is not: see static/chartroom/js/portal.js."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from clinic.portal import PortalPage
from clinic.security.permissions import Category, Permission
from patients import access
from patients.portal.person import PersonPage


class Still(PortalPage):
    """204 as long as all that the page stands on is open, else 410.

    `of` is the patient whom the page is about, whoever was chosen meanwhile in another window;
    `shows` are the categories. It is asked in the background: nobody acts, nothing is looked at.
    """

    permission = Permission.PATIENT_VIEW
    http_method_names = ["get"]
    is_background = True

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            patient_id = UUID(request.GET.get("of", ""))
            shown = {Category(name) for name in request.GET.get("shows", "").split(",") if name}
        except ValueError:
            return HttpResponse(status=410)
        patient = access.visible_to(request.user).filter(pk=patient_id).first()
        is_open = patient is not None and shown <= access.categories_of(request.user, patient)
        return HttpResponse(status=204 if is_open else 410)


class NoLonger(PersonPage):
    """Where a page goes that may be shown no longer."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page("portal/no_longer.html", {})
