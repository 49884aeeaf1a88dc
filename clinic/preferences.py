"""How a person wants to see the pages: their language, and light or dark."""

from django.conf import settings
from django.db import transaction
from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid
from clinic.models import User
from clinic.security.permissions import Denied, Permission

THEMES = {"auto": _("Like my device"), "light": _("Light"), "dark": _("Dark")}
THEME_COOKIE = "theme"
YEAR = 365 * 24 * 60 * 60  # seconds


@transaction.atomic
def choose(*, user: User, language: str, theme: str, by: User) -> User:
    """Keep a person's own language and appearance. Raises `Invalid` for one that is not offered."""
    if user.pk != by.pk:
        raise Denied(Permission.ACCOUNT_USE)
    wrong = {}
    if language not in dict(settings.LANGUAGES):
        wrong["language"] = [_("Choose one of the languages.")]
    if theme not in THEMES:
        wrong["theme"] = [_("Choose one of the appearances.")]
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)
    user.preferred_language, user.theme = language, theme
    user.save(update_fields=["preferred_language", "theme", "updated_at"])
    return user


def remember(user: User, response: HttpResponseBase) -> None:
    """Let the browser keep the choice: the language is settled before the person is known."""
    secure = settings.SESSION_COOKIE_SECURE
    if user.preferred_language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, user.preferred_language, max_age=YEAR, secure=secure,
            httponly=True, samesite="Lax",
        )  # fmt: skip
    if user.theme in THEMES:
        response.set_cookie(
            THEME_COOKIE, user.theme, max_age=YEAR, secure=secure, httponly=True, samesite="Lax"
        )
