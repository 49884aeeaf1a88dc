"""The waiting list at the desk: who waits for what, what is offered to whom until when."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.functional import cached_property
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, Page
from clinic.backoffice.fields import clock_field, day_field
from clinic.errors import Missing, Refused
from clinic.security import trail
from clinic.security.permissions import Permission
from patients import access
from patients.admin.find import FindForm, found
from patients.models import Patient
from scheduling import calendar, waiting
from scheduling.admin.shown import id_in
from scheduling.models import WaitlistEntry, WaitlistOffer

MOST_MATCHES = 20


class WaitingPage(Page):
    """Who waits, by kind of visit and since when; accepted, declined or withdrawn on behalf."""

    required = Permission.CALENDAR_VIEW
    title = _("Waiting list")
    template_name = "admin/scheduling/waiting.html"

    def get_context_data(self, **kwargs):
        user = self.request.user
        rows = list(
            waiting.entries(user).waiting().order_by("appointment_type__name", "created_at")
        )
        seen = [(one.pk, one.patient_id) for one in rows]
        trail.read("scheduling.waitlistentry", seen, how="list")
        open_offers = {one.entry_id: one for one in waiting.offers(user).open()}
        return super().get_context_data(
            rows=[(one, open_offers.get(one.pk), days_of(one)) for one in rows],
            offered=len(open_offers),
            refusal=kwargs.pop("refusal", ""),
            may_book=self.request.actor.may(Permission.APPOINTMENT_BOOK),
            **kwargs,
        )

    def post(self, request, *args, **kwargs) -> HttpResponse:
        self.request.actor.require(Permission.APPOINTMENT_BOOK)
        verb = next((name for name in VERBS if name in request.POST), None)
        if verb is None:
            raise Http404
        try:
            return getattr(self, verb)(id_in(request.POST[verb]))
        except Missing as missing:
            raise Http404 from missing
        except Refused as refused:
            context = self.get_context_data(refusal=refused.message)
            return self.render_to_response(context, status=400)

    def withdraw(self, pk) -> HttpResponse:
        row = waiting.entries(self.request.user).filter(pk=pk).first() or WaitlistEntry(pk=pk)
        waiting.withdraw(entry=row, by=self.request.user)
        return self.told(gettext("The patient waits no longer."))

    def accept(self, pk) -> HttpResponse:
        visit = waiting.accept(offer=WaitlistOffer(pk=pk), by=self.request.user)
        messages.success(self.request, gettext("The offered time is booked."))
        return HttpResponseRedirect(reverse("admin:visit", args=[visit.pk]))

    def decline(self, pk) -> HttpResponse:
        waiting.decline(offer=WaitlistOffer(pk=pk), by=self.request.user)
        return self.told(gettext("The time goes to the next. The patient goes on waiting."))

    def told(self, text: str) -> HttpResponse:
        messages.success(self.request, text)
        return HttpResponseRedirect(reverse("admin:waiting"))


VERBS = ("withdraw", "accept", "decline")


def days_of(entry: WaitlistEntry) -> list[Any]:
    """The days on which one would come; none where it is any."""
    return [] if len(entry.days) == 7 else [WEEKDAYS[day - 1] for day in entry.days]


class JoinForm(forms.Form):
    """What a patient waits for, with whom and when."""

    appointment_type = forms.ChoiceField(label=_("Kind of visit"))
    specialists = forms.MultipleChoiceField(
        label=_("Specialists"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: anyone."),
    )  # fmt: skip
    days = forms.MultipleChoiceField(
        label=_("Days"), widget=forms.CheckboxSelectMultiple,
        choices=[(day + 1, name) for day, name in WEEKDAYS.items()], initial=list(range(1, 8)),
    )  # fmt: skip
    from_time = clock_field(pgettext_lazy("time", "From"), required=False)
    until_time = clock_field(pgettext_lazy("time", "Until"), required=False)
    first_day = day_field(_("First day"))
    last_day = day_field(_("Last day"))

    def __init__(self, *args, kinds, specialists, **kwargs):
        super().__init__(*args, **kwargs)
        self.kinds = {str(one.pk): one for one in kinds}
        self.people = {str(one.pk): one for one in specialists}
        self.fields["appointment_type"].choices = [(one.pk, one.name) for one in kinds]
        self.fields["specialists"].choices = [(one.pk, one.display_name) for one in specialists]


class JoinPage(FormPage):
    """Put a patient onto the waiting list: who it is first, then what she waits for."""

    required = Permission.APPOINTMENT_BOOK
    title = _("Add to the waiting list")
    template_name = "admin/scheduling/waiting_join.html"
    form_class = JoinForm

    @cached_property
    def patient(self) -> Patient | None:
        if not (asked := self.request.GET.get("patient")):
            return None
        patient = access.visible_to(self.request.user).filter(pk=id_in(asked)).first()
        if patient is None:
            raise Http404
        trail.read("patients.patient", [(patient.pk, patient.pk)])
        return patient

    def form_arguments(self):
        today = timezone.localdate()
        known = sorted(calendar.specialists(), key=lambda one: one.display_name.casefold())
        return {
            "initial": {"first_day": today, "last_day": today + timedelta(days=60)},
            "kinds": list(calendar.types()), "specialists": known,
        }  # fmt: skip

    def get_context_data(self, **kwargs):
        query = self.request.GET.get("q", "").strip()
        return super().get_context_data(
            patient=self.patient,
            query=query,
            find_form=FindForm(initial={"q": query}),
            matches=found(self.request.user, query)[0][:MOST_MATCHES] if query else [],
            **kwargs,
        )

    def carry_out(self, form):
        if self.patient is None:
            raise Http404
        said = dict(form.cleaned_data)
        said["appointment_type"] = form.kinds[said["appointment_type"]]
        said["specialists"] = [form.people[pk] for pk in said["specialists"]]
        said["days"] = [int(day) for day in said["days"]]
        waiting.join(patient=self.patient, by=self.request.user, **said)
        messages.success(self.request, gettext("The patient is on the waiting list."))

    def done(self) -> str:
        return reverse("admin:waiting")
