"""Calendars beyond the clinic: one's own at a private address, and those kept elsewhere whose busy
times are taken."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import Page
from clinic.backoffice.page import FormPage
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Permission
from scheduling import calendar, hours
from scheduling.ics import busy, feeds
from scheduling.models import BusyCalendar, CalendarFeed
from scheduling.portal.calendars import webcal

ADDRESS, FILE = "address", "file"


class AddForm(forms.Form):
    """A calendar kept elsewhere: whose it is, and where it is read."""

    specialist = forms.ChoiceField(label=_("Specialist"))
    name = forms.CharField(label=_("Name"), max_length=100)
    url = forms.CharField(
        label=_("Address"),
        max_length=2000,
        required=False,
        help_text=_("The private address that ends in .ics. It is read every 15 minutes."),
    )
    file = forms.FileField(
        label=_("Or a file"),
        required=False,
        allow_empty_file=True,
        help_text=_("An .ics file, at most 5 MB. It is read once."),
    )

    def __init__(self, *args, specialists, **kwargs):
        super().__init__(*args, **kwargs)
        self.people = {str(one.pk): one for one in specialists}
        self.fields["specialist"].choices = [(one.pk, one.display_name) for one in specialists]
        self.fields["file"].widget.attrs["accept"] = ".ics,text/calendar"


class CalendarsPage(Page):
    """What the person has of both; who sets hours adds calendars and reads them again."""

    required = Permission.CALENDAR_VIEW
    title = _("Connected calendars")
    template_name = "admin/scheduling/calendars.html"

    def get_context_data(self, **kwargs) -> dict[str, Any]:
        settable = self.settable()
        context: dict[str, Any] = {
            "is_specialist": calendar.specialists().filter(user=self.request.user).exists(),
            "feeds": own_feeds(self.request.user),
            "address": "",
            "elsewhere": list(busy.calendars().order_by("name")) if settable else [],
            "form": AddForm(specialists=settable) if settable else None,
        }
        context |= kwargs
        context["webcal"] = webcal(context["address"])
        return super().get_context_data(**context)

    def settable(self) -> list:
        known = [one for one in calendar.specialists() if hours.may_set(one)]
        return sorted(known, key=lambda one: one.display_name.casefold())

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if "open" in request.POST:
            return self.open()
        if "read" in request.POST:
            return self.read(request.POST["read"])
        return self.add()

    def open(self) -> HttpResponse:
        try:
            _feed, address = feeds.open_feed(
                scope=CalendarFeed.Scope.SPECIALIST, by=self.request.user
            )
        except Refused as refused:
            messages.error(self.request, refused.message)
            return HttpResponseRedirect(reverse("admin:calendars"))
        return self.render_to_response(self.get_context_data(address=address))

    def read(self, named: str) -> HttpResponse:
        row = next((one for one in busy.calendars() if str(one.pk) == named), None)
        if row is None:
            raise Http404
        row = busy.refresh(calendar=row, by=self.request.user)
        if row.failure:
            messages.error(self.request, row.get_failure_display())
        else:
            messages.success(self.request, gettext("The calendar is read."))
        return HttpResponseRedirect(reverse("admin:calendars"))

    def add(self) -> HttpResponse:
        self.request.actor.require(Permission.AVAILABILITY_MANAGE)
        form = AddForm(self.request.POST, self.request.FILES, specialists=self.settable())
        if form.is_valid():
            said = form.cleaned_data
            file = said["file"].read() if said["file"] is not None else None
            try:
                busy.add_calendar(
                    specialist=form.people[said["specialist"]], name=said["name"], url=said["url"],
                    file=file, by=self.request.user,
                )  # fmt: skip
                messages.success(self.request, gettext("Its busy times are no longer offered."))
                return HttpResponseRedirect(reverse("admin:calendars"))
            except Refused as refused:
                add_refusal(form, refused)
        return self.render_to_response(self.get_context_data(form=form), status=400)


def own_feeds(user) -> list[CalendarFeed]:
    return list(feeds.of_person(user).filter(scope=CalendarFeed.Scope.SPECIALIST))


class EndFeedPage(FormPage):
    """Asks before one's own calendar address ends."""

    required = Permission.CALENDAR_VIEW
    title = _("End this calendar address?")
    template_name = "admin/form.html"
    form_class = forms.Form

    @cached_property
    def feed(self) -> CalendarFeed:
        wanted = self.kwargs["pk"]
        found = next((one for one in own_feeds(self.request.user) if one.pk == wanted), None)
        if found is None:
            raise Http404
        return found

    def get_context_data(self, **kwargs):
        _found = self.feed
        return super().get_context_data(
            lead=_("Calendar programs that use it show nothing new from then on. You can open a new"
                   " address at any time."),
            submit=_("End the address"), icon="x", back=self.done(), **kwargs,
        )  # fmt: skip

    def carry_out(self, form) -> None:
        feeds.close(feed=self.feed, by=self.request.user)
        messages.success(self.request, gettext("The calendar address has ended."))

    def done(self) -> str:
        return reverse("admin:calendars")


class RemoveCalendarPage(FormPage):
    """Asks before a calendar kept elsewhere is forgotten."""

    required = Permission.AVAILABILITY_MANAGE
    title = _("Remove this calendar?")
    template_name = "admin/form.html"
    form_class = forms.Form

    @cached_property
    def calendar(self) -> BusyCalendar:
        found = busy.calendars().filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found

    def get_context_data(self, **kwargs):
        said = {"name": self.calendar.name, "specialist": self.calendar.specialist.display_name}
        return super().get_context_data(
            lead=_("The busy times of “%(name)s” of %(specialist)s can be booked from then on.")
            % said,
            submit=_("Remove the calendar"), icon="trash-2", back=self.done(), **kwargs,
        )  # fmt: skip

    def carry_out(self, form) -> None:
        busy.remove(calendar=self.calendar, by=self.request.user)
        messages.success(self.request, gettext("The calendar is removed."))

    def done(self) -> str:
        return reverse("admin:calendars")
