"""Medicines in the portal: doses of today, reminders, travelling, how regularly one takes them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients import health
from patients.models import Medication
from patients.portal import PersonPage
from scheduling.availability import ZONES
from scheduling.medicines import adherence, journeys, reminders, taking, today
from scheduling.medicines.clocks import Clock
from scheduling.models import MedicationReminder, ReminderLog
from scheduling.portal.reminding import ReminderForm

LATER = 30  # minutes


class MedicinesPage(PersonPage):
    """A page about the medicines of the person shown, by the clock of where she is."""

    permission = Permission.CHART_VIEW
    needs = (Category.MEDICATIONS,)

    @cached_property
    def clock(self) -> Clock:
        return journeys.clock_of(self.patient.pk)

    def page(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        zone = self.clock.zone_at(timezone.now())
        with timezone.override(zone):
            return super().page(template, {"zone": zone.key, **context}, status=status)

    def reminders(self):
        rows = reminders.reminders(self.request.user)
        return rows.filter(patient=self.patient, ends_at=None)


class ActingPage(MedicinesPage):
    permission = Permission.MEDICINE_REMIND
    is_for_acting = True


class Medicines(MedicinesPage):
    """What is to be taken today, and of what one is reminded."""

    def get(self, request: HttpRequest) -> HttpResponse:
        doses = today.of(patient=self.patient, by=request.user)
        taken = health.visible_to(request.user, Medication).filter(patient=self.patient)
        reminders = list(self.reminders())
        known = list(taken.active().order_by("-id")[: health.MOST])
        reminded = {row.medication_id for row in reminders}
        last = self.clock.shown(timezone.now()).date()
        figures = adherence.recent(patient=self.patient, by=request.user)
        trail.read(
            MedicationReminder._meta.label_lower, [(row.pk, row.patient_id) for row in reminders]
        )
        return self.page(
            "portal/medicines.html",
            {
                "today": last,
                "doses": doses,
                "as_needed": [
                    row for row in reminders if row.pattern == MedicationReminder.Pattern.AS_NEEDED
                ],
                "as_needed_today": self.as_needed_today(last),
                "reminders": reminders,
                "without": [one for one in known if one.pk not in reminded],
                "figures": figures,
                "later": LATER,
                "is_travelling": self.clock.zone_at(timezone.now()).key != self.clock.home.key,
            },
        )

    def as_needed_today(self, day) -> list[tuple[ReminderLog, bool]]:
        begins = self.clock.first(datetime.combine(day, datetime.min.time()))
        rows = reminders.logs(self.request.user).filter(
            patient=self.patient, due_at=None, answered_at__gte=begins
        )
        return [
            (row, taking.can_undo(row, by=self.request.user))
            for row in rows.order_by("answered_at")
        ]


class Answer(ActingPage):
    """What is said of a dose that is due: taken, later, skipped, or taken back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        rows = reminders.logs(request.user).filter(patient=self.patient)
        return self.say(get_object_or_404(rows, pk=pk))

    def say(self, dose: ReminderLog) -> HttpResponse:
        by, said = self.request.user, self.request.POST.get("say")
        try:
            match said:
                case "take":
                    taking.take(dose=dose, by=by)
                    told = gettext("Noted as taken.")
                case "skip":
                    taking.skip(dose=dose, by=by)
                    told = gettext("Noted as skipped.")
                case "later":
                    taking.snooze(dose=dose, minutes=LATER, by=by)
                    told = gettext("You are reminded again in %(minutes)s minutes.")
                case "undo":
                    taking.undo(dose=dose, by=by)
                    told = gettext("Taken back.")
                case _:
                    raise Http404
        except Refused as refused:
            messages.error(self.request, refused.message)
        else:
            messages.success(self.request, told % {"minutes": LATER})
        return redirect("portal:medicines")


class AnswerEarly(Answer):
    """What is said of a dose before its time, or that a medicine was taken as needed."""

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        reminder = get_object_or_404(self.reminders(), pk=pk)
        try:
            if reminder.pattern == MedicationReminder.Pattern.AS_NEEDED:
                taking.take_as_needed(reminder=reminder, by=request.user)
                messages.success(request, gettext("Noted as taken."))
                return redirect("portal:medicines")
            due_at = moment(request.POST.get("due_at", ""))
            dose = taking.open_early(reminder=reminder, due_at=due_at, by=request.user)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("portal:medicines")
        return self.say(dose)


