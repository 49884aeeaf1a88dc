"""Next and past visits, one visit, confirming and canceling it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients.portal import PersonPage
from scheduling import booking, calendar, series, waiting
from scheduling.ics import invite
from scheduling.models import Appointment, Booker
from scheduling.portal import clocks

MOST_UPCOMING = 50
PAST_A_PAGE = 15
LONGEST_REASON = 500
VIDEO_OPENS = timedelta(minutes=15)  # before the visit, and until its end
Status = Appointment.Status
STANDING = {Status.PENDING, Status.CONFIRMED}


class VisitsPage(PersonPage):
    """A page about the visits of the person shown."""

    permission = Permission.CALENDAR_VIEW
    needs = (Category.APPOINTMENTS,)

    @property
    def booker(self) -> Booker:
        """As what the account books for the person shown."""
        return Booker.PATIENT if self.portal.shown.is_self else Booker.FAMILY

    def visits(self) -> QuerySet[Appointment]:
        return calendar.visits(self.request.user).filter(patient=self.patient)

    def visit(self, pk: UUID) -> Appointment:
        """One of the person's visits, noted as looked at; 404 for any other."""
        visit = get_object_or_404(self.visits(), pk=pk)
        note(visit, how="detail")
        return visit


@dataclass
class Upcoming:
    """A visit to come, and those of its series that follow it."""

    visit: Appointment
    following: list[Appointment] = field(default_factory=list)


class Visits(VisitsPage):
    """What is booked, what is waited for, and what was."""

    def get(self, request: HttpRequest) -> HttpResponse:
        upcoming = list(self.visits().upcoming()[:MOST_UPCOMING])
        over = self.visits().exclude(pk__in=self.visits().upcoming().values("pk"))
        page = Paginator(over.order_by("-start_datetime"), PAST_A_PAGE).get_page(
            request.GET.get("page")
        )
        page.object_list = list(page.object_list)
        note(*upcoming, *page.object_list, how="list")
        offers = waiting.offers(request.user).filter(patient=self.patient).open()
        context = {
            "upcoming": together(upcoming),
            "past": page,
            "offers": list(offers),
            "waits": waiting.entries(request.user).filter(patient=self.patient).waiting().count(),
        }
        return self.page("portal/visits.html", context)


def together(visits: list[Appointment]) -> list[Upcoming]:
    """Visits of one series stand together, at the place of the first of them."""
    rows: list[Upcoming] = []
    by_series: dict[UUID, Upcoming] = {}
    for visit in visits:
        if visit.series in by_series:
            by_series[visit.series].following.append(visit)
            continue
        rows.append(Upcoming(visit))
        if visit.series:
            by_series[visit.series] = rows[-1]
    return rows


class VisitPage(VisitsPage):
    """One visit. Apps above add what they know of it by `more`."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        visit = self.visit(pk)
        others = list(following_of(visit, self.visits()))
        note(*others, how="list")
        context = {
            "appointment": visit,
            "can_cancel": is_to_come(visit),
            "can_move": can_move(visit, self.booker),
            "can_confirm": is_to_come(visit) and visit.status == Status.PENDING,
            "is_late": booking.is_late(visit),
            "is_video_open": is_video_open(visit),
            "others": others,
            "clocks": clocks.differing(request.user, self.facility, visit.start_datetime),
        }
        return self.page("portal/visit.html", context | self.more(visit))

    def more(self, visit: Appointment) -> dict[str, Any]:
        return {}


class VisitFile(VisitsPage):
    """A visit for the calendar on one's phone."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        visit = self.visit(pk)
        body = invite.of(visit, language=get_language() or self.facility.language)
        headers = {"Content-Disposition": 'attachment; filename="visit.ics"'}
        return HttpResponse(body, content_type=invite.media_type(visit), headers=headers)


class ConfirmVisit(VisitsPage):
    """Say that one comes."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        try:
            booking.change_status(appointment=self.visit(pk), to=Status.CONFIRMED, by=request.user)
        except booking.WrongStatus as refused:
            messages.warning(request, refused.message)
        else:
            messages.success(request, gettext("Thank you. The visit is confirmed."))
        return redirect("portal:visit", pk)


class CancelForm(forms.Form):
    """Why a visit is canceled, and of a series whether those that follow are, too."""

    ONE, FOLLOWING = "one", "following"

    scope = forms.ChoiceField(
        label=_("Which visits?"),
        widget=forms.RadioSelect,
        choices=[(ONE, _("Only this visit")), (FOLLOWING, _("This visit and all that follow"))],
        initial=ONE,
    )
    cancel_reason = forms.CharField(
        label=_("Why you cannot come"),
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args, comes_again: bool, **options):
        super().__init__(*args, **options)
        if not comes_again:
            del self.fields["scope"]


class CancelVisit(VisitsPage):
    """Asks before it cancels."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        visit = self.visit(pk)
        if not is_to_come(visit):
            return redirect("portal:visit", pk)
        others = list(following_of(visit, self.visits()))
        return self.show(visit, others, CancelForm(comes_again=bool(others)))

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        visit = self.visit(pk)
        others = list(following_of(visit, self.visits()))
        form = CancelForm(request.POST, comes_again=bool(others))
        if form.is_valid():
            try:
                canceled = self.cancel(visit, form)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                text = ngettext(
                    "The visit is canceled.", "%(count)d visits are canceled.", canceled
                )
                messages.success(request, text % {"count": canceled})
                return redirect("portal:visits")
        return self.show(visit, others, form, status=400)

    def cancel(self, visit: Appointment, form: CancelForm) -> int:
        """Cancel what was asked for, and answer how many visits that were."""
        reason = form.cleaned_data["cancel_reason"]
        if form.cleaned_data.get("scope") == CancelForm.FOLLOWING:
            return len(
                series.cancel_following(appointment=visit, reason=reason, by=self.request.user)
            )
        booking.change_status(
            appointment=visit, to=Status.CANCELED, reason=reason, by=self.request.user
        )
        return 1

    def show(
        self, visit: Appointment, others: list[Appointment], form: CancelForm, status: int = 200
    ) -> HttpResponse:
        is_late = is_to_come(visit) and booking.is_late(visit)
        context = {"appointment": visit, "others": others, "form": form, "is_late": is_late}
        return self.page("portal/visit_cancel.html", context, status=status)


def is_to_come(visit: Appointment) -> bool:
    """Whether canceling is offered; `booking.change_status` decides."""
    return visit.status in STANDING and visit.start_datetime > timezone.now()


def can_move(visit: Appointment, booker: Booker) -> bool:
    """Whether moving is offered; `booking.reschedule` decides."""
    return is_to_come(visit) and booker in visit.appointment_type.bookable_by


def is_video_open(visit: Appointment) -> bool:
    """Whether the address of a video visit is shown: near its time alone."""
    opens = visit.start_datetime - VIDEO_OPENS
    return visit.status in STANDING and opens <= timezone.now() < visit.end_datetime


def following_of(visit: Appointment, visits: QuerySet[Appointment]) -> QuerySet[Appointment]:
    """Those of its series that follow and are still to come."""
    if visit.series is None:
        return visits.none()
    return visits.upcoming().filter(series=visit.series, start_datetime__gt=visit.start_datetime)


def note(*visits: Appointment, how: str) -> None:
    """Note on the trail that the visits were looked at."""
    seen = [(visit.pk, visit.patient_id) for visit in visits]
    trail.read(Appointment._meta.label_lower, seen, how=how)
