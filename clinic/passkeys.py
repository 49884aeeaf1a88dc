"""Passkeys: allauth's forms, and what a clinic adds. Each proves by itself who holds it (a finger,
a face, a PIN), so it signs in alone or after the password; what it answers is taken once."""

import hashlib

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as upstream
from allauth.mfa.webauthn import views
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from clinic import accounts

LONGEST_NAME = 60


class SpendsChallenge:
    """A form whose challenge is spent by the answer to it. The session forgets a challenge when it
    is answered, but of several answers at the same moment each would still find it there."""

    def clean_credential(self):
        challenge = (auth.get_state() or {}).get("challenge", "")
        spent = hashlib.sha256(challenge.encode()).hexdigest()
        try:
            passkey = super().clean_credential()
        except ValidationError:
            accounts.defer_failure(self.user, {"factor": "passkey"})
            raise
        accounts.await_changes(passkey.user)
        is_there = Authenticator.objects.filter(pk=passkey.pk).exists()
        if not is_there or not accounts.spend_code(passkey.user, spent):
            accounts.defer_failure(passkey.user, {"factor": "passkey"})
            raise get_adapter().validation_error("incorrect_code")
        return passkey


class AuthenticateForm(SpendsChallenge, upstream.AuthenticateWebAuthnForm):
    """The second step of signing in."""


class LoginForm(SpendsChallenge, upstream.LoginWebAuthnForm):
    """Signing in with a passkey alone."""


class ReauthenticateForm(SpendsChallenge, upstream.ReauthenticateWebAuthnForm):
    """Proving again who one is."""


class ReauthenticatePage(views.ReauthenticateWebAuthnView):
    """Proving again who one is. What fails is tried again here, and leads on as it would have;
    allauth leads to the sign-in, which leads who is signed in to the first page."""

    def form_invalid(self, form):
        super().form_invalid(form)  # says why
        return redirect(self.passthrough_next_url(self.request.path))


class AddForm(upstream.AddWebAuthnForm):
    """A new passkey. One that cannot tell who holds it is refused: it could not sign in alone."""

    passwordless = None
    name = forms.CharField(
        label=_("Name"), max_length=LONGEST_NAME, required=False,
        help_text=_("So that you know it again, like “my phone”."),
    )  # fmt: skip

    def clean(self):
        self.cleaned_data["passwordless"] = True
        return super().clean()


class EditForm(upstream.EditWebAuthnForm):
    """Its name, which is all of it that changes."""

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME)
