"""The page to which the letter of an invitation leads."""

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View

from clinic import joining
from clinic.errors import Missing, Refused
from clinic.forms import add_refusal
from clinic.middleware import leave_facility
from clinic.models import Invitation
from clinic.security.permissions import PORTAL_ROLES


class AccountForm(forms.Form):
    """The account of somebody who has none yet. What a password must be, the verb says."""

    first_name = forms.CharField(label=_("First name"), max_length=100)
    last_name = forms.CharField(label=_("Last name"), max_length=100)
    password = forms.CharField(
        label=_("Password"),
        help_text=_("At least 12 characters. A few words that nobody would guess are good."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
    )


class AcceptForm(forms.Form):
    """One button; with an account of another address, the word that it is meant so."""

    with_another_address = forms.BooleanField(required=False)

    def __init__(self, *args, invitation: Invitation, account, **kwargs):
        super().__init__(*args, **kwargs)
        if invitation.email.lower() == account.email.lower():
            del self.fields["with_another_address"]
            return
        text = _("I was invited at %(invited)s and want to use my account %(account)s.")
        values = {"invited": invitation.email, "account": account.email}
        self.fields["with_another_address"].label = text % values


class InvitationPage(View):
    """Who holds the key may see who invites, and take up the invitation. What has ended and what
    never was read the same."""

    http_method_names = ["get", "post"]

    def dispatch(self, request: HttpRequest, key: str) -> HttpResponse:
        try:
            self.invitation = joining.find(key)
            with translation.override(self.language()):
                response = super().dispatch(request, key)
        except Missing:
            response = render(request, "account/invitation_ended.html", status=404)
        add_never_cache_headers(response)
        return response

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        return self.show(self.form())

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        form = self.form(request.POST)
        if form is not None and form.is_valid():
            try:
                if request.user.is_authenticated:
                    joining.accept(key=key, by=request.user, **form.cleaned_data)
                    return self.led_on(redirect(self.goal))
                user = joining.accept_anew(key=key, **form.cleaned_data)
                return self.led_on(perform_login(request, user, redirect_url=self.goal))
            except Missing:
                raise
            except Refused as refused:
                add_refusal(form, refused)
        return self.show(form, status=400)

    def form(self, data=None) -> forms.Form | None:
        """What is asked of this person; nothing of whom only signing in helps."""
        invited = self.invitation
        if self.request.user.is_authenticated:
            return AcceptForm(data, invitation=invited, account=self.request.user)
        if joining.has_account(invited):
            return None
        names = {"first_name": invited.first_name, "last_name": invited.last_name}
        return AccountForm(data, initial=names)

    def language(self) -> str:
        """The one that was chosen in this browser, else the letter's."""
        chosen = settings.LANGUAGE_COOKIE_NAME in self.request.COOKIES
        return translation.get_language() if chosen else self.invitation.language

    def show(self, form: forms.Form | None, status: int = 200) -> HttpResponse:
        user, invited = self.request.user, self.invitation
        context: dict[str, Any] = {
            "form": form,
            "invitation": invited,
            "clinic": invited.facility.name,
            "inviter": invited.invited_by.get_full_name() if invited.invited_by else "",
            "is_for_portal": invited.role in PORTAL_ROLES,
            "is_another": user.is_authenticated and user.email.lower() != invited.email.lower(),
        }
        return render(self.request, "account/invitation.html", context, status=status)

    @property
    def goal(self) -> str:
        """Where she works from now on, or finds what is shared with her."""
        in_portal = self.invitation.role in PORTAL_ROLES
        return reverse("portal:home" if in_portal else "admin:index")

    def led_on(self, response: HttpResponse) -> HttpResponse:
        """In the clinic that invited her, whichever others she knows."""
        clinic = self.invitation.facility
        leave_facility(self.request, to=clinic.slug)
        text = gettext("You have accepted. Welcome to %(clinic)s.")
        messages.success(self.request, text % {"clinic": clinic.name})
        return response
