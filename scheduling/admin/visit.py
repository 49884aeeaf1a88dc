"""One visit, and what can be done with it."""

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage
from clinic.security.permissions import Category, Permission
from patients import access, cover
from scheduling import booking, calendar, series
from scheduling.admin.day import note_seen
from scheduling.admin.messages import row_of
from scheduling.admin.state import state_of
from scheduling.messages import overseeing
from scheduling.models import Appointment

Status = Appointment.Status
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Step:
    """A button: the status that it leads to, and how it looks."""

    to: str
    text: Any
    icon: str
    kind: str = "2"


ARRIVED, NOT_ARRIVED = "arrived", "not_arrived"
STEPS = (
    Step(Status.CONFIRMED, _("Confirm"), "calendar-check", ""),
    Step(ARRIVED, _("The patient is there"), "map-pin", ""),
    Step(NOT_ARRIVED, _("Not there after all"), "history"),
    Step(Status.COMPLETED, _("Mark as done"), "check", ""),
    Step(Status.NO_SHOW, _("Mark as missed"), "user"),
    Step(Status.CANCELED, _("Cancel the visit"), "ban", "danger"),
)


class StatusForm(forms.Form):
    """What becomes of the visit; a reason is kept with a cancellation."""

    to = forms.ChoiceField(
        choices=[*Status.choices, (ARRIVED, ARRIVED), (NOT_ARRIVED, NOT_ARRIVED)],
        widget=forms.HiddenInput,
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason for canceling"), required=False, max_length=LONGEST_REASON
    )
    scope = forms.ChoiceField(
        label=_("Which visits?"), required=False, widget=forms.RadioSelect,
        choices=[("this", _("Only this one")), ("following", _("This one and all that follow"))],
    )  # fmt: skip


class VisitPage(FormPage):
    """When, who, with whom; and the steps that its status allows."""

    required = Permission.CALENDAR_VIEW
    title = _("Visit")
    template_name = "admin/scheduling/visit.html"
    form_class = StatusForm

    @cached_property
    def visit(self) -> Appointment:
        rows = calendar.visits(self.request.user).select_related("booked_by")
        visit = rows.filter(pk=self.kwargs["pk"]).first()
        if visit is None:
            raise Http404
        return visit

    def get_context_data(self, **kwargs):
        note_seen([self.visit], "detail")
        actor, status = self.request.actor, Status(self.visit.status)
        may_book = actor.may(Permission.APPOINTMENT_BOOK)
        steps = [s for s in STEPS if self.is_open_to(s)] if may_book else []
        return super().get_context_data(
            visit=self.visit,
            phone=cover.phone(self.visit.patient),
            steps=[self.weighed(step) for step in steps if step.to != Status.CANCELED],
            is_over=self.is_over,
            state=state_of(self.visit, timezone.now()),
            is_late=not self.is_over and booking.is_late(self.visit),
            following=self.following() if may_book else 0,
            told=[row_of(row) for row in overseeing.of_visit(self.visit, self.request.user)],
            cancel=next((step for step in steps if step.to == Status.CANCELED), None),
            may_move=may_book and status in {Status.PENDING, Status.CONFIRMED},
            may_write=actor.may(Permission.RECORD_WRITE) and status != Status.CANCELED,
            shows_reason=bool(
                access.read_clinically([self.visit.patient_id], Category.APPOINTMENTS)
            ),
            **kwargs,
        )

    def is_open_to(self, step: Step) -> bool:
        """Whether the step is one of the stated transitions, or says that the patient is there."""
        if step.to in {ARRIVED, NOT_ARRIVED}:
            awaited = self.visit.status in {Status.PENDING, Status.CONFIRMED}
            return awaited and bool(self.visit.arrived_at) == (step.to == NOT_ARRIVED)
        return step.to in booking.TRANSITIONS[Status(self.visit.status)]

    def following(self) -> int:
        """How many visits of the same series follow."""
        if not self.visit.series:
            return 0
        rows = calendar.visits(self.request.user).upcoming().filter(series=self.visit.series)
        return rows.filter(start_datetime__gt=self.visit.start_datetime).count()

    @property
    def is_over(self) -> bool:
        return self.visit.start_datetime <= timezone.now()

    def weighed(self, step: Step) -> Step:
        """As it is; “Mark as done” is not the first thing before the visit has begun."""
        early = step.to == Status.COMPLETED and not self.is_over
        return replace(step, kind="2") if early else step

    def form_arguments(self):
        return {"initial": {"version": self.visit.version, "scope": "this"}}

    def carry_out(self, form):
        said, user = form.cleaned_data, self.request.user
        if said["to"] in {ARRIVED, NOT_ARRIVED}:
            verb = booking.arrive if said["to"] == ARRIVED else booking.not_arrived
            self.visit = verb(appointment=self.visit, version=said["version"], by=user)
            messages.success(self.request, gettext("The visit is changed."))
        elif said["to"] == Status.CANCELED and said["scope"] == "following":
            gone = series.cancel_following(appointment=self.visit, reason=said["reason"], by=user)
            text = ngettext("%(n)d visit is canceled.", "%(n)d visits are canceled.", len(gone))
            messages.success(self.request, text % {"n": len(gone)})
        else:
            self.visit = booking.change_status(
                appointment=self.visit, to=Status(said["to"]), reason=said["reason"],
                version=said["version"], by=user,
            )  # fmt: skip
            text = gettext("The visit is now “%(status)s”.")
            messages.success(self.request, text % {"status": self.visit.get_status_display()})

    def done(self) -> str:
        return reverse("admin:visit", args=[self.visit.pk])
