"""Holidays of the clinic, and when specialists are away; with the visits that these touch."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import Page
from clinic.backoffice.fields import day_field
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Permission, Reach
from scheduling import calendar, closures, hours
from scheduling.admin.day import note_seen
from scheduling.admin.shown import id_in


class HolidayForm(forms.Form):
    date = day_field(_("Date"))
    name = forms.CharField(label=_("Name"), max_length=100)


class LeaveForm(forms.Form):
    specialist = forms.ChoiceField(label=_("Specialist"))
    first_day = day_field(_("First day"))
    last_day = day_field(_("Last day"))

    def __init__(self, *args, specialists, **kwargs):
        super().__init__(*args, **kwargs)
        self.people = {str(one.pk): one for one in specialists}
        self.fields["specialist"].choices = [(one.pk, one.display_name) for one in specialists]


class ClosuresPage(Page):
    """What is closed when; who sets it adds and takes back."""

    required = Permission.CALENDAR_VIEW
    title = _("Holidays and leave")
    template_name = "admin/scheduling/closures.html"

    def get_context_data(self, **kwargs):
        today = timezone.localdate()
        actor, settable = self.request.actor, self.settable()
        leaves = list(closures.leaves().filter(last_day__gte=today))
        holidays = list(closures.holidays().filter(date__gte=today))
        context: dict[str, Any] = {
            "holidays": holidays,
            "leaves": [(one, hours.may_set(one.specialist)) for one in leaves],
            "touched": self.touched(holidays, leaves),
            "sets_holidays": actor.may(Permission.AVAILABILITY_MANAGE)
            and actor.reach == Reach.FACILITY,
            "holiday_form": HolidayForm(),
            "leave_form": LeaveForm(specialists=settable) if settable else None,
        }
        return super().get_context_data(**context | kwargs)

    def settable(self) -> list:
        known = [one for one in calendar.specialists() if hours.may_set(one)]
        return sorted(known, key=lambda one: one.display_name.casefold())

    def touched(self, holidays: list, leaves: list) -> list:
        """The visits still to come on these days."""
        days = {one.date for one in holidays}
        away = [(one.specialist_id, one.first_day, one.last_day) for one in leaves]
        lasts = [*days, *(last for _pk, _first, last in away)]
        if not lasts:
            return []
        rows = closures.touched(
            self.request.user, timezone.localdate(), min(max(lasts), furthest())
        )
        found = []
        for visit in rows:
            day = timezone.localtime(visit.start_datetime).date()
            gone = any(visit.specialist_id == pk and a <= day <= b for pk, a, b in away)
            if day in days or gone:
                found.append(visit)
        note_seen(found)
        return found

    def post(self, request, *args, **kwargs) -> HttpResponse:
        request.actor.require(Permission.AVAILABILITY_MANAGE)
        verb = next((name for name in VERBS if name in request.POST), None)
        if verb is None:
            raise Http404
        return getattr(self, verb)(request.POST)

    def carry_out(self, name: str, form: forms.Form, verb) -> HttpResponse:
        if form.is_valid():
            try:
                verb(form)
                return self.told(gettext("It is saved. Visits that are booked stay."))
            except Refused as refused:
                add_refusal(form, refused)
        return self.render_to_response(self.get_context_data(**{name: form}), status=400)

    def told(self, text: str) -> HttpResponse:
        messages.success(self.request, text)
        return HttpResponseRedirect(reverse("admin:closures"))

    def add_holiday(self, data) -> HttpResponse:
        def verb(form):
            said = form.cleaned_data
            closures.keep_holiday(on=said["date"], name=said["name"], by=self.request.user)

        return self.carry_out("holiday_form", HolidayForm(data), verb)

    def add_leave(self, data) -> HttpResponse:
        def verb(form):
            said = dict(form.cleaned_data)
            whom = form.people[said.pop("specialist")]
            closures.take_leave(specialist=whom, by=self.request.user, **said)

        form = LeaveForm(data, specialists=self.settable())
        return self.carry_out("leave_form", form, verb)

    def drop_holiday(self, data) -> HttpResponse:
        row = closures.holidays().filter(pk=id_in(data["drop_holiday"])).first()
        if row is None:
            raise Http404
        closures.drop_holiday(holiday=row, by=self.request.user)
        return self.told(gettext("The clinic receives on that date again."))

    def end_leave(self, data) -> HttpResponse:
        row = closures.leaves().filter(pk=id_in(data["end_leave"])).first()
        if row is None:
            raise Http404
        closures.end_leave(leave=row, by=self.request.user)
        return self.told(gettext("The leave is taken back."))


VERBS = ("add_holiday", "add_leave", "drop_holiday", "end_leave")


def furthest():
    """How far ahead touched visits are looked for."""
    return timezone.localdate() + timedelta(days=730)
