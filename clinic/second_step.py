"""Who lacks the second step at sign-in that her clinic demands sees only the page to set it up."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

GOING = "going"  # in the session: where she wanted to go
# What setting it up needs, and the ways out.
OPEN = frozenset({
    "mfa_index", "mfa_activate_totp", "mfa_list_webauthn", "mfa_add_webauthn",
    "account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn",
    "account_logout", "admin:logout", "set_language", "session_alive",
})  # fmt: skip


def is_missing(request: HttpRequest, view_name: str) -> bool:
    """Whether the page is closed until the person has set up a second step."""
    return request.actor.lacks_factor and view_name not in OPEN


def lead(request: HttpRequest, *, keep: bool) -> HttpResponse:
    """To the page where she sets it up; where she was going is kept for afterwards."""
    if keep:
        request.session[GOING] = request.get_full_path()
    return redirect("mfa_index")


def arrive(request: HttpRequest) -> None:
    """Where she was going is forgotten once she is anywhere beyond the account's own pages."""
    if GOING in request.session and not request.actor.lacks_factor:
        del request.session[GOING]
