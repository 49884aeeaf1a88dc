"""Which clinic a request of the staff's site works in, and the frame that every view runs in."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone

from clinic.errors import Missing
from clinic.models import Facility, RoleAssignment
from clinic.security.permissions import Denied


def facilities_of(request: HttpRequest) -> list[Facility]:
    """The clinics in which the person works, read once a request."""
    if not hasattr(request, "clinics"):
        held = RoleAssignment.objects.held().of_staff().filter(user_id=request.user.pk)
        rows = Facility.objects.filter(pk__in=held.values("facility_id"), is_active=True)
        request.clinics = list(rows)
    return request.clinics


def facility_of(request: HttpRequest) -> Facility | None:
    """The clinic that the request works in."""
    acted_in = request.actor.facility_id
    return next((f for f in facilities_of(request) if f.pk == acted_in), None)


def placed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Runs a view of the staff's site on its clinic's clocks.

    The answer is rendered inside: what a template reads late needs the transaction, which knows the
    actor. What a verb denies answers 403, what it does not find 404.
    """

    @wraps(view)
    def inside(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        facility = facility_of(request)
        with timezone.override(facility.zone if facility else None):
            try:
                response = view(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
            except Denied as denied:
                raise PermissionDenied from denied
            except Missing as missing:
                raise Http404 from missing
        response._csp_replace = settings.ADMIN_CONTENT_SECURITY_POLICY
        return response

    return inside
