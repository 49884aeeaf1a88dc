"""Whether a visit can be at a time, and where it would be: what booking, moving and holding ask."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid, invalid
from clinic.security import tenancy
from patients import proxy
from scheduling import availability, calendar
from scheduling.availability import Hours
from scheduling.models import Booker
from scheduling.offering import Kind, Offer, offer
from scheduling.refusals import NotOffered


@dataclass(frozen=True, slots=True)
class Place:
    """A time that may be booked: what of the visit is settled by it."""

    start: datetime
    end: datetime
    buffer_before: int
    buffer_after: int
    room_id: UUID | None
    capacity: int = 1
    asks_confirmation: bool = False  # the patient has still to say that she comes

    def fields(self) -> dict[str, Any]:
        """The columns that visits, holds and group sessions share."""
        return {
            "start_datetime": self.start,
            "end_datetime": self.end,
            "buffer_before": self.buffer_before,
            "buffer_after": self.buffer_after,
            "room_id": self.room_id,
        }


def named_by(patient, specialist, appointment_type) -> dict[str, UUID]:
    """The ids of what a visit is made of, given objects or ids."""
    return {
        "patient_id": getattr(patient, "pk", patient),
        "specialist_id": getattr(specialist, "pk", specialist),
        "appointment_type_id": getattr(appointment_type, "pk", appointment_type),
    }


def place_for(
    named: dict[str, UUID],
    *,
    start: datetime,
    end: datetime | None = None,
    room: Any = None,
    overbooked: bool = False,
    by,
) -> Place:
    """The time and room of a visit that the acting person may book of those that `named` says.

    Raises `Invalid` naming all that is wrong, `Denied` (a relative who does not act for the
    patient) and `NotOffered` (outside the hours, which holds only unless it is overbooked).
    """
    offered = offer(**named, start=aware(start))
    _require_known(offered)
    proxy.require(named["patient_id"], by=by)
    require_bookable(offered.kind.bookable_by, is_self=offered.is_self)
    kind = offered.kind
    start, end = check_times(start, end, kind)
    hours = _hours_around(start, end, offered, named["appointment_type_id"])
    if hours is None and not overbooked:
        raise NotOffered(_("The specialist does not receive visits at that time."))
    wanted = getattr(room, "pk", room)
    if wanted and not calendar.rooms().filter(pk=wanted).exists():
        raise invalid("room", _("There is no such room."))
    after = max(kind.length.after, hours.gap) if hours else kind.length.after
    return Place(
        start, end, _minutes(kind.length.before), _minutes(after),
        wanted or (hours.room if hours else None), kind.capacity,
        kind.asks_confirmation and not tenancy.current().is_portal,
    )  # fmt: skip


def check_times(start: datetime, end: datetime | None, kind: Kind) -> tuple[datetime, datetime]:
    """The start and end of a visit of the kind; raises `Invalid` naming the wrong field."""
    expected, now = aware(start) + kind.length.visit, timezone.now()
    end = end or expected
    if end <= start:
        raise invalid("end_datetime", _("The end must be after the start."))
    if end != expected:
        minutes = _minutes(kind.length.visit)
        raise invalid("end_datetime", _("This kind of visit takes %d minutes.") % minutes)
    if start <= now:
        raise invalid("start_datetime", _("Choose a time in the future."))
    if start > now + calendar.HORIZON:
        raise invalid("start_datetime", _("Choose a time within the next two years."))
    if tenancy.current().is_portal:
        if start < now + kind.notice:
            raise invalid("start_datetime", _("It is too late to book this time. Please call."))
        if start > now + kind.horizon:
            raise invalid("start_datetime", _("This time cannot be booked yet."))
    return start, end


def _require_known(offered: Offer) -> None:
    """Raise `Invalid` naming all of what is asked for and does not exist."""
    wrong = {}
    if not offered.reached:
        wrong["patient"] = [_("There is no such patient.")]
    if not offered.receives:
        wrong["specialist"] = [_("There is no such specialist.")]
    if offered.kind is None:
        wrong["appointment_type"] = [_("There is no such kind of visit.")]
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)


def booker(is_self: bool) -> Booker:
    """As what the acting person books."""
    if not tenancy.current().is_portal:
        return Booker.STAFF
    return Booker.PATIENT if is_self else Booker.FAMILY


def require_bookable(bookable_by: Collection[str], *, is_self: bool) -> None:
    """Raise `Invalid` unless the acting person books this kind of visit, for herself or for
    another."""
    who = booker(is_self)
    if who.value in bookable_by:
        return
    if who == Booker.STAFF:
        raise invalid("appointment_type", _("The clinic does not book this kind of visit."))
    raise invalid("appointment_type", _("Please call the clinic for this kind of visit."))


def aware(start: datetime) -> datetime:
    """The instant; raises `Invalid` where it has no offset."""
    if timezone.is_naive(start):
        raise invalid(
            "start_datetime", _("Give the time with its offset, like 2026-11-24T10:00-05:00.")
        )
    return start


def _hours_around(start: datetime, end: datetime, offered: Offer, kind_id: UUID) -> Hours | None:
    """The hours that hold from start to end and serve the kind of visit."""
    found = availability.openings(start, end, offered.week, offered.zone, kind_id)
    return next((o.hours for o in found if o.span.start <= start and end <= o.span.end), None)


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)
