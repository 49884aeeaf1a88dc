"""Moving a visit to a time that is typed, or onto which it was dragged; and taking that back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, facility_of
from clinic.backoffice.fields import clock_field, day_field
from clinic.security import trail
from clinic.security.permissions import Permission
from scheduling import availability, booking, calendar
from scheduling.admin.shown import Shown
from scheduling.models import Appointment

UNDONE_WITHIN = timedelta(minutes=15)
SALT = "scheduling.moved"


class MomentForm(forms.Form):
    """A time of the clinic's wall clock. One that the clocks skip is refused; of one that comes
    twice it is asked which (`which` is shown then only)."""

    day = day_field(_("Day"))
    time = clock_field(_("Time"))
    which = forms.ChoiceField(
        label=_("This time comes twice on that date. Which one?"), required=False,
        choices=[("", "–"), ("0", _("The first")), ("1", _("The second"))],
    )  # fmt: skip
    asks_which = False
    moment: datetime | None = None

    def __init__(self, *args, zone: ZoneInfo, **kwargs):
        super().__init__(*args, **kwargs)
        self.zone = zone

    def clean(self):
        said = super().clean()
        if said.get("day") and said.get("time"):
            self.moment = self._instant(said)
        return said

    def _instant(self, said: dict[str, Any]) -> datetime | None:
        fold = int(said["which"]) if said.get("which") else None
        try:
            return availability.instant(said["day"], said["time"], self.zone, fold=fold)
        except availability.NoSuchTime:
            self.add_error("time", _("This time does not exist on that date: the clocks change."))
        except availability.AmbiguousTime:
            self.asks_which = True
            self.add_error("which", _("This time comes twice on that date. Say which one."))
        return None


class MoveForm(MomentForm):
    """Where to: when, with whom, in which room. `back` names the calendar that it is moved on."""

    specialist = forms.ChoiceField(label=_("Specialist"), required=False)
    room = forms.ChoiceField(label=_("Room"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)
    back = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100)

    def __init__(self, *args, specialists=(), rooms=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.known = {str(one.pk): one for one in (*specialists, *rooms)}
        self.fields["specialist"].choices = [
            ("", _("The same")), *((one.pk, one.display_name) for one in specialists)
        ]  # fmt: skip
        self.fields["room"].choices = [
            ("", _("As the hours say")), *((one.pk, one.name) for one in rooms)
        ]  # fmt: skip


def move_form(shown: Shown) -> dict[str, str]:
    """What the calendar's own dialog sends besides the time."""
    return {"back": shown.name}


class MovePage(FormPage):
    """When, with whom and where a visit is to be; also what the calendar sends when it is dragged
    there. What is refused is said in words, and the visit stands where it stood."""

    required = Permission.APPOINTMENT_BOOK
    title = _("Move the visit")
    template_name = "admin/scheduling/move.html"
    form_class = MoveForm

    @cached_property
    def visit(self) -> Appointment:
        visit = calendar.visits(self.request.user).filter(pk=self.kwargs["pk"]).first()
        if visit is None:
            raise Http404
        return visit

    def form_arguments(self) -> dict[str, Any]:
        start = timezone.localtime(self.visit.start_datetime)
        initial = {
            "day": start.date(), "time": start.time(), "version": self.visit.version,
            "specialist": self.visit.specialist_id, "room": self.visit.room_id,
        }  # fmt: skip
        known = sorted(calendar.specialists(), key=lambda one: one.display_name.casefold())
        rooms, zone = list(calendar.rooms()), facility_of(self.request).zone
        return {"initial": initial, "specialists": known, "rooms": rooms, "zone": zone}

    def get_context_data(self, **kwargs):
        trail.read("scheduling.appointment", [(self.visit.pk, self.visit.patient_id)])
        return super().get_context_data(visit=self.visit, **kwargs)

    def post(self, request, *args, **kwargs):
        self.dragged = bool(request.POST.get("back"))
        return super().post(request, *args, **kwargs)

    def carry_out(self, form: MoveForm) -> None:
        said, before = form.cleaned_data, Undo.of(self.visit)
        self.visit = booking.reschedule(
            appointment=self.visit,
            start=form.moment,
            specialist=form.known.get(said["specialist"]),
            room=form.known.get(said["room"]),
            version=said["version"],
            by=self.request.user,
        )
        self.undo = replace(before, version=self.visit.version)

    def back(self, **more: str) -> str:
        shown = Shown.told(self.request.POST.get("back", ""), today=timezone.localdate())
        if more:
            shown = replace(shown, day=timezone.localtime(self.visit.start_datetime).date())
        return shown.address(**more)

    def done(self) -> str:
        if self.dragged:
            return self.back(undo=self.undo.token)
        messages.success(self.request, _("The visit is moved."))
        return reverse("admin:visit", args=[self.visit.pk])

    def render_to_response(self, context, **kwargs):
        """What was dragged where it cannot be stays, and the calendar says why."""
        if self.request.method == "POST" and self.dragged:
            form = context["form"]
            for texts in form.errors.values():
                for text in texts:
                    messages.error(self.request, text)
            return HttpResponseRedirect(self.back())
        return super().render_to_response(context, **kwargs)


@dataclass(frozen=True, slots=True)
class Undo:
    """Where a visit stood before it was moved, as its `version` says; and the visit."""

    pk: str
    version: int
    start: datetime
    specialist: str
    room: str
    visit: Appointment | None = None

    @classmethod
    def of(cls, visit: Appointment) -> "Undo":
        room = str(visit.room_id or "")
        return cls(
            str(visit.pk), visit.version, visit.start_datetime, str(visit.specialist_id), room
        )

    @property
    def token(self) -> str:
        said = (self.pk, self.version, self.start.isoformat(), self.specialist, self.room)
        return signing.dumps(said, salt=SALT)

    @classmethod
    def read(cls, token: str | None, visits: list[Appointment]) -> "Undo | None":
        """What an address carries, as long as the visit stands as it was moved."""
        try:
            said = signing.loads(token or "", salt=SALT, max_age=UNDONE_WITHIN)
        except signing.BadSignature:
            return None
        pk, version, start, specialist, room = said
        visit = next((one for one in visits if str(one.pk) == pk), None)
        if visit is None or visit.version != version:
            return None
        return cls(pk, version, datetime.fromisoformat(start), specialist, room, visit)

    @property
    def wall(self) -> datetime:
        return timezone.localtime(self.start)

    @property
    def which(self) -> str:
        return str(self.wall.fold) if _comes_twice(self.wall) else ""


def _comes_twice(wall: datetime) -> bool:
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
