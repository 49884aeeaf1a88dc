"""Waiting for a time: joining the list, seeing where one waits, and answering what is offered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Refused
from clinic.forms import add_refusal
from clinic.security import trail
from clinic.security.permissions import Permission
from clinic.templatetags.written import long_moment
from scheduling import calendar, waiting
from scheduling.models import WaitlistEntry, WaitlistOffer
from scheduling.offers import Slot
from scheduling.portal import clocks
from scheduling.portal.times import HOURS, PartOfDay
from scheduling.portal.visits import VisitsPage

WEEKDAYS = [
    (1, _("Monday")), (2, _("Tuesday")), (3, _("Wednesday")), (4, _("Thursday")), (5, _("Friday")),
    (6, _("Saturday")), (7, _("Sunday")),
]  # fmt: skip
DAYS_AHEAD = timedelta(days=60)


def day_field(label, **options) -> forms.DateField:
    return forms.DateField(
        label=label,
        help_text=_("For example, 15 12 2026."),
        input_formats=["%d %m %Y", "%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d"],
        widget=forms.DateInput(format="%d %m %Y"),
        error_messages={
            "invalid": _("Enter a day, like 15 12 2026."),
            "required": _("Enter a day, like 15 12 2026."),
        },
        **options,
    )


def clock_field(label, hint) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        help_text=hint,
        required=False,
        input_formats=["%H:%M", "%H.%M", "%H"],
        widget=forms.TimeInput(format="%H:%M", attrs={"maxlength": 5}),
        error_messages={"invalid": _("Enter a time with 24 hours, like 09:30 or 14:00.")},
    )


class WishForm(forms.Form):
    """What somebody waits for."""

    appointment_type = forms.ChoiceField(label=_("Kind of visit"))
    specialists = forms.MultipleChoiceField(
        label=_("Who you want to see"),
        help_text=_("Tick nobody, and anyone will do."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedMultipleChoiceField(
        label=_("On which days"),
        choices=WEEKDAYS,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one day.")},
    )
    from_time = clock_field(_("Not before"), _("For example, 14:00. Empty means: at any time."))
    until_time = clock_field(_("Over by"), _("For example, 17:30. Empty means: at any time."))
    first_day = day_field(_("From"))
    last_day = day_field(_("Until"))

    def __init__(self, *args, kinds, specialists, **options):
        super().__init__(*args, **options)
        self.fields["appointment_type"].choices = [(str(kind.pk), kind.name) for kind in kinds]
        self.fields["specialists"].choices = [
            (str(one.pk), one.display_name) for one in specialists
        ]


class WaitingPage(VisitsPage):
    """A page about what the person shown waits for."""

    def entries(self):
        return waiting.entries(self.request.user).filter(patient=self.patient)

    def offers(self):
        return waiting.offers(self.request.user).filter(patient=self.patient)


class Waiting(WaitingPage):
    """Where one waits, and what is offered."""

    def get(self, request: HttpRequest) -> HttpResponse:
        entries, offers = list(self.entries().waiting()), list(self.offers().open())
        note(WaitlistEntry, entries)
        note(WaitlistOffer, offers)
        offered = {offer.entry_id: offer for offer in offers}
        rows = [
            {"entry": one, "offer": offered.get(one.pk), "place": waiting.ahead_of(one) + 1,
             "days": days_of(one)}
            for one in entries
        ]  # fmt: skip
        return self.page("portal/waiting.html", {"rows": rows})


class JoinWaiting(WaitingPage):
    """Say what one waits for."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True

    def form(self, data=None, **initial: Any) -> WishForm:
        kinds = calendar.types().filter(bookable_by__contains=[self.booker]).order_by("name")
        specialists = sorted(calendar.specialists(), key=lambda one: one.display_name)
        return WishForm(data, kinds=kinds, specialists=specialists, initial=initial)

    def get(self, request: HttpRequest) -> HttpResponse:
        today, asked = timezone.localdate(), request.GET
        begins, ends = (None, None)
        if asked.get("part", "") in PartOfDay:
            begins, ends = HOURS[PartOfDay(asked["part"])]
        return self.show(
            self.form(
                appointment_type=asked.get("appointment_type"),
                specialists=[asked["specialist"]] if asked.get("specialist") else [],
                days=[number for number, _name in WEEKDAYS],
                from_time=begins if begins and begins.hour else None,
                until_time=ends if ends and not ends.minute else None,
                first_day=today,
                last_day=today + DAYS_AHEAD,
            )
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if form.is_valid():
            wish = dict(form.cleaned_data)
            kind = calendar.types().get(pk=wish.pop("appointment_type"))
            try:
                waiting.join(patient=self.patient, appointment_type=kind, by=request.user, **wish)
            except waiting.WaitsAlready as already:
                messages.info(request, already.message)
                return redirect("portal:waiting")
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(
                    request,
                    gettext("You are on the waiting list. We tell you when a time is free."),
                )
                return redirect("portal:waiting")
        return self.show(form, status=400)

    def show(self, form: WishForm, status: int = 200) -> HttpResponse:
        return self.page("portal/waiting_join.html", {"form": form}, status=status)


class WithdrawWaiting(WaitingPage):
    """Asks before one waits no longer."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        entry = get_object_or_404(self.entries(), pk=pk)
        note(WaitlistEntry, [entry])
        if entry.status != WaitlistEntry.Status.WAITING:
            return redirect("portal:waiting")
        return self.page("portal/waiting_withdraw.html", {"entry": entry})

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        entry = get_object_or_404(self.entries(), pk=pk)
        try:
            waiting.withdraw(entry=entry, by=request.user)
        except Conflict as conflict:
            messages.info(request, conflict.message)
        else:
            messages.success(request, gettext("You do not wait any more."))
        return redirect("portal:waiting")


class AnswerOffer(WaitingPage):
    """A time that is free and kept for one who waits: she takes it, or leaves it to the next."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True

    def offer(self, pk: UUID) -> WaitlistOffer:
        offer = get_object_or_404(self.offers(), pk=pk)
        note(WaitlistOffer, [offer])
        return offer

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        offer = self.offer(pk)
        if offer.status == WaitlistOffer.Status.ACCEPTED and offer.appointment_id:
            return redirect("portal:visit", offer.appointment_id)
        return self.show(offer)

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        offer = self.offer(pk)
        if offer.status == WaitlistOffer.Status.ACCEPTED and offer.appointment_id:
            return redirect("portal:visit", offer.appointment_id)  # sent twice
        try:
            if "decline" in request.POST:
                waiting.decline(offer=offer, by=request.user)
                messages.success(request, gettext("The time goes to the next. You go on waiting."))
                return redirect("portal:waiting")
            visit = waiting.accept(offer=offer, by=request.user)
        except waiting.OfferEnded:
            return self.show(self.offer(pk))
        except Refused as refused:
            return self.show(offer, problem=str(refused.message))
        when = long_moment(timezone.localtime(visit.start_datetime))
        messages.success(request, gettext("Your visit is booked: %(when)s.") % {"when": when})
        return redirect("portal:visit", visit.pk)

    def show(self, offer: WaitlistOffer, problem: str = "") -> HttpResponse:
        is_open = offer.status == WaitlistOffer.Status.OPEN and offer.expires_at > timezone.now()
        context = {
            "offer": offer,
            "type": offer.entry.appointment_type,
            "slot": Slot(offer.specialist, offer.start_datetime, offer.end_datetime),
            "is_open": is_open,
            "problem": problem,
            "clocks": clocks.differing(self.request.user, self.facility, offer.start_datetime),
        }
        status = 400 if problem else 200 if is_open else 409
        return self.page("portal/waiting_offer.html", context, status=status)


def days_of(entry: WaitlistEntry) -> str:
    """The days of the week on which one waits; nothing where any will do."""
    if len(entry.days) == len(WEEKDAYS):
        return ""
    names = dict(WEEKDAYS)
    return ", ".join(str(names[number]) for number in entry.days)


def note(model, rows: list) -> None:
    """Note on the trail that they were looked at."""
    trail.read(model._meta.label_lower, [(row.pk, row.patient_id) for row in rows])
