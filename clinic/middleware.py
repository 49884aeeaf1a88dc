"""Each request acts as somebody: the actor is settled before the view and its deferred entries of
the trail are written after it."""

import ipaddress
import re
from contextlib import nullcontext
from functools import lru_cache
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from clinic import accounts, second_step, sessions, staffing
from clinic.security import tenancy, trail
from clinic.security.permissions import PORTAL_ROLES, STAFF_ROLES
from clinic.security.sessions import digest_of
from clinic.security.tenancy import Actor, Origin

FACILITY_IN_SESSION = "facility"
PROGRAMS = frozenset({"api", "fhir", "healthz", "readyz", "webhooks"})  # surfaces without pages
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
WITH_PORT = re.compile(r"\[(?P<six>[^\]]*)\](:[0-9]*)?|(?P<four>[0-9.]+):[0-9]*")
REFRESH = "refresh"  # in the address of what a page asks for by itself
MOST_HOPS = 20  # more proxies of ours than any clinic has; the rest of a longer list is made up


def is_proxy(address: str) -> bool:
    """Whether the address is a proxy of ours: one of `TRUSTED_PROXIES`, or in a network of them."""
    plain = plain_address(address)
    networks = _networks(tuple(settings.TRUSTED_PROXIES))
    return plain is not None and any(ipaddress.ip_address(plain) in known for known in networks)


@lru_cache(maxsize=1)
def _networks(listed: tuple[str, ...]):
    return [ipaddress.ip_network(item, strict=False) for item in listed]


def plain_address(text: str) -> str | None:
    """An address as a server or a proxy writes it, in the form that the trail keeps: without port,
    brackets and zone, and IPv4 as such. None for what is no address."""
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match["six"] or match["four"]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6:
        address = address.ipv4_mapped or ipaddress.IPv6Address(int(address))
    return str(address)


def address_of(request) -> str | None:
    """The true address: the nearest one that is not a trusted proxy of ours."""
    address = plain_address(request.META.get("REMOTE_ADDR", ""))
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    while address and hops and is_proxy(address):
        if (nearer := plain_address(hops.pop())) is None:
            break
        address = nearer
    return address


def surface_of(path: str) -> str:
    first = path.strip("/").split("/", 1)[0]
    return first if first in {*PROGRAMS, "admin", "portal", "accounts"} else "web"


def origin_of(request) -> Origin:
    """Where the request comes from. The session is named by a digest: its key is a credential."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    return Origin(
        address=address_of(request),
        agent=request.META.get("HTTP_USER_AGENT", "").replace("\x00", ""),
        session=digest_of(key)[:32] if key else "",
        request_id=given if REQUEST_ID.fullmatch(given) else uuid4().hex,
        surface=surface_of(request.path_info),
    )


def actor_of(request, origin: Origin) -> Actor:
    """The signed-in person in the roles that this surface is for; the API settles its own."""
    if origin.surface in PROGRAMS or not request.user.is_authenticated:
        return Actor(origin=origin)
    roles = PORTAL_ROLES if origin.surface == "portal" else STAFF_ROLES
    if origin.surface in {"accounts", "web"}:
        roles = STAFF_ROLES | PORTAL_ROLES
    facility = request.session.get(FACILITY_IN_SESSION, "")
    return staffing.enter(user=request.user, roles=roles, origin=origin, facility=facility)


def has_lost_its_facility(request) -> bool:
    """Whether the clinic that was chosen is closed to the person by now."""
    if request.origin.surface in PROGRAMS or request.actor.facility_id:
        return False
    return FACILITY_IN_SESSION in request.session


def leave_facility(request, to: str = "") -> None:
    """Go to another clinic: a form that was opened in the one before is refused from now on."""
    request.session.pop(FACILITY_IN_SESSION, None)
    if to:
        request.session[FACILITY_IN_SESSION] = to
    rotate_token(request)


def match_of(request):
    """The view that the address names, or None."""
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def is_background(request) -> bool:
    """Whether the page asks by itself and nobody acts: its address says so, or the view that it
    names (`is_background`). A header would be forgotten some day; an address that is forgotten
    asks for a whole page, which is noticed."""
    if REFRESH in request.GET:
        return True
    view = getattr(match_of(request), "func", None)
    view = getattr(view, "view_class", view)
    return getattr(view, "is_background", False)


def settle_life(request) -> None:
    """End the session where nobody acted for too long: from here on the request is a stranger's."""
    request.life = None
    if request.origin.surface in PROGRAMS or not request.user.is_authenticated:
        return
    life = sessions.live(request=request, actor=request.actor, acts=not is_background(request))
    if not life.is_over:
        request.life = life
        return
    with tenancy.acting(Actor(origin=request.origin)):
        accounts.note_as(request.user, "session_ended")
    request.session.flush()
    request.user, request.actor = AnonymousUser(), Actor(origin=request.origin)
    messages.info(request, _("You were signed out, to keep what you see here safe."))


def reloading(response) -> HttpResponse:
    """A part of a page that is no longer open to the person: the whole page is asked for again, so
    that nothing of it stays in sight."""
    if response.status_code in {301, 302}:
        response = HttpResponse()
    response["HX-Refresh"] = "true"
    return response


class ActorMiddleware:
    """Runs the rest of the request as its actor."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.origin = origin_of(request)
        request.actor = actor_of(request, request.origin)
        settle_life(request)
        response = self.turned_away(request) or self.answered(request)
        if REFRESH in request.GET and response.status_code in {301, 302, 401, 403, 404}:
            response = reloading(response)
        response["X-Request-ID"] = request.origin.request_id
        return response

    def turned_away(self, request) -> HttpResponse | None:
        """The way to another page, for who may not go on as she is."""
        if has_lost_its_facility(request) and request.method in {"GET", "HEAD"}:
            # What she has open of it must not be sent to another clinic: she begins anew.
            leave_facility(request)
            return HttpResponseRedirect(request.get_full_path())
        if request.actor.lacks_factor:
            match = match_of(request)
            if second_step.is_missing(request, match.view_name if match else ""):
                keep = request.method == "GET" and not is_background(request)
                return second_step.lead(request, keep=keep)
        elif request.origin.surface not in {*PROGRAMS, "accounts"}:
            second_step.arrive(request)
        return None

    def answered(self, request) -> HttpResponse:
        """The answer of the view, given as the actor; then what it deferred is written."""
        with tenancy.acting(request.actor):
            with self.transaction(request):
                response = self.get_response(request)
            actor = tenancy.current()
            if response.status_code in {401, 403, 404} and actor.user_id:
                self.note_refusal(request, response)
            trail.write_deferred(actor)
        return response

    def transaction(self, request):
        """Pages are rendered after their view has returned, so the transaction that carries the
        context spans both. The API renders plain data; its views open their own."""
        return nullcontext() if request.origin.surface in PROGRAMS else transaction.atomic()

    def note_refusal(self, request, response) -> None:
        """A refusal is on the trail too: what was asked for and the answer, never its content."""
        match = request.resolver_match
        if match is None:
            return
        trail.defer(
            resource="refusal",
            object_pk=str(next(iter(match.kwargs.values()), ""))[:255],
            flags=["refused"],
            details={
                "status": response.status_code,
                "view": match.view_name,
                "method": request.method,
            },
        )
