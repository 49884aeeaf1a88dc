"""Finding a time: what for and with whom, then when. Choosing one keeps it for ten minutes. Moving
a visit finds its new time on the same page."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext

from clinic.errors import Conflict, Invalid
from clinic.models import Specialist
from clinic.security.permissions import Permission
from clinic.templatetags.portal import portal_url
from patients.portal.person import CHOSEN
from scheduling import calendar, holds, offers
from scheduling.models import Appointment, AppointmentType, Hold
from scheduling.portal import clocks
from scheduling.portal.times import WEEK, Day, PartOfDay, Times, week_with
from scheduling.portal.visits import VisitsPage, can_move


class FindTime(VisitsPage):
    """The page with the free times of a kind of visit. A subclass says what they are for."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True
    template = "portal/book.html"

    @cached_property
    def specialists(self) -> list[Specialist]:
        return sorted(calendar.specialists(), key=lambda specialist: specialist.display_name)

    @property
    def asked(self) -> QueryDict:
        return self.request.POST if self.request.method == "POST" else self.request.GET

    def address(self, **query) -> str:
        """This page with those choices."""
        raise NotImplementedError

    def kept(self, hold: Hold) -> HttpResponse:
        """Where a time leads that was chosen and is kept now."""
        raise NotImplementedError

    def wished(self) -> Specialist | None:
        """With whom; None is anybody."""
        return by_id(self.specialists, self.asked.get("specialist"))

    def time(
        self, kind: AppointmentType, problem: str = "", near: datetime | None = None
    ) -> HttpResponse:
        """A week of times; where no day was asked for, the first week that has any."""
        specialist, part = self.wished(), self.asked.get("part", "")
        part = part if part in PartOfDay else ""
        busy = list(self.visits().upcoming().exclude(pk=self.kwargs.get("pk")))
        them = [specialist] if specialist else self.specialists
        times = Times(them, kind, self.facility.zone, busy, part)
        choices = {"specialist": specialist.pk if specialist else "", "part": part}
        of_day = choices | {"day": self.asked.get("day", "")}
        shown = {
            "step": 2,
            "type": kind,
            "specialist": specialist,
            "part": part,
            "parts": [
                {"label": label, "is_chosen": value == part,
                 "href": self.address(**of_day | {"part": value})}
                for value, label in [("", gettext("Any time")), *PartOfDay.choices]
            ],
            "held": self.held(),
            "near": times.near(near) if near else [],
            "problem": problem,
        }  # fmt: skip
        week = self.week(times, choices)
        return self.page(self.template, shown | week, 400 if problem else 200)

    def week(self, times: Times, choices: dict[str, Any]) -> dict[str, Any]:
        """The days of the week that is shown, the chosen one, and the ways to others."""
        today, asked = timezone.localdate(), day_in(self.asked.get("day"))
        last = today + timedelta(days=times.kind.horizon_days)
        earliest = None if asked else times.next_after(today)
        wanted = timezone.localtime(earliest.start).date() if earliest else asked
        first = week_with(min(max(wanted or today, today), last), today)
        days = times.week_from(first)
        day = chosen_day(days, wanted)
        is_full = not any(one.slots for one in days)
        following = times.next_after(first + WEEK) if is_full and asked else None

        def at(shown: date) -> str:
            return self.address(**choices, day=shown)

        return {
            "days": [
                {"date": one.date, "count": len(one.slots), "is_chosen": one is day,
                 "href": at(one.date)}
                for one in days
            ],
            "day": day,
            "earliest": earliest,
            "earlier": at(first - WEEK) if first > today else "",
            "later": at(first + WEEK) if first + WEEK <= last else "",
            "next_free": following,
            "next_free_href": at(timezone.localtime(following.start).date()) if following else "",
            "clocks": clocks.differing(
                self.request.user, self.facility, day.slots[0].start if day else timezone.now()
            ),
        }  # fmt: skip

    def held(self) -> Hold | None:
        """What the person keeps for the patient already."""
        mine = holds.of_person(self.request.user).in_force().filter(patient=self.patient)
        return mine.select_related("specialist__user").first()

    def keep(self, kind: AppointmentType) -> HttpResponse:
        """Keep the time that was chosen; where it cannot be had, say so and show others."""
        try:
            specialist, start = offers.parse(self.request.POST.get("slot", ""), self.specialists)
        except offers.BadSlot:
            return self.time(kind, gettext("Choose a time."))
        try:
            hold = holds.keep(
                patient=self.patient, specialist=specialist, appointment_type=kind, start=start,
                by=self.request.user,
            )  # fmt: skip
        except Conflict as conflict:
            return self.time(kind, str(conflict.message), near=start)
        except Invalid as invalid:
            return self.time(kind, first_of(invalid))
        return self.kept(hold)


