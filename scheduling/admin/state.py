"""How a visit stands at the moment: a word, a tone and an icon."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from scheduling.models import Appointment

Status = Appointment.Status


@dataclass(frozen=True, slots=True)
class State:
    """What a person is told, in at most three words; `tone` as badges have it."""

    word: Any
    tone: str
    icon: str


BOOKED = State(_("Booked"), "info", "calendar-check")
TO_CONFIRM = State(_("To confirm"), "warn", "clock")
ARRIVED = State(_("Arrived"), "ok", "map-pin")
LATE = State(pgettext_lazy("of a patient", "Late"), "warn", "triangle-alert")
NOT_CLOSED = State(_("Not closed"), "warn", "triangle-alert")
DONE = State(_("Done"), "ok", "check")
MISSED = State(_("Missed"), "danger", "circle-alert")
CANCELED = State(_("Canceled"), "", "ban")
KEY = (BOOKED, TO_CONFIRM, ARRIVED, LATE, DONE, MISSED, CANCELED)
ENDED = {Status.COMPLETED: DONE, Status.NO_SHOW: MISSED, Status.CANCELED: CANCELED}


def state_of(visit: Appointment, now: datetime) -> State:
    """The state of a visit: an awaited one whose time has come is late until the patient is there,
    and not closed once its time is over."""
    if visit.status in ENDED:
        return ENDED[Status(visit.status)]
    if visit.end_datetime <= now:
        return NOT_CLOSED
    if visit.arrived_at:
        return ARRIVED
    if visit.start_datetime < now:
        return LATE
    return TO_CONFIRM if visit.status == Status.PENDING else BOOKED
