"""When a specialist can be booked: the week, and dates that differ from it."""

from datetime import date, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic import specialists
from clinic.backoffice import Page
from clinic.backoffice.fields import clock_field, day_field
from clinic.errors import Invalid, Refused
from clinic.forms import add_refusal
from clinic.models import Specialist
from clinic.security.permissions import Permission
from scheduling import hours
from scheduling.models import AvailabilityBlock

STRETCHES = 3  # of a day, such as morning, afternoon and evening


def _stretch_end(label) -> forms.TimeField:
    return clock_field(label, css="cr-input", required=False)


class WeekForm(forms.Form):
    """For each day up to three stretches, each from and until."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for day in range(1, 8):
            for place in range(STRETCHES):
                names = {"day": WEEKDAYS[day - 1], "number": place + 1}
                start, end = self.names(day, place)
                self.fields[start] = _stretch_end(_("%(day)s %(number)d, from") % names)
                self.fields[end] = _stretch_end(_("%(day)s %(number)d, until") % names)

    @staticmethod
    def names(day: int, place: int) -> tuple[str, str]:
        return f"from_{day}_{place}", f"until_{day}_{place}"

    @staticmethod
    def initial_of(blocks: list[AvailabilityBlock]) -> dict[str, time]:
        initial: dict[str, time] = {}
        places = dict.fromkeys(range(1, 8), 0)
        for block in sorted(blocks, key=lambda one: one.start_time):
            if places[block.day_of_week] < STRETCHES:
                start, end = WeekForm.names(block.day_of_week, places[block.day_of_week])
                initial |= {start: block.start_time, end: block.end_time}
                places[block.day_of_week] += 1
        return initial

    def rows(self) -> list[dict[str, Any]]:
        """The days as the page draws them."""
        return [
            {
                "name": WEEKDAYS[day - 1],
                "stretches": [
                    tuple(self[name] for name in self.names(day, place))
                    for place in range(STRETCHES)
                ],
            }
            for day in range(1, 8)
        ]

    def clean(self):
        cleaned = super().clean()
        self.week: dict[int, list[hours.Interval]] = {day: [] for day in range(1, 8)}
        for day in range(1, 8):
            for place in range(STRETCHES):
                start, end = (cleaned.get(name) for name in self.names(day, place))
                if start and end:
                    self.week[day].append((start, end))
                elif start or end:
                    missing = self.names(day, place)[1 if start else 0]
                    self.add_error(missing, _("Enter both times, or none."))
        return cleaned


def fold_field(label) -> forms.TypedChoiceField:
    """Which of two equal times of a clock change; asked for only where there are two."""
    choices = [("", "–"), ("0", _("The first")), ("1", _("The second"))]
    return forms.TypedChoiceField(
        label=label, choices=choices, coerce=int, empty_value=None, required=False
    )


class DateForm(forms.Form):
    """One date that differs from the week: closed, or other hours."""

    exception_date = day_field(_("Date"))
    start_time = clock_field(_("From"), required=False)
    end_time = clock_field(_("Until"), required=False)
    is_closed = forms.BooleanField(label=_("Closed all day"), required=False)
    start_fold = fold_field(_("“From” comes twice on that date. Which one?"))
    end_fold = fold_field(_("“Until” comes twice on that date. Which one?"))


class HoursPage(Page):
    """The week of one specialist and the dates that differ; changed by who may set these hours."""

    required = Permission.CALENDAR_VIEW
    title = _("Hours")
    template_name = "admin/scheduling/hours.html"

    @cached_property
    def specialist(self) -> Specialist:
        found = specialists.known().filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found

    @cached_property
    def blocks(self) -> list[AvailabilityBlock]:
        return list(hours.blocks().filter(specialist=self.specialist))

    def weekly(self) -> list[AvailabilityBlock]:
        """The hours of every week; those of a season are changed one by one."""
        return [
            block for block in self.blocks
            if block.exception_date is None and not (block.valid_from or block.valid_until)
        ]  # fmt: skip

    def each(self) -> list[tuple[str, AvailabilityBlock]]:
        """All weekly hours with the name of their day, those of a season among them."""
        rows = [block for block in self.blocks if block.exception_date is None]
        rows.sort(key=lambda block: (block.day_of_week, block.start_time))
        return [(WEEKDAYS[block.day_of_week - 1], block) for block in rows]

    def exceptions(self, today: date) -> list[AvailabilityBlock]:
        rows = [b for b in self.blocks if b.exception_date and b.exception_date >= today]
        return sorted(rows, key=lambda block: (block.exception_date, block.start_time or time()))

    def get_context_data(self, **kwargs):
        week_form = kwargs.pop("week_form", None)
        return super().get_context_data(
            specialist=self.specialist,
            may_set=hours.may_set(self.specialist),
            week_form=week_form or WeekForm(initial=WeekForm.initial_of(self.weekly())),
            date_form=kwargs.pop("date_form", None) or DateForm(),
            exceptions=self.exceptions(timezone.localdate()),
            each=self.each(),
            **kwargs,
        )

    def post(self, request: HttpRequest, pk) -> HttpResponse:
        if "withdraw" in request.POST:
            return self.withdraw(request.POST["withdraw"])
        if "add_date" in request.POST:
            return self.carry_out("date_form", DateForm(request.POST), self.add_date)
        return self.carry_out("week_form", WeekForm(request.POST), self.set_week)

    def carry_out(self, name: str, form: forms.Form, verb) -> HttpResponse:
        if form.is_valid():
            try:
                verb(form)
                messages.success(self.request, gettext("The hours are saved."))
                return redirect("admin:hours", self.specialist.pk)
            except Refused as refused:
                add_refusal(form, refused)
        return self.render_to_response(self.get_context_data(**{name: form}), status=400)

    def set_week(self, form: WeekForm) -> None:
        try:
            hours.set_week(specialist=self.specialist, week=form.week, by=self.request.user)
        except Invalid as wrong:
            days = {name.removeprefix("day_"): texts for name, texts in wrong.fields.items()}
            fields = {WeekForm.names(int(day), 0)[0]: texts for day, texts in days.items()}
            raise Invalid(wrong.message, fields=fields) from wrong

    def add_date(self, form: DateForm) -> None:
        hours.set_hours(specialist=self.specialist, by=self.request.user, **form.cleaned_data)

    def withdraw(self, which: str) -> HttpResponse:
        block = next((one for one in self.blocks if str(one.pk) == which), None)
        if block is None:
            raise Http404
        hours.remove(block=block, by=self.request.user)
        messages.success(self.request, gettext("The hours are taken back."))
        return redirect("admin:hours", self.specialist.pk)
