"""Visits in one's own calendar program: its private addresses."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Category, Permission
from patients import access
from patients.models import Patient
from patients.portal import PersonPage
from patients.portal.person import Person
from scheduling.ics import feeds
from scheduling.models import CalendarFeed

FAMILY = "family"


class OpenForm(forms.Form):
    """Whose visits the calendar is to show."""

    shows = forms.ChoiceField(label=_("Which visits"), widget=forms.RadioSelect)

    def __init__(self, *args, people: list[Person], **kwargs):
        super().__init__(*args, **kwargs)
        self.patients = {str(one.pk): one.patient for one in people}
        choices = [(str(one.pk), of_one(one)) for one in people]
        if len(people) > 1:
            choices.append((FAMILY, _("The whole family; relatives by their first names")))
        self.fields["shows"].choices = choices
        self.fields["shows"].initial = choices[0][0] if choices else None


def of_one(person: Person) -> str:
    if person.is_self:
        return gettext("My own visits")
    return gettext("Visits of %(name)s") % {"name": person.name}


def webcal(address: str) -> str:
    """The address in the form that opens the calendar of a device."""
    return "webcal:" + address.partition(":")[2]


class Calendars(PersonPage):
    """The addresses that the person opened, and opening another: its address is shown once."""

    permission = Permission.CALENDAR_VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(OpenForm(people=self.people()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = OpenForm(request.POST, people=self.people())
        if form.is_valid():
            patient = form.patients.get(form.cleaned_data["shows"])
            scope = CalendarFeed.Scope.PATIENT if patient else CalendarFeed.Scope.FAMILY
            try:
                _feed, address = feeds.open_feed(scope=scope, patient=patient, by=request.user)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                return self.show(OpenForm(people=self.people()), address=address)
        return self.show(form, status=400)

    def people(self) -> list[Person]:
        """Those whose visits the person sees."""
        seen = access.visible(
            Patient.objects.all(), self.request.user, category=Category.APPOINTMENTS, column="pk"
        )
        ids = set(seen.values_list("pk", flat=True))
        return [one for one in self.portal.people if one.pk in ids]

    def show(self, form: OpenForm, address: str = "", status: int = 200) -> HttpResponse:
        names = {one.pk: of_one(one) for one in self.people()}
        rows = feeds.of_person(self.request.user).exclude(scope=CalendarFeed.Scope.SPECIALIST)
        context = {
            "form": form,
            "feeds": [(row, names.get(row.patient_id, "")) for row in rows],
            "address": address,
            "webcal": webcal(address),
        }
        return self.page("portal/calendars.html", context, status=status)


class EndCalendar(PersonPage):
    """Asks before an address ends."""

    permission = Permission.CALENDAR_VIEW

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        self.feed(pk)
        context = {
            "title": gettext("End this calendar address?"),
            "body": gettext(
                "Calendar programs that use it show nothing new from then on. You can open a new"
                " address at any time."
            ),
            "confirm": gettext("Yes, end it"),
            "back": "portal:calendars",
        }
        return self.page("portal/confirm.html", context)

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        feeds.close(feed=self.feed(pk), by=request.user)
        messages.success(request, gettext("The calendar address has ended."))
        return redirect("portal:calendars")

    def feed(self, pk: UUID) -> CalendarFeed:
        return get_object_or_404(feeds.of_person(self.request.user), pk=pk)
