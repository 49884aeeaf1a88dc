"""The account's own pages: where a person is signed in, the sign of life of whoever acts in a page,
and allauth's."""

from uuid import UUID

from allauth import urls as allauth
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from clinic import passkeys, sessions, staffing
from clinic.errors import Missing
from clinic.models import ApiToken
from clinic.security.sessions import digest_of

LIST = "usersessions_list"  # allauth's name of the page


@login_required
@require_http_methods(["GET", "POST"])
def where(request: HttpRequest) -> HttpResponse:
    """Where one is signed in, with a browser or by a program; POST ends all but this one."""
    if request.method == "POST":
        sessions.end_others(user=request.user, but=request.session.session_key)
        staffing.revoke_tokens(user=request.user)
        messages.success(request, _("You are signed out everywhere else."))
        return redirect(LIST)
    context = {
        "sessions": sessions.of(user=request.user, actor=request.actor),
        "here": digest_of(request.session.session_key),
        "tokens": ApiToken.objects.valid().filter(user=request.user),
    }
    return render(request, "usersessions/usersession_list.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of one's own sessions."""
    try:
        sessions.end(session_id=pk, by=request.user)
    except Missing as missing:
        raise Http404 from missing
    messages.success(request, _("That browser is signed out."))
    return redirect(LIST)


@login_required
@require_POST
def end_token(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End one of one's own tokens."""
    token = get_object_or_404(ApiToken.objects.valid(), pk=pk, user=request.user)
    staffing.revoke_token(token=token, by=request.user)
    messages.success(request, _("That program is signed out."))
    return redirect(LIST)


@require_http_methods(["GET", "POST"])
def alive(request: HttpRequest) -> HttpResponse:
    """How long one stays signed in; POST is a sign of life, sent where a person acts in a page."""
    life = request.life or sessions.OVER
    response = JsonResponse({"left": life.left, "last": life.is_last})
    add_never_cache_headers(response)
    return response


alive.public = True  # it tells a stranger that nothing is left

urlpatterns = [
    path("sessions/", where, name=LIST),
    path("sessions/<int:pk>/end/", end_session, name="session_end"),
    path("sessions/tokens/<uuid:pk>/end/", end_token, name="token_end"),
    path("sessions/alive/", alive, name="session_alive"),
    path(
        "2fa/webauthn/reauthenticate/",
        login_required(passkeys.ReauthenticatePage.as_view()),
        name="mfa_reauthenticate_webauthn",
    ),
    # allauth's other pages; its own list of sessions would look for keys in the place of digests.
    *(page for page in allauth.urlpatterns if str(page.pattern) != "sessions/"),
]
