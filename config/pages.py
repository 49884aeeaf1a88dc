"""Pages that belong to no app: the landing page, health, and what every template may use."""

import logging

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

from clinic.security import tenancy
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES
from config.celery import HEARTBEAT

logger = logging.getLogger("chartroom.ready")


def surroundings(request) -> dict:
    """What templates know of where they are."""
    user = getattr(request, "user", None)
    return {
        "actor": getattr(request, "actor", tenancy.NOBODY),
        "theme": getattr(user, "theme", "auto") or "auto",
        "languages": settings.LANGUAGES,
    }


@require_safe
def home(request):
    """The landing page; a signed-in person is led to where she works."""
    roles = request.actor.roles
    if roles & STAFF_ROLES:
        return redirect("admin:index")
    if roles & PORTAL_ROLES:
        return redirect("/portal/")
    return render(request, "home.html")


@transaction.non_atomic_requests
@require_safe
def healthz(request):
    """200 as long as this process answers, whatever of the rest does not."""
    return HttpResponse("ok", content_type="text/plain")


@transaction.non_atomic_requests
@require_safe
def readyz(request):
    """200 once database, broker and worker answer; 503 with the name of the part that does not."""
    parts = {"database": _answers(_database), "broker": False, "worker": False}
    parts["broker"] = _answers(lambda: cache.get(HEARTBEAT, ""))
    parts["worker"] = parts["broker"] and bool(cache.get(HEARTBEAT))
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _answers(part) -> bool:
    """Whether asking the part raises nothing; whatever it raises means that it is not ready."""
    try:
        part()
    except (DatabaseError, PoolTimeout, RedisError) as error:
        logger.warning("not ready: %s", type(error).__name__)
        return False
    return True


healthz.public = readyz.public = home.public = True
