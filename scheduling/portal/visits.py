"""Next and past visits, one visit, and canceling it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients.portal import PersonPage
from scheduling import booking, calendar
from scheduling.models import Appointment

MOST_UPCOMING = 50
PAST_A_PAGE = 15
LONGEST_REASON = 500
STANDING = {Appointment.Status.PENDING, Appointment.Status.CONFIRMED}


class VisitsPage(PersonPage):
    """A page about the visits of the person shown."""

    permission = Permission.CALENDAR_VIEW
    needs = (Category.APPOINTMENTS,)

    def visits(self) -> QuerySet[Appointment]:
        return calendar.visits(self.request.user).filter(patient=self.patient)

    def visit(self, pk: UUID) -> Appointment:
        """One of the person's visits, noted as looked at; 404 for any other."""
        visit = get_object_or_404(self.visits(), pk=pk)
        note(visit, how="detail")
        return visit


class Visits(VisitsPage):
    """What is booked, and what was."""

    def get(self, request: HttpRequest) -> HttpResponse:
        upcoming = list(self.visits().upcoming()[:MOST_UPCOMING])
        over = self.visits().exclude(pk__in=self.visits().upcoming().values("pk"))
        page = Paginator(over.order_by("-start_datetime"), PAST_A_PAGE).get_page(
            request.GET.get("page")
        )
        page.object_list = list(page.object_list)
        note(*upcoming, *page.object_list, how="list")
        return self.page("portal/visits.html", {"upcoming": upcoming, "past": page})


class VisitPage(VisitsPage):
    """One visit. Apps above add what they know of it by `more`."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        visit = self.visit(pk)
        context = {"appointment": visit, "can_cancel": can_cancel(visit)}
        return self.page("portal/visit.html", context | self.more(visit))

    def more(self, visit: Appointment) -> dict[str, Any]:
        return {}


class CancelForm(forms.Form):
    """Why a visit is canceled; the clinic reads it."""

    cancel_reason = forms.CharField(
        label=_("Why you cannot come"),
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class CancelVisit(VisitsPage):
    """Asks before it cancels; also takes the answer of the dialog on the visit's page."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        visit = self.visit(pk)
        if not can_cancel(visit):
            return redirect("portal:visit", pk)
        return self.show(visit, CancelForm())

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        visit, form = self.visit(pk), CancelForm(request.POST)
        if form.is_valid():
            try:
                booking.change_status(
                    appointment=visit,
                    to=Appointment.Status.CANCELED,
                    reason=form.cleaned_data["cancel_reason"],
                    by=request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(request, gettext("The visit is canceled."))
                return redirect("portal:visits")
        return self.show(visit, form, status=400)

    def show(self, visit: Appointment, form: CancelForm, status: int = 200) -> HttpResponse:
        context = {"appointment": visit, "form": form}
        return self.page("portal/visit_cancel.html", context, status=status)


def can_cancel(visit: Appointment) -> bool:
    """Whether canceling is offered; `booking.change_status` decides."""
    return visit.status in STANDING and visit.start_datetime > timezone.now()


def note(*visits: Appointment, how: str) -> None:
    """Note on the trail that the visits were looked at."""
    seen = [(visit.pk, visit.patient_id) for visit in visits]
    trail.read(Appointment._meta.label_lower, seen, how=how)
