"""Language and appearance, how one is reached, and the way to the account's own pages."""

from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import formats, translation
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from clinic import channels, preferences, staffing
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.models import Channel
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


class ReachForm(forms.Form):
    """By which ways a person is told of visits, and when not. What may be chosen is judged by
    `preferences.set_reach`."""

    channels = forms.MultipleChoiceField(
        label=_("Tell me of my visits by"), widget=forms.CheckboxSelectMultiple, required=False
    )
    quiet_from = forms.TimeField(
        label=_("No messages from"), required=False, help_text=_("For example, 22:00."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    quiet_until = forms.TimeField(
        label=_("No messages until"), required=False, help_text=_("For example, 07:30."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    timezone = forms.ChoiceField(
        label=_("My time zone"), required=False,
        help_text=_("Where you live, if that is not where the clinic is."),
    )  # fmt: skip

    def __init__(self, *args, facility, kept=(), **kwargs):
        super().__init__(*args, **kwargs)
        possible = {*channels.offered(), *kept}
        self.fields["channels"].choices = [
            (one.value, one.label) for one in Channel if one in possible
        ]
        self.fields["timezone"].choices = [
            ("", _("The clinic’s (%(zone)s)") % {"zone": place(facility.timezone)}),
            *((name, name.replace("_", " ")) for name in sorted(available_timezones())),
        ]
        hours = {"from": facility.quiet_from, "until": facility.quiet_until}
        self.quiet = {name: formats.time_format(at, "TIME_FORMAT") for name, at in hours.items()}


def place(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


class Settings(PersonPage):
    """The account's settings: a person's own, whoever's record is shown."""

    permission = Permission.ACCOUNT_USE

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show()

    def post(self, request: HttpRequest) -> HttpResponse:
        if "reach" in request.POST:
            return self.set_reach(request)
        form = PreferencesForm(request.POST)
        if form.is_valid():
            try:
                preferences.choose(user=request.user, **form.cleaned_data, by=request.user)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                return self.saved(request)
        return self.show(form=form, status=400)

    def set_reach(self, request: HttpRequest) -> HttpResponse:
        form = self.reach_form(request.POST)
        if form.is_valid():
            try:
                preferences.set_reach(user=request.user, **form.cleaned_data, by=request.user)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                return self.saved(request)
        return self.show(reach=form, status=400)

    def saved(self, request: HttpRequest) -> HttpResponse:
        with translation.override(request.user.preferred_language):
            messages.success(request, gettext("Your settings are saved."))
        response = redirect("portal:settings")
        preferences.remember(request.user, response)
        return response

    def show(self, status: int = 200, **given: forms.Form) -> HttpResponse:
        context = {
            "form": given.get("form") or self.look_form(),
            "reach": given.get("reach") or self.reach_form(),
            "wrong": next(iter(given.values()), None),
            "account": self.request.user,
            "second_factor": staffing.has_second_factor(self.request.user),
        }
        return self.page("portal/settings.html", context, status=status)

    def look_form(self) -> PreferencesForm:
        user = self.request.user
        language = user.preferred_language or get_language()
        return PreferencesForm(initial={"language": language, "theme": user.theme})

    def reach_form(self, data=None) -> ReachForm:
        user = self.request.user
        kept = {name: getattr(user, name) for name in preferences.REACH}
        return ReachForm(data, initial=kept, facility=self.facility, kept=user.channels)
