"""Booking a visit in three steps from a name: for whom; what, and one of the first free times,
which is kept; and that it is so. A free time for a visit that is moved is found here, too."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import Page, facility_of
from clinic.backoffice.fields import day_field
from clinic.errors import Conflict, Refused
from clinic.forms import add_refusal
from clinic.models import Specialist
from clinic.security import trail
from clinic.security.permissions import Permission
from clinic.templatetags.written import long_moment
from patients import access
from patients.admin.find import FindForm, found
from patients.models import Patient
from scheduling import booking, calendar, earliest, holds, offers, series
from scheduling.admin.day import note_seen
from scheduling.admin.moving import MomentForm
from scheduling.admin.shown import day_in, id_in
from scheduling.earliest import Part
from scheduling.models import Appointment, AppointmentType, Hold, Room

MOST_MATCHES = 20
LONGEST_REASON = 500


def named(kind: AppointmentType) -> str:
    return _("%(name)s, %(minutes)d min") % {"name": kind.name, "minutes": kind.minutes}


class ChooseForm(forms.Form):
    """What for, with whom, where, and from which day on."""

    appointment_type = forms.ChoiceField(label=_("Kind of visit"))
    specialist = forms.ChoiceField(label=_("Specialist"), required=False)
    room = forms.ChoiceField(label=_("Room"), required=False)
    part = forms.ChoiceField(label=_("Part of the day"), required=False)
    day = day_field(_("From"), required=False)

    def __init__(self, *args, kinds, specialists, rooms, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["appointment_type"].choices = [(kind.pk, named(kind)) for kind in kinds]
        people = ((one.pk, one.display_name) for one in specialists)
        self.fields["specialist"].choices = [("", _("Anyone")), *people]
        self.fields["room"].choices = [("", _("Any room")), *((r.pk, r.name) for r in rooms)]
        self.fields["part"].choices = [("", _("Any time")), *Part.choices]


class TimeForm(MomentForm):
    """A time that is typed, whether it is free or not."""

    with_whom = forms.ChoiceField(label=_("Specialist"))

    def __init__(self, *args, specialists: list[Specialist], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["with_whom"].choices = [(one.pk, one.display_name) for one in specialists]


class ConfirmForm(forms.Form):
    """Why, and whether it comes again."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    times = forms.IntegerField(
        label=_("How many visits"), initial=1, min_value=1, max_value=series.MOST
    )
    every_weeks = forms.IntegerField(
        label=_("Weeks from one to the next"), initial=1, min_value=1, max_value=series.MOST_WEEKS
    )
    overbook = forms.CharField(
        label=_("Why may it overlap, or lie outside the hours?"), required=False, max_length=300
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The time that was picked: kept until a moment; or one that is not free, which overbooks."""

    specialist: Specialist
    start: datetime
    end: datetime
    room: Room | None = None
    hold: Hold | None = None

    @property
    def overbooks(self) -> bool:
        return self.hold is None

    @property
    def minutes_left(self) -> int:
        return max(0, int((self.hold.expires_at - timezone.now()).total_seconds() + 59) // 60)


class QuickBookPage(Page):
    """Each step is an address of its own; what changes something is sent."""

    required = Permission.APPOINTMENT_BOOK
    title = _("New visit")
    template_name = "admin/scheduling/quick_book.html"
    fragment = "admin/scheduling/quick_matches.html"

    def get_context_data(self, **kwargs):
        query = self.request.GET.get("q", "").strip()
        context = {
            "query": query,
            "matches": found(self.request.user, query)[0][:MOST_MATCHES] if query else [],
        }
        if not self.is_fragment:
            context |= self.step(**kwargs)
        return super().get_context_data(**context | kwargs)

    def step(self, **kwargs) -> dict[str, Any]:
        """What the page shows besides who was found."""
        step = 1 if not (self.patient and self.kind) else 3 if self.chosen else 2
        shown: dict[str, Any] = {
            "step": step, "patient": self.patient, "kind": self.kind, "moved": self.moved,
            "find_form": FindForm(initial={"q": self.request.GET.get("q", "")}),
            "chosen": self.chosen, "refusal": "", "conflicts": [],
            "may_overbook": self.request.actor.may(Permission.APPOINTMENT_OVERBOOK),
        }  # fmt: skip
        if step == 2:
            shown |= {
                "choose_form": self.choose_form(), "slots": self.slots(),
                "time_form": kwargs.get("time_form") or self.time_form(),
                "asked_time": bool(self.request.GET.get("time")),
            }  # fmt: skip
        if step == 3:
            shown["form"] = kwargs.get("form") or ConfirmForm()
        return shown

    # For whom, and what
    @cached_property
    def moved(self) -> Appointment | None:
        if not (asked := self.request.GET.get("move")):
            return None
        visit = calendar.visits(self.request.user).filter(pk=id_in(asked)).first()
        if visit is None:
            raise Http404
        note_seen([visit], "detail")
        return visit

    @cached_property
    def patient(self) -> Patient | None:
        if self.moved:
            return self.moved.patient
        if not (asked := self.request.GET.get("patient")):
            return None
        patient = access.visible_to(self.request.user).filter(pk=id_in(asked)).first()
        if patient is None:
            raise Http404
        trail.read("patients.patient", [(patient.pk, patient.pk)])
        return patient

    @cached_property
    def kinds(self) -> list[AppointmentType]:
        return [self.moved.appointment_type] if self.moved else list(calendar.types())

    @cached_property
    def specialists(self) -> list[Specialist]:
        return sorted(calendar.specialists(), key=lambda one: one.display_name.casefold())

    @cached_property
    def rooms(self) -> list[Room]:
        return list(calendar.rooms())

    def asked(self, name: str, among: list) -> Any:
        """The one of these that the address names, or None."""
        wanted = self.request.GET.get(name)
        return next((one for one in among if str(one.pk) == wanted), None)

    @cached_property
    def kind(self) -> AppointmentType | None:
        return self.asked("appointment_type", self.kinds) or next(iter(self.kinds), None)

    @cached_property
    def wanted(self) -> list[Specialist]:
        one = self.asked("specialist", self.specialists)
        return [one] if one else self.specialists

    @cached_property
    def day(self) -> date:
        return max(
            day_in(self.request.GET.get("day")) or timezone.localdate(), timezone.localdate()
        )

    def choose_form(self) -> ChooseForm:
        shown = {name: self.request.GET.get(name, "") for name in ("specialist", "room", "part")}
        shown |= {"appointment_type": self.kind.pk, "day": self.day}
        return ChooseForm(
            initial=shown, kinds=self.kinds, specialists=self.specialists, rooms=self.rooms
        )

    # What is free
    @property
    def first(self) -> datetime:
        return datetime.combine(self.day, time(), facility_of(self.request).zone)

    def slots(self) -> list[offers.Slot]:
        part = self.request.GET.get("part")
        return earliest.first_free(
            kind=self.kind, specialists=self.wanted, start=self.first,
            room=self.asked("room", self.rooms), part=Part(part) if part in Part.values else None,
            patient_id=self.patient.pk,
        )  # fmt: skip

    def time_form(self, data=None) -> TimeForm:
        whom = self.wanted[0].pk if len(self.wanted) == 1 else None
        asked = {"day": self.day, "time": self.request.GET.get("time"), "with_whom": whom}
        zone = facility_of(self.request).zone
        return TimeForm(data, initial=asked, specialists=self.specialists, zone=zone)

    @cached_property
    def chosen(self) -> Chosen | None:
        if asked := id_in(self.request.GET.get("hold")):
            rows = holds.of_person(self.request.user).in_force().filter(patient=self.patient)
            hold = rows.select_related("specialist__user", "room").filter(pk=asked).first()
            if hold:
                times = (hold.start_datetime, hold.end_datetime)
                return Chosen(hold.specialist, *times, room=hold.room, hold=hold)
        try:
            asked = self.request.GET.get("slot", "")
            specialist, start = offers.parse(asked, self.specialists)
        except offers.BadSlot:
            return None
        if not self.request.actor.may(Permission.APPOINTMENT_OVERBOOK):
            return None
        end, room = start + calendar.length_of(self.kind).visit, self.asked("room", self.rooms)
        return Chosen(specialist, start, end, room=room)

    # What is sent
    def post(self, request, *args, **kwargs):
        if self.patient is None or self.kind is None:
            return self.refuse(_("Choose a patient first."))
        send = next((name for name in SENT if name in request.POST), None)
        return getattr(self, send)() if send else self.refuse(_("Pick a time."))

    def refuse(self, message, **context):
        context = self.get_context_data(**context) | {"refusal": message}
        return self.render_to_response(context, status=400)

    def keep(self):
        """Keep the time that was pressed; a visit that is moved goes there at once."""
        try:
            specialist, start = offers.parse(self.request.POST["keep"], self.specialists)
        except offers.BadSlot:
            return self.refuse(_("Pick a time."))
        try:
            return self.to(specialist, start)
        except Conflict as conflict:
            return self.refuse(conflict.message)

    def another(self):
        """Keep a time that was typed; where it cannot be had, who may can let it overlap."""
        form = self.time_form(self.request.POST)
        if form.is_valid():
            whom = next(o for o in self.specialists if str(o.pk) == form.cleaned_data["with_whom"])
            try:
                return self.to(whom, form.moment)
            except (booking.SlotTaken, booking.NotOffered) as conflict:
                slot = offers.Slot(whom, form.moment, form.moment).value
                over = self.here(slot=slot, hold=None)
                return self.refuse(conflict.message, time_form=form, over=over)
            except Refused as refused:
                add_refusal(form, refused)
                for text in refused.fields.get("start_datetime", []):
                    form.add_error("time", text)
        return self.refuse("", time_form=form)

    def to(self, specialist: Specialist, start: datetime):
        room, user = self.asked("room", self.rooms), self.request.user
        if self.moved:
            booking.reschedule(
                appointment=self.moved, start=start, specialist=specialist, room=room, by=user
            )
            return self.led_to(self.moved, gettext("The visit is moved to %(when)s."), start)
        hold = holds.keep(
            patient=self.patient, specialist=specialist, appointment_type=self.kind, start=start,
            room=room, by=user,
        )  # fmt: skip
        return HttpResponseRedirect(
            self.here(hold=str(hold.pk), appointment_type=str(self.kind.pk), slot=None)
        )

    def release(self):
        if self.chosen and self.chosen.hold:
            holds.release(hold=self.chosen.hold, by=self.request.user)
        return HttpResponseRedirect(self.here(hold=None, slot=None))

    def book(self):
        """Book what was chosen, once or several times."""
        form, chosen = ConfirmForm(self.request.POST), self.chosen
        if chosen is None:
            return self.refuse(_("The time is no longer held for you. Choose it again."))
        if not form.is_valid():
            return self.refuse("", form=form)
        said = form.cleaned_data
        visit = {
            "patient": self.patient, "specialist": chosen.specialist, "room": chosen.room,
            "appointment_type": self.kind, "start": chosen.start, "reason": said["reason"],
            "hold": chosen.hold, "by": self.request.user,
        }  # fmt: skip
        if chosen.overbooks:
            visit["overbook"] = said["overbook"].strip() or " "  # which the verb refuses
        try:
            if said["times"] == 1:
                booked = booking.book(**visit)
            else:
                again = {"times": said["times"], "every_weeks": said["every_weeks"]}
                booked = series.book(**again, **visit)[0]
        except series.SeriesConflict as conflict:
            return self.refuse(conflict.message, form=form, conflicts=conflict.conflicts)
        except Refused as refused:
            add_refusal(form, refused)
            return self.refuse("", form=form)
        return self.led_to(booked, gettext("The visit is booked: %(when)s."), chosen.start)

    def led_to(self, visit: Appointment, text: str, start: datetime):
        when = long_moment(timezone.localtime(start))
        messages.success(self.request, text % {"when": when})
        return HttpResponseRedirect(reverse("admin:visit", args=[visit.pk]))

    def here(self, **changed: str | None) -> str:
        """This address, with these of its questions changed."""
        query = self.request.GET.copy()
        for name, value in changed.items():
            query.pop(name, None)
            if value is not None:
                query[name] = value
        return f"{self.request.path}?{query.urlencode()}"


SENT = ("keep", "another", "release", "book")


def one_of(rows, named: str | None) -> Any:
    """The row with the id that an address names, or None."""
    return rows.filter(pk=id_in(named)).first()