class BookVisit(FindTime):
    """Choose for whom and what for, then a time."""

    @cached_property
    def kinds(self) -> list[AppointmentType]:
        return list(calendar.types().order_by("name"))

    @cached_property
    def bookable(self) -> list[AppointmentType]:
        return [kind for kind in self.kinds if self.booker in kind.bookable_by]

    def get(self, request: HttpRequest) -> HttpResponse:
        kind = by_id(self.bookable, request.GET.get("appointment_type"))
        if kind is None or "change" in request.GET:
            return self.choose(kind)
        return self.time(kind)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "person" in request.POST:
            return self.show_another(request.POST["person"])
        kind = by_id(self.bookable, request.POST.get("appointment_type"))
        return self.keep(kind) if kind else self.choose(None, status=400)

    def show_another(self, pk: str) -> HttpResponse:
        """Book for somebody else for whom the person acts."""
        if any(str(one.pk) == pk and one.acts for one in self.portal.people):
            self.request.session[CHOSEN] = pk
        return redirect("portal:book")

    def choose(self, kind: AppointmentType | None, status: int = 200) -> HttpResponse:
        specialist = by_id(self.specialists, self.request.GET.get("specialist"))
        context = {
            "step": 1,
            "people": [one for one in self.portal.people if one.acts],
            "types": self.bookable,
            "by_phone": [one for one in self.kinds if one not in self.bookable],
            "chosen_type": kind.pk if kind else None,
            "specialists": self.specialists,
            "chosen_specialist": specialist.pk if specialist else None,
        }
        return self.page(self.template, context, status=status)

    def address(self, **query) -> str:
        return portal_url("book", appointment_type=self.asked["appointment_type"], **query)

    def kept(self, hold: Hold) -> HttpResponse:
        return redirect("portal:book_kept", hold.pk)


class MoveVisit(FindTime):
    """Find another time for a visit: with the same specialist, unless another is asked for."""

    template = "portal/visit_move.html"

    @cached_property
    def moved(self) -> Appointment:
        return self.visit(self.kwargs["pk"])

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not can_move(self.moved, self.booker):
            return redirect("portal:visit", pk)
        return self.time(self.moved.appointment_type)

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self.keep(self.moved.appointment_type)

    def wished(self) -> Specialist | None:
        if "specialist" in self.asked:
            return super().wished()
        return by_id(self.specialists, str(self.moved.specialist_id))

    def page(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        return super().page(template, {"appointment": self.moved} | context, status)

    def address(self, **query) -> str:
        return portal_url("visit_move", self.kwargs["pk"], **query)

    def kept(self, hold: Hold) -> HttpResponse:
        return redirect("portal:visit_move_kept", self.kwargs["pk"], hold.pk)


def by_id(rows: Iterable, text: str | None):
    """The row whose key is written so, or None."""
    return next((row for row in rows if str(row.pk) == text), None)


def day_in(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def chosen_day(days: list[Day], wanted: date | None) -> Day | None:
    """The day asked for, or the first one with a free time; none without any."""
    open_ones = [day for day in days if day.slots]
    return next((day for day in open_ones if day.date == wanted), next(iter(open_ones), None))


def first_of(invalid: Invalid) -> str:
    """What was wrong, in one sentence."""
    return str(next((texts[0] for texts in invalid.fields.values()), invalid.message))
