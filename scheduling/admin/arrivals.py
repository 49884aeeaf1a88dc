"""The check-in list: who is expected today, who is there, and since when."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage
from clinic.security.permissions import Permission
from scheduling import arrivals, booking, calendar
from scheduling.admin.day import note_seen
from scheduling.admin.shown import day_in, id_in
from scheduling.admin.state import state_of
from scheduling.models import Appointment

Status = Appointment.Status
ARRIVED, NOT_ARRIVED = "arrived", "not_arrived"


class ArrivalForm(forms.Form):
    """One press: this patient is there, or is not there after all."""

    visit = forms.UUIDField()
    version = forms.IntegerField()
    says = forms.ChoiceField(choices=[(ARRIVED, ARRIVED), (NOT_ARRIVED, NOT_ARRIVED)])


class ArrivalsPage(FormPage):
    """The visits of a day by time; with `?group=` those of one group session."""

    required = Permission.CALENDAR_VIEW
    title = _("Check-in")
    template_name = "admin/scheduling/arrivals.html"
    form_class = ArrivalForm

    def get_context_data(self, **kwargs):
        today = timezone.localdate()
        day = day_in(self.request.GET.get("day")) or today
        group = id_in(self.request.GET.get("group"))
        found = arrivals.of_day(self.request.user, day, group=group)
        note_seen([one.visit for one in found])
        now = timezone.now()
        return super().get_context_data(
            day=day,
            is_today=day == today,
            group=found[0].visit.appointment_type if group and found else None,
            rows=[(one, state_of(one.visit, now)) for one in found],
            expected=sum(one.is_awaited and not one.visit.arrived_at for one in found),
            waiting=sum(one.waiting is not None for one in found),
            late=sum(one.late is not None for one in found),
            may_book=self.request.actor.may(Permission.APPOINTMENT_BOOK),
            **kwargs,
        )

    def carry_out(self, form):
        said = form.cleaned_data
        visit = calendar.visits(self.request.user).filter(pk=said["visit"]).first()
        self.request.actor.require(Permission.APPOINTMENT_BOOK)
        if visit is None:
            raise Http404
        verb = booking.arrive if said["says"] == ARRIVED else booking.not_arrived
        verb(appointment=visit, version=said["version"], by=self.request.user)
        names = {"name": visit.patient.full_name}
        text = (
            gettext("%(name)s is there.") if said["says"] == ARRIVED
            else gettext("%(name)s is not there yet.")
        )  # fmt: skip
        messages.success(self.request, text % names)

    def done(self) -> str:
        query = self.request.GET.urlencode()
        return reverse("admin:arrivals") + (f"?{query}" if query else "")
