"""What the pages share on which somebody decides who sees a record."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Denied, Permission
from patients import ages, consent
from patients.portal.person import PersonPage
from patients.sharing import PLAIN, last_moment_of


class DecidesPage(PersonPage):
    """A page for who decides about the record that is shown."""

    permission = Permission.SHARING_MANAGE

    def get(self, request: HttpRequest, **address) -> HttpResponse:
        self.require_deciding()
        return self.open(**address)

    def post(self, request: HttpRequest, **address) -> HttpResponse:
        self.require_deciding()
        return self.sent(**address)

    def require_deciding(self) -> None:
        if not self.portal.shown.decides:
            raise Denied(Permission.SHARING_MANAGE)


class Confirmed(DecidesPage):
    """Asks before something ends that one tap does not bring back.

    A page says what is asked (`question`: title, body, confirm, keep), and what is done (`act`).
    """

    back = "portal:sharing"

    def open(self, **address) -> HttpResponse:
        return self.ask(self.thing(**address))

    def sent(self, **address) -> HttpResponse:
        thing = self.thing(**address)
        try:
            done = self.act(thing)
        except Refused as refused:
            messages.warning(self.request, refused.message)
        else:
            messages.success(self.request, done)
        return redirect(self.back)

    def ask(self, thing: Any) -> HttpResponse:
        return self.page("portal/confirm.html", {"back": self.back, **self.question(thing)})

    def thing(self, **address) -> Any:
        raise NotImplementedError

    def question(self, thing: Any) -> dict[str, Any]:
        raise NotImplementedError

    def act(self, thing: Any) -> str:
        """Do it, and say what was done."""
        raise NotImplementedError


def day_field(label) -> forms.DateField:
    """A day, typed as people write it: 15 12 2026, 15/12/2026, 2026-12-15."""
    return forms.DateField(
        label=label,
        help_text=_("For example, 15 12 2026. Empty means: until it is taken back."),
        required=False,
        input_formats=["%d %m %Y", "%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d"],
        widget=forms.DateInput(format="%d %m %Y"),
        error_messages={"invalid": _("Enter a day, like 15 12 2026.")},
    )


class SharedForm(forms.Form):
    """What somebody sees: the parts of the record, and apart from them what is confidential."""

    categories = forms.MultipleChoiceField(
        label=_("Parts of the record"), required=False, widget=forms.CheckboxSelectMultiple
    )
    confidential = forms.MultipleChoiceField(
        label=_("Confidential content"),
        help_text=_("It is kept apart: none of it is seen by the choices above."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args, patient, **options):
        super().__init__(*args, **options)
        private = consent.private_of(patient)
        self.fields["categories"].choices = [(one.value, one.label) for one in PLAIN]
        self.fields["confidential"].choices = [
            (one.value, one.label) for one in CONFIDENTIAL_KINDS if one not in private
        ]
        if not self.fields["confidential"].choices:
            del self.fields["confidential"]

    @property
    def wanted(self) -> set[Category]:
        chosen = [*self.cleaned_data["categories"], *self.cleaned_data.get("confidential", ())]
        return {Category(name) for name in chosen}


def chosen(categories) -> dict[str, list[str]]:
    """The first values of a `SharedForm`."""
    names = [Category(name).value for name in categories]
    return {"categories": names, "confidential": names}


def end_of(day: date | None, facility) -> datetime | None:
    """The moment at which a day is over on the clinic's clocks."""
    return ages.begins(day + timedelta(days=1), facility.zone) if day else None


def day_before(end: datetime | None, facility) -> date | None:
    """The last day on which something holds that ends at that moment."""
    return last_moment_of(end).astimezone(facility.zone).date() if end else None
