"""How a person wants to see the pages, their language, light or dark; and how she wishes to be
reached."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from clinic import channels
from clinic.errors import Invalid
from clinic.models import User
from clinic.models.reach import Channel, Reached, validate_timezone
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


REACH = ("channels", "quiet_from", "quiet_until", "timezone")


@transaction.atomic
def set_reach(*, user: User, by: User, **wishes) -> User:
    """Keep by which ways a person wishes to be told of visits, in which hours not, and by which
    clock she lives: any of `REACH`. Without hours, or without a zone, it is the clinic's. No way at
    all is a wish, too.

    Raises `Invalid` naming what cannot be.
    """
    if user.pk != by.pk:
        raise Denied(Permission.ACCOUNT_USE)
    row = User.objects.select_for_update().get(pk=user.pk)
    settle_reach(row, wishes)
    row.save(update_fields=[*wishes, "updated_at"])
    return row


def settle_reach(row: Reached, wishes: dict) -> None:
    """Set these of `REACH` on the row, which is not saved. Raises `Invalid` naming what cannot be.
    A way that the row has already stays possible, though the clinic has no service for it now."""
    possible = {*channels.offered(), *row.channels}
    wrong = {}
    if unknown := set(wishes) - set(REACH):
        wrong[unknown.pop()] = [_("This field cannot be set.")]
    for name in set(wishes) & set(REACH):
        setattr(row, name, wishes[name])
    if set(row.channels) - possible:
        wrong["channels"] = [_("The clinic has no such way to reach you.")]
    if (row.quiet_from is None) != (row.quiet_until is None):
        missing = "quiet_from" if row.quiet_from is None else "quiet_until"
        wrong[missing] = [_("Enter both times, or neither.")]
    try:
        validate_timezone(row.timezone or "UTC")
    except ValidationError as error:
        wrong["timezone"] = error.messages
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)
    row.channels = [one.value for one in Channel if one.value in row.channels]


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