def moment(text: str) -> datetime:
    """The aware instant that a form of ours names; 404 for any other text."""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or timezone.is_naive(found):
        raise Http404
    return found


class Remind(ActingPage):
    """Set up a reminder of a medicine."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self.show(self.medicine(pk), ReminderForm(clock=self.clock))

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        medicine, form = self.medicine(pk), ReminderForm(request.POST, clock=self.clock)
        if form.is_valid():
            try:
                reminders.remind(medication=medicine, by=request.user, **form.said())
            except Refused as refused:
                form.refuse(refused)
            else:
                messages.success(request, gettext("The reminder is set."))
                return redirect("portal:medicines")
        return self.show(medicine, form, status=400)

    def medicine(self, pk: UUID) -> Medication:
        rows = health.visible_to(self.request.user, Medication).filter(patient=self.patient)
        return get_object_or_404(rows, pk=pk)

    def show(self, medicine, form, status=200, reminder=None) -> HttpResponse:
        context = {"medicine": medicine, "form": form, "reminder": reminder}
        return self.page("portal/medicine_remind.html", context, status=status)


class ChangeReminder(Remind):
    """Be reminded otherwise from now on."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        row = get_object_or_404(self.reminders(), pk=pk)
        form = ReminderForm(reminder=row, clock=self.clock)
        return self.show(row.medication, form, reminder=row)

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        row = get_object_or_404(self.reminders(), pk=pk)
        form = ReminderForm(request.POST, reminder=row, clock=self.clock)
        if form.is_valid():
            try:
                reminders.change(reminder=row, by=request.user, **form.said())
            except Refused as refused:
                form.refuse(refused)
            else:
                messages.success(request, gettext("The reminder is changed."))
                return redirect("portal:medicines")
        return self.show(row.medication, form, status=400, reminder=row)


class StopReminder(ActingPage):
    """Asks before a reminder ends."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        row = get_object_or_404(self.reminders(), pk=pk)
        return self.page(
            "portal/confirm.html",
            {
                "title": gettext("Stop this reminder?"),
                "body": gettext(
                    "You are not reminded of %(medicine)s any more. Stopping the medicine itself"
                    " is for you and your doctor to decide."
                )
                % {"medicine": row.medication.generic_name},
                "confirm": gettext("Yes, stop the reminder"),
                "gentle": True,
                "back": "portal:medicines",
            },
        )

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        row = get_object_or_404(self.reminders(), pk=pk)
        reminders.stop(reminder=row, by=request.user)
        messages.success(request, gettext("The reminder has stopped."))
        return redirect("portal:medicines")


class TravelForm(forms.Form):
    """Where one is. Which zones there are is judged by `journeys.travel`, too."""

    zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Type the first letters of the place, like “Lis” for Lisbon."),
    )

    def __init__(self, *args, clinic: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = sorted(
            ((name, label(name)) for name in ZONES if "/" in name or name == clinic),
            key=lambda one: one[1],
        )


def label(zone: str) -> str:
    """“Lisbon (Europe)”: the place leads, so that its letters find it."""
    area, _slash, place = zone.rpartition("/")
    named = f"{place} ({area})" if area else place
    return named.replace("_", " ").replace("/", ", ")


class Travel(ActingPage):
    """Say in which time zone one is."""

    def get(self, request: HttpRequest) -> HttpResponse:
        here = self.clock.zone_at(timezone.now()).key
        return self.show(TravelForm(initial={"zone": here}, clinic=self.facility.timezone))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = TravelForm(request.POST, clinic=self.facility.timezone)
        if form.is_valid():
            try:
                journeys.travel(patient=self.patient, by=request.user, **form.cleaned_data)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(request, gettext("Your medicines now follow the clock there."))
                return redirect("portal:medicines")
        return self.show(form, status=400)

    def show(self, form: TravelForm, status: int = 200) -> HttpResponse:
        return self.page("portal/medicine_travel.html", {"form": form}, status=status)
