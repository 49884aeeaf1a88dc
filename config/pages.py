"""Pages that belong to no app: the landing page, health, and what every template may use."""

from django.conf import settings
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES


def surroundings(request) -> dict:
    """What templates know of where they are."""
    user = getattr(request, "user", None)
    return {
        "actor": getattr(request, "actor", tenancy.NOBODY),
        "theme": getattr(user, "theme", "auto") or "auto",
        "languages": settings.LANGUAGES,
    }


def home(request):
    """The landing page; a signed-in person is led to where she works."""
    roles = request.actor.roles
    if roles & STAFF_ROLES:
        return redirect("admin:index")
    if roles & PORTAL_ROLES:
        return redirect("/portal/")
    return render(request, "home.html")


def healthz(request):
    return HttpResponse("ok", content_type="text/plain")


def readyz(request):
    """200 once database, cache and worker answer; 503 with the name of the part that does not."""
    from django.core.cache import cache

    parts = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        parts["database"] = True
    except Exception:  # any failure of the part means: not ready
        parts["database"] = False
    try:
        parts["broker"] = cache.get("readyz", 0) is not None
    except Exception:  # any failure of the part means: not ready
        parts["broker"] = False
    ready = all(parts.values())
    return JsonResponse(parts, status=200 if ready else 503)


healthz.public = readyz.public = home.public = True
