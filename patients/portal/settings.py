"""Language and appearance, and the way to the account's own pages."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from clinic import preferences, staffing
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Permission
from patients.portal.person import PersonPage


class PreferencesForm(forms.Form):
    """How the pages look and read. What may be chosen is judged by `preferences.choose`."""

    language = forms.ChoiceField(label=_("Language"))
    theme = forms.ChoiceField(
        label=_("Appearance"), widget=forms.RadioSelect, choices=preferences.THEMES.items()
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = [
            (code, translation.get_language_info(code)["name_local"].capitalize())
            for code, _name in settings.LANGUAGES
        ]


class Settings(PersonPage):
    """The account's settings: a person's own, whoever's record is shown."""

    permission = Permission.ACCOUNT_USE

    def get(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        chosen = {"language": user.preferred_language or get_language(), "theme": user.theme}
        return self.show(PreferencesForm(initial=chosen))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PreferencesForm(request.POST)
        if form.is_valid():
            try:
                preferences.choose(user=request.user, **form.cleaned_data, by=request.user)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                return self.saved(request)
        return self.show(form, status=400)

    def saved(self, request: HttpRequest) -> HttpResponse:
        with translation.override(request.user.preferred_language):
            messages.success(request, gettext("Your settings are saved."))
        response = redirect("portal:settings")
        preferences.remember(request.user, response)
        return response

    def show(self, form: PreferencesForm, status: int = 200) -> HttpResponse:
        user = self.request.user
        context = {
            "form": form,
            "account": user,
            "second_factor": staffing.has_second_factor(user),
        }
        return self.page("portal/settings.html", context, status=status)
