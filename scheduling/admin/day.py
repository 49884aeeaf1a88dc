"""The calendar: a day by specialist or by room, and a week of one of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from clinic import charts
from clinic.backoffice import Page, facility_of
from clinic.backoffice.fields import day_field
from clinic.security import tenancy, trail
from clinic.security.permissions import Permission, Reach
from scheduling import board, calendar
from scheduling.admin.moving import Undo, move_form
from scheduling.admin.shown import ROOM, Shown
from scheduling.admin.state import KEY, State, state_of
from scheduling.board import Entry, Lane
from scheduling.models import Appointment

Status = Appointment.Status
TONES = {"ok": "ok", "info": "", "warn": "warn", "danger": "danger", "": "mute"}


def note_seen(visits: Iterable[Appointment], how: str = "list") -> None:
    """A visit names its patient, so that showing it is a reading."""
    trail.read("scheduling.appointment", [(v.pk, v.patient_id) for v in visits], how=how)


@dataclass(frozen=True, slots=True)
class Shape:
    """A taken time as the page draws it: a visit, a group, a held or a busy time. The page draws it
    up to three times, as a table, a list and on paper, so its words are found once."""

    entry: Entry
    begins: str
    ends: str
    address: str = ""
    state: State | None = None
    is_movable: bool = False

    @property
    def tone(self) -> str:
        if self.entry.kind == board.HELD:
            return "held"
        if self.entry.kind == board.BUSY:
            return "mute"
        return TONES[self.state.tone] if self.state else ""


class FilterForm(forms.Form):
    """The day, and whose calendar."""

    day = day_field(_("Day"))
    who = forms.ChoiceField(required=False)

    def __init__(self, shown: Shown, known: Iterable):
        super().__init__(initial={"day": shown.day, "who": shown.who or ""})
        names = [(one.pk, getattr(one, "display_name", one)) for one in known]
        everybody = _("All rooms") if shown.by == ROOM else _("All specialists")
        self.fields["who"].label = _("Room") if shown.by == ROOM else _("Specialist")
        self.fields["who"].choices = names if shown.days > 1 else [("", everybody), *names]


class DayPage(Page):
    """The visits of a day, a column for each specialist who works or is seen, or for each room."""

    required = Permission.CALENDAR_VIEW
    title = _("Day calendar")
    template_name = "admin/scheduling/day.html"
    days = 1

    @cached_property
    def shown(self) -> Shown:
        asked = Shown.asked(self.request.GET, today=timezone.localdate(), days=self.days)
        return replace(asked, who=asked.who or self.usual(asked.by)) if self.days > 1 else asked

    def usual(self, by: str) -> UUID | None:
        """Whose week is shown where nobody is named: her own, else that of the first."""
        if by == ROOM:
            return calendar.rooms().values_list("pk", flat=True).first()
        known = list(calendar.specialists())
        own = next((one for one in known if one.user_id == self.request.user.pk), None)
        first = own or min(known, key=lambda one: one.display_name.casefold(), default=None)
        return first.pk if first else None

    def get_context_data(self, **kwargs):
        shown, now = self.shown, timezone.now()
        read = board.of_rooms if shown.by == ROOM else board.of_specialists
        found = read(
            self.request.user, facility_of(self.request), shown.first, self.days, shown.who
        )
        note_seen(found.visits)
        may_book = self.request.actor.may(Permission.APPOINTMENT_BOOK)
        lanes = found.lanes
        if self.days == 1 and not shown.who and shown.by != ROOM:
            lanes = [lane for lane in lanes if lane.hours or lane.entries or lane.away]
        standing = [visit for visit in found.visits if visit.status != Status.CANCELED]
        today = timezone.localdate()
        return super().get_context_data(
            shown=shown,
            day=shown.day,
            last=shown.first + timedelta(days=self.days - 1),
            is_week=self.days > 1,
            is_today=shown.first <= today < shown.first + timedelta(days=self.days),
            before=shown.moved(-1).address(),
            after=shown.moved(1).address(),
            today_href=replace(shown, day=today).address(),
            other=replace(shown, days=1 if self.days > 1 else 7).address(),
            by_specialist=replace(shown, by="specialist", who=None).address(),
            by_room=replace(shown, by=ROOM, who=None).address(),
            filter_form=FilterForm(shown, found.known),
            calendar=charts.day_calendar([column(lane, now, may_book) for lane in lanes]),
            lanes=lanes,
            now_at=quarter(timezone.localtime(now)),
            today=today,
            key=KEY,
            total=len(standing),
            attention=sum(visit.status == Status.PENDING for visit in standing),
            busy_word=busy_word(),
            undo=Undo.read(self.request.GET.get("undo"), found.visits) if may_book else None,
            move_form=move_form(shown) if may_book else None,
            may_book=may_book,
            **kwargs,
        )


class WeekPage(DayPage):
    """Seven days of one specialist or one room."""

    title = _("Week calendar")
    days = 7


def busy_word() -> Any:
    """Who sees every patient knows that what she does not see is elsewhere."""
    actor = tenancy.current()
    sees_all = actor.reach == Reach.FACILITY and not actor.barred
    return _("Busy elsewhere") if sees_all else _("Busy")


def quarter(at: datetime) -> time:
    """The row of the table in which the time lies."""
    return time(at.hour, at.minute // charts.STEP * charts.STEP)


def column(lane: Lane, now: datetime, may_book: bool) -> charts.Column:
    shapes = [drawn(entry, lane, now, may_book) for entry in lane.entries]
    return charts.Column(who=lane, visits=shapes, hours=lane.hours)


def drawn(entry: Entry, lane: Lane, now: datetime, may_book: bool) -> charts.Visit:
    """A taken time on the clinic's clock; one that began the day before is shown from midnight."""
    start, end = (timezone.localtime(t) for t in (entry.start, entry.end))
    if start.date() < lane.day:
        start = datetime.combine(lane.day, time(), start.tzinfo)
    shape = Shape(entry, time_format(start), time_format(end))
    if entry.kind == board.VISIT:
        visit = entry.what
        awaited = visit.status in {Status.PENDING, Status.CONFIRMED}
        shape = replace(
            shape,
            address=reverse("admin:visit", args=[visit.pk]),
            state=state_of(visit, now),
            is_movable=may_book and awaited and not visit.session_id,
        )
    return charts.Visit(start=start.time(), end=end.time(), what=shape)


def day_address(day) -> str:
    return f"{reverse('admin:day')}?day={day.isoformat()}"
