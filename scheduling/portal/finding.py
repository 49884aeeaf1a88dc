"""Booking a visit in three steps, each a plain form on the same address: what for, when, check."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Invalid
from clinic.forms import add_refusal
from clinic.models import Specialist
from clinic.security.permissions import Permission
from clinic.templatetags.written import long_moment
from scheduling import booking, calendar, offers
from scheduling.models import AppointmentType
from scheduling.offers import Offers, Slot
from scheduling.portal.visits import LONGEST_REASON, VisitsPage


class ReasonForm(forms.Form):
    """What the person wants to say before the visit."""

    reason = forms.CharField(
        label=_("What is it about?"),
        help_text=_("Your care team reads it before the visit. A few words are enough."),
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class BookVisit(VisitsPage):
    """Choose a kind of visit and a specialist, then a time, then check and book."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True

    @cached_property
    def kinds(self) -> list[AppointmentType]:
        return list(calendar.types().filter(portal_bookable=True).order_by("name"))

    @cached_property
    def specialists(self) -> list[Specialist]:
        return sorted(calendar.specialists(), key=lambda specialist: specialist.display_name)

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET
        kind = by_id(self.kinds, asked.get("appointment_type"))
        if kind is None or "change" in asked:
            return self.choose(kind)
        if "slot" in asked:
            return self.confirm(kind, asked["slot"])
        return self.time(kind, problem=gettext("Choose a time.") if "pick" in asked else "")

    def post(self, request: HttpRequest) -> HttpResponse:
        kind = by_id(self.kinds, request.POST.get("appointment_type"))
        if kind is None:
            return self.choose(None, status=400)
        try:
            specialist, start = offers.parse(request.POST.get("slot", ""), self.specialists)
        except offers.BadSlot:
            return self.time(kind, problem=gettext("Choose a time."))
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self.check(kind, self.offered(kind, specialist, start), form)
        return self.book(kind, specialist, start, form)

    def book(
        self, kind: AppointmentType, specialist: Specialist, start: datetime, form: ReasonForm
    ) -> HttpResponse:
        try:
            visit = booking.book(
                patient=self.patient,
                specialist=specialist,
                appointment_type=kind,
                start=start,
                reason=form.cleaned_data["reason"],
                by=self.request.user,
            )
        except Conflict as conflict:
            if already := self.booked_already(specialist, start):
                return redirect("portal:visit", already.pk)
            return self.time(kind, problem=conflict.message)
        except Invalid as invalid:
            add_refusal(form, invalid)
            return self.check(kind, self.offered(kind, specialist, start), form)
        text = gettext("Your visit is booked: %(when)s.")
        messages.success(self.request, text % {"when": long_moment(timezone.localtime(start))})
        return redirect("portal:visit", visit.pk)

    def booked_already(self, specialist: Specialist, start: datetime):
        """The same visit, where the form was sent twice."""
        return (
            self.visits()
            .standing()
            .filter(specialist=specialist, start_datetime=start, booked_by_id=self.request.user.pk)
            .first()
        )

    def choose(self, kind: AppointmentType | None, status: int = 200) -> HttpResponse:
        specialist = by_id(self.specialists, self.request.GET.get("specialist"))
        return self.step(
            1,
            {
                "types": self.kinds,
                "chosen_type": kind.pk if kind else None,
                "specialists": self.specialists,
                "chosen_specialist": specialist.pk if specialist else None,
            },
            status,
        )

    def time(self, kind: AppointmentType, problem: str = "") -> HttpResponse:
        """The days and the free times of the chosen one, or of the first with a free time."""
        asked = self.request.POST if self.request.method == "POST" else self.request.GET
        specialist = by_id(self.specialists, asked.get("specialist"))
        wanted = day_in(asked.get("day"))
        first = day_in(asked.get("from")) or wanted or timezone.localdate()
        found = self.offers(kind, [specialist] if specialist else self.specialists, first)
        days = found.days()
        day = chosen_day(days, wanted)
        address = {"appointment_type": kind.pk, "specialist": specialist.pk if specialist else ""}
        return self.step(
            2,
            {
                "type": kind,
                "specialist": specialist,
                "days": [
                    {
                        "date": one.date,
                        "count": one.count,
                        "is_chosen": one.date == day,
                        "href": book_url(**address, day=one.date, **{"from": found.first}),
                    }
                    for one in days
                ],
                "day": day,
                "groups": found.groups(day) if day else [],
                "problem": problem,
                **self.neighbours(found, address),
            },
            400 if problem else 200,
        )

    def neighbours(self, found: Offers, address: dict[str, Any]) -> dict[str, str]:
        """The addresses of the days before and after those shown."""
        step, today = timedelta(days=offers.DAYS), timezone.localdate()
        earlier, later = max(found.first - step, today), found.first + step
        return {
            "earlier": book_url(**address, **{"from": earlier}) if found.first > today else "",
            "later": (
                book_url(**address, **{"from": later}) if later <= today + offers.FURTHEST else ""
            ),
        }

    def confirm(self, kind: AppointmentType, value: str) -> HttpResponse:
        try:
            specialist, start = offers.parse(value, self.specialists)
        except offers.BadSlot:
            return self.time(kind, problem=gettext("Choose a time."))
        slot = self.offered(kind, specialist, start)
        if slot is None:
            problem = gettext("This time has just been taken. Choose another one.")
            return self.time(kind, problem=problem)
        return self.check(kind, slot, ReasonForm())

    def check(self, kind: AppointmentType, slot: Slot | None, form: ReasonForm) -> HttpResponse:
        if slot is None:
            return self.time(kind, problem=gettext("Choose a time."))
        day = timezone.localtime(slot.start).date()
        anyone = not self.request.GET.get("specialist")
        back = book_url(
            appointment_type=kind.pk, specialist="" if anyone else slot.specialist.pk, day=day
        )
        context = {"type": kind, "slot": slot, "form": form, "back": back}
        return self.step(3, context, 400 if form.errors else 200)

    def offers(self, kind: AppointmentType, specialists: list[Specialist], first: date) -> Offers:
        return Offers(facility=self.facility, specialists=specialists, kind=kind, first=first)

    def offered(self, kind: AppointmentType, specialist: Specialist, start: datetime):
        first = timezone.localtime(start).date()
        return self.offers(kind, [specialist], first).slot(specialist, start)

    def step(self, number: int, context: dict[str, Any], status: int = 200) -> HttpResponse:
        context = {"step": number, "form": None, **context}
        return self.page("portal/book.html", context, status=status)


def by_id(rows: list, text: str | None):
    """The row whose key is written so, or None."""
    return next((row for row in rows if str(row.pk) == text), None)


def day_in(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def chosen_day(days: list[offers.Day], wanted: date | None) -> date | None:
    """The day asked for, or the first with a free time."""
    if any(day.date == wanted for day in days):
        return wanted
    return next((day.date for day in days if day.count), None)


def book_url(**query: UUID | date | str) -> str:
    """The address of the booking page with the choices so far."""
    choices = QueryDict(mutable=True)
    choices.update({name: str(value) for name, value in query.items()})
    return f"{reverse('portal:book')}?{choices.urlencode()}"
