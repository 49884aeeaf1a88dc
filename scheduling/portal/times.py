"""The free times that a patient is offered: week by week, of one part of the day, without those at
which she is somewhere else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.models import Specialist
from scheduling import calendar
from scheduling.availability import LONGEST_RANGE
from scheduling.models import Appointment, AppointmentType
from scheduling.offers import Group, Slot

WEEK = timedelta(days=7)
FURTHER = LONGEST_RANGE - timedelta(days=2)  # a clock change makes a range of days longer
NEIGHBOURS = 4  # offered beside a time that was taken


class PartOfDay(TextChoices):
    MORNING = "morning", _("Morning")
    AFTERNOON = "afternoon", _("Afternoon")
    EVENING = "evening", _("Evening")


# Each begins at the first time of the clinic's clock and ends before the second.
HOURS = {
    PartOfDay.MORNING: (time(0), time(12)),
    PartOfDay.AFTERNOON: (time(12), time(17)),
    PartOfDay.EVENING: (time(17), time.max),
}


@dataclass(frozen=True)
class Day:
    """A day, and what is free on it, the first time leading."""

    date: date
    slots: list[Slot]

    def groups(self) -> list[Group]:
        """The same by specialist, the one who is free first leading."""
        by_name = sorted(self.slots, key=lambda slot: str(slot.specialist.pk))
        groups = [
            Group(slots[0].specialist, slots)
            for _pk, found in groupby(by_name, key=lambda slot: slot.specialist.pk)
            for slots in [sorted(found, key=lambda slot: slot.start)]
        ]
        return sorted(groups, key=lambda group: group.slots[0].start)


@dataclass(frozen=True)
class Times:
    """What is free of a kind of visit with any of some specialists. `busy` are visits of the
    patient, `part` is a part of the day ("": any)."""

    specialists: list[Specialist]
    kind: AppointmentType
    zone: ZoneInfo
    busy: Iterable[Appointment] = ()
    part: str = ""

    def between(self, first: date, last: date) -> list[Slot]:
        """The times from the first day to the last, 60 days at most."""
        start, end = self._midnight(first), self._midnight(last + timedelta(days=1))
        start = max(start, timezone.now())
        if end <= start or not self.specialists:
            return []
        found = calendar.free_by_specialist(
            specialists=self.specialists, appointment_type=self.kind, start=start, end=end
        )
        them = {one.pk: one for one in self.specialists}
        free = [
            Slot(them[pk], slot.start, slot.end, slot.left)
            for pk, slots in found.items()
            for slot in slots
        ]
        return sorted(filter(self._suits, free), key=lambda one: (one.start, one.value))

    def week_from(self, first: date) -> list[Day]:
        """Seven days."""
        days = [first + timedelta(days=n) for n in range(7)]
        by_day = self._by_day(self.between(first, days[-1]))
        return [Day(day, by_day.get(day, [])) for day in days]

    def next_after(self, day: date) -> Slot | None:
        """The first free time from that day on, within about two months."""
        found = self.between(day, day + FURTHER)
        return found[0] if found else None

    def near(self, start: datetime) -> list[Slot]:
        """The free times nearest to one that is not."""
        day = start.astimezone(self.zone).date()
        found = self.between(day - timedelta(days=3), day + timedelta(days=3))
        nearest = sorted(found, key=lambda slot: (abs(slot.start - start), slot.value))[:NEIGHBOURS]
        return sorted(nearest, key=lambda slot: slot.start)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def _by_day(self, slots: list[Slot]) -> dict[date, list[Slot]]:
        by_day: dict[date, list[Slot]] = {}
        for slot in slots:
            by_day.setdefault(slot.start.astimezone(self.zone).date(), []).append(slot)
        return by_day

    def _suits(self, slot: Slot) -> bool:
        if self.part:
            begins, ends = HOURS[PartOfDay(self.part)]
            if not begins <= slot.start.astimezone(self.zone).time() < ends:
                return False
        return not any(
            slot.start < one.end_datetime and one.start_datetime < slot.end for one in self.busy
        )


def week_with(day: date, today: date) -> date:
    """The first day of the week that holds a day; weeks are counted from today on."""
    return today + WEEK * ((day - today) // WEEK)
