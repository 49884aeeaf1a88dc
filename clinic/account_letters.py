"""The letters that allauth sends, in the words and the look of ours."""

from urllib.parse import urlsplit
from uuid import uuid4

from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.channels import email
from clinic.channels.email import Letter

SENDER = "Chartroom"  # an account is of no one clinic


def of_new_password(link: str) -> Letter:
    """The link by which a new password is set, in the language of this moment. Whatever host the
    request named, it leads to the house."""
    return Letter(
        key=uuid4(),
        sender=SENDER,
        subject=_("Set a new password"),
        paragraphs=(_("Somebody asked for a new password for your account."),),
        href=email.address(urlsplit(link).path),
        action=_("Choose a new password"),
        closing=_(
            "The link works once and only for a short time. If you did not ask for it, you can"
            " ignore this letter: your password stays as it is."
        ),
    )


def of_no_account() -> Letter:
    """What an address without an account is told, to whoever reads its letters."""
    return Letter(
        key=uuid4(),
        sender=SENDER,
        subject=_("There is no account with this address"),
        paragraphs=(
            _("Somebody asked for a new password for this address. It has no account here."),
            _("Perhaps your clinic knows you by another address. Ask at the desk or by phone."),
        ),
        href=email.address(reverse("account_login")),
        action=_("Go to the sign-in"),
        closing=_("If you did not ask for it, you can ignore this letter."),
    )
