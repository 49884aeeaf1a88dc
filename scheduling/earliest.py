"""The first free times over several specialists, for who books by phone or at the desk."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models import Specialist
from scheduling import calendar
from scheduling.availability import Span
from scheduling.models import Appointment, AppointmentType, Room
from scheduling.offers import Slot

MOST = 24
STRETCHES = (timedelta(days=7), timedelta(days=53))  # nearly all find a time within the first


class Part(models.TextChoices):
    """Parts of the day on the clinic's clock."""

    MORNING = "morning", _("Morning, before 12:00")
    AFTERNOON = "afternoon", _("Afternoon, 12:00 to 17:00")
    EVENING = "evening", _("Evening, from 17:00")

    def holds(self, at: time) -> bool:
        first, last = BOUNDS[self]
        return first <= at.hour < last


BOUNDS = {Part.MORNING: (0, 12), Part.AFTERNOON: (12, 17), Part.EVENING: (17, 24)}


def first_free(
    *,
    kind: AppointmentType,
    specialists: Iterable[Specialist],
    start: datetime,
    room: Room | None = None,
    part: Part | None = None,
    patient_id: UUID | None = None,
    most: int = MOST,
) -> list[Slot]:
    """The first free times from `start` on, within 60 days, the earliest leading: in a room, at a
    part of the day, and when the patient has no other visit, where these are said."""
    them = {one.pk: one for one in specialists}
    start, found = max(start, timezone.now()), []
    for stretch in STRETCHES:
        end = start + stretch
        busy = _busy(kind, start, end, room, patient_id)
        free = calendar.free_by_specialist(
            specialists=them.values(), appointment_type=kind, start=start, end=end
        )
        found += [
            Slot(them[pk], slot.start, slot.end, slot.left)
            for pk, slots in free.items()
            for slot in slots
            if (part is None or part.holds(timezone.localtime(slot.start).time()))
            and (room is None or slot.room in (None, room.pk))
            and not any(span.overlaps(slot) for span in busy)
        ]
        if len(found) >= most:
            break
        start = end
    return sorted(found, key=lambda one: (one.start, one.specialist.display_name))[:most]


def _busy(
    kind: AppointmentType,
    start: datetime,
    end: datetime,
    room: Room | None,
    patient_id: UUID | None,
) -> list[Span]:
    """When the patient has visits, and when the room is taken, as far as a visit of the kind would
    be in the way."""
    spans = []
    if patient_id:
        own = Appointment.objects.filter(patient=patient_id).standing().between(start, end)
        spans = [Span(*times) for times in own.values_list("start_datetime", "end_datetime")]
    if room:
        length = calendar.length_of(kind)
        taken = calendar.taken_by([room.pk], start - length.after, end + length.before)[room.pk]
        spans += [Span(one.start - length.after, one.end + length.before) for one in taken]
    return spans
