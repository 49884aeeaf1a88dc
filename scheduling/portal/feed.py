"""What calendar programs read, without a session: the secret in the address is the key."""

import hashlib
import time

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from scheduling.ics import feeds

MINUTE = 60
MOST = 120  # readings a minute from one address: a clinic's phones share one


@require_safe
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The calendar, or 304 where the program has it already. What was ended, what never was and
    what is no secret are the same 404."""
    request.resolver_match.kwargs.clear()  # what refusals are noted with on the trail
    if _is_too_fast(request):
        return HttpResponse(status=429, headers={"Retry-After": str(MINUTE)})
    content = feeds.read(secret=secret, origin=request.origin)
    if content is None:
        text = _("There is no calendar at this address.")
        return HttpResponse(text, status=404, content_type="text/plain; charset=utf-8")
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response = HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={
            "ETag": etag,
            "Cache-Control": "private, no-cache",
            "Content-Disposition": 'inline; filename="visits.ics"',
            "X-Robots-Tag": "noindex",
        },
    )
    return get_conditional_response(request, etag=etag, response=response) or response


def _is_too_fast(request: HttpRequest) -> bool:
    key = f"throttle:feed:{request.origin.address}:{int(time.time() // MINUTE)}"
    cache.add(key, 0, timeout=2 * MINUTE)
    return cache.incr(key) > MOST
