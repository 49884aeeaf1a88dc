"""Booking a visit on one page: for whom, what, when. Moving one is the same page."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, facility_of
from clinic.backoffice.fields import day_field
from clinic.models import Specialist
from clinic.security import trail
from clinic.security.permissions import Permission
from clinic.templatetags.written import long_moment
from patients import access
from patients.admin.find import FindForm, found
from patients.models import Patient
from scheduling import booking, calendar, offers
from scheduling.admin.day import day_in, note_seen
from scheduling.models import Appointment, AppointmentType
from scheduling.offers import Offers

MOST_MATCHES = 20
LONGEST_REASON = 500


class ChooseForm(forms.Form):
    """What for, with whom and from which day on."""

    appointment_type = forms.ChoiceField(label=_("Kind of visit"))
    specialist = forms.ChoiceField(label=_("Specialist"), required=False)
    day = day_field(_("Day"), required=False)

    def __init__(
        self, *args, kinds: list[AppointmentType], specialists: list[Specialist], **kwargs
    ):
        super().__init__(*args, **kwargs)
        self.fields["appointment_type"].choices = [
            (kind.pk, _("%(name)s, %(minutes)d min") % {"name": kind.name, "minutes": kind.minutes})
            for kind in kinds
        ]
        self.fields["specialist"].choices = [
            ("", _("Anyone")),
            *((one.pk, one.display_name) for one in specialists),
        ]


class SlotForm(forms.Form):
    """The time that was picked; the page draws it as buttons."""

    slot = forms.CharField(label=_("Free times"), error_messages={"required": _("Pick a time.")})
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


class QuickBookPage(FormPage):
    """Choose on the left (GET), book on the right (POST); with `?move=` a visit is moved."""

    required = Permission.APPOINTMENT_BOOK
    title = _("New visit")
    template_name = "admin/scheduling/quick_book.html"
    form_class = SlotForm
    booked: Appointment

    def get_context_data(self, **kwargs):
        query = self.request.GET.get("q", "").strip()
        offered = self.offers() if self.patient and self.kind else None
        day = self.day_of(offered) if offered else self.wanted_day
        return super().get_context_data(
            patient=self.patient,
            moved=self.moved,
            find_form=FindForm(initial={"q": query}),
            matches=found(self.request.user, query)[0][:MOST_MATCHES] if query else [],
            query=query,
            choose_form=self.choose_form(),
            groups=offered.groups(day) if offered else [],
            day=day,
            later=self.later(offered, day) if offered else "",
            **kwargs,
        )

    # What was chosen
    @cached_property
    def moved(self) -> Appointment | None:
        if not (named := self.request.GET.get("move")):
            return None
        visit = one_of(calendar.visits(self.request.user), named)
        if visit is None:
            raise Http404
        note_seen([visit], "detail")
        return visit

    @cached_property
    def patient(self) -> Patient | None:
        if self.moved:
            return self.moved.patient
        patient = one_of(access.visible_to(self.request.user), self.request.GET.get("patient"))
        if patient is None and self.request.GET.get("patient"):
            raise Http404
        if patient is not None:
            trail.read("patients.patient", [(patient.pk, patient.pk)])
        return patient

    @cached_property
    def kinds(self) -> list[AppointmentType]:
        return [self.moved.appointment_type] if self.moved else list(calendar.types())

    @cached_property
    def specialists(self) -> list[Specialist]:
        return sorted(calendar.specialists(), key=lambda one: one.display_name.casefold())

    @cached_property
    def kind(self) -> AppointmentType | None:
        named = self.request.GET.get("appointment_type")
        chosen = next((kind for kind in self.kinds if str(kind.pk) == named), None)
        return chosen or next(iter(self.kinds), None)

    @cached_property
    def chosen(self) -> list[Specialist]:
        named = self.request.GET.get("specialist")
        return [one for one in self.specialists if str(one.pk) == named] or self.specialists

    @cached_property
    def wanted_day(self) -> date | None:
        return day_in(self.request.GET.get("day"))

    def choose_form(self) -> ChooseForm:
        shown = {
            "appointment_type": self.kind.pk if self.kind else None,
            "specialist": self.request.GET.get("specialist", ""),
            "day": self.wanted_day or timezone.localdate(),
        }
        return ChooseForm(initial=shown, kinds=self.kinds, specialists=self.specialists)

    # What is free
    def offers(self) -> Offers:
        first = self.wanted_day or timezone.localdate()
        facility = facility_of(self.request)
        return Offers(facility=facility, specialists=self.chosen, kind=self.kind, first=first)

    def day_of(self, offered: Offers) -> date:
        """The day asked for; where none was, the first that has a free time."""
        free = [day.date for day in offered.days() if day.count]
        return offered.first if self.wanted_day or not free else free[0]

    def later(self, offered: Offers, day: date) -> str:
        following = [one.date for one in offered.days() if one.count and one.date > day]
        following = following or [offered.first + timedelta(days=offers.DAYS)]
        query = self.request.GET.copy()
        query["day"] = following[0].isoformat()
        return f"?{query.urlencode()}"

    # Booking
    def carry_out(self, form):
        if self.patient is None or self.kind is None:
            raise Http404
        try:
            specialist, start = offers.parse(form.cleaned_data["slot"], self.specialists)
        except offers.BadSlot as bad:
            raise booking.NotOffered(_("Pick a time.")) from bad
        if self.moved:
            self.booked = booking.reschedule(
                appointment=self.moved, start=start, specialist=specialist, by=self.request.user
            )
            text = gettext("The visit is moved to %(when)s.")
        else:
            self.booked = booking.book(
                patient=self.patient, specialist=specialist, appointment_type=self.kind,
                start=start, reason=form.cleaned_data["reason"], by=self.request.user,
            )  # fmt: skip
            text = gettext("The visit is booked: %(when)s.")
        when = long_moment(timezone.localtime(start))
        messages.success(self.request, text % {"when": when})

    def done(self) -> str:
        return reverse("admin:visit", args=[self.booked.pk])


def one_of(rows, named: str | None) -> Any:
    """The row with the id that an address names, or None."""
    try:
        return rows.filter(pk=UUID(named or "")).first()
    except ValueError:
        return None
