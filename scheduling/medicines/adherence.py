"""How much of what was due was taken: figures for the patient and who treats her.

Two measures, after the taxonomy of Vrijens et al. (Br J Clin Pharmacol 2012;73:691-705), by which
*implementation* is how far the doses taken are those that were prescribed:

* **doses**: taken of those that were due: taken / (taken + skipped + missed);
* **days**: those on which every dose that was due was taken, of all days on which one was.

What still waits for an answer counts in neither, nor does its day. What is taken as needed was not
due: it is counted apart. A dose belongs to the date that the patient's clock showed when it was
due. What nobody logged was missed, as far as these figures know: they judge nobody.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import invalid
from clinic.models import User
from clinic.security.permissions import Category
from patients import access
from patients.models import Medication, Patient
from scheduling.medicines import diary, reminders
from scheduling.medicines.clocks import Clock
from scheduling.medicines.journeys import clock_of
from scheduling.models import ReminderLog

Status = ReminderLog.Status

LONGEST = timedelta(days=366)
OVER = (Status.TAKEN, Status.SKIPPED, Status.MISSED)


@dataclass(frozen=True, slots=True)
class Day:
    """What became of the doses of one date."""

    date: date
    taken: int = 0
    skipped: int = 0
    missed: int = 0
    waiting: int = 0

    @property
    def due(self) -> int:
        return self.taken + self.skipped + self.missed + self.waiting

    @property
    def word(self) -> str:
        """ "all", "some", "none" (of those that were due), "waiting" or "nothing" (was due)."""
        if not self.due:
            return "nothing"
        if self.waiting:
            return "waiting"
        return "all" if self.taken == self.due else "some" if self.taken else "none"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one medicine, or of all together."""

    medication: Medication | None
    days: tuple[Day, ...] = ()
    as_needed: int = 0

    def _sum(self, name: str) -> int:
        return sum(getattr(day, name) for day in self.days)

    @property
    def taken(self) -> int:
        return self._sum("taken")

    @property
    def skipped(self) -> int:
        return self._sum("skipped")

    @property
    def missed(self) -> int:
        return self._sum("missed")

    @property
    def counted(self) -> int:
        """The doses that were due and are over."""
        return self.taken + self.skipped + self.missed

    @property
    def share(self) -> float | None:
        """Taken of those; None where none was due."""
        return self.taken / self.counted if self.counted else None

    @property
    def days_due(self) -> int:
        return sum(day.word in {"all", "some", "none"} for day in self.days)

    @property
    def days_all(self) -> int:
        return sum(day.word == "all" for day in self.days)

    @property
    def days_share(self) -> float | None:
        return self.days_all / self.days_due if self.days_due else None


@dataclass(frozen=True, slots=True)
class Adherence:
    """The figures of a range of dates, both included."""

    first: date
    last: date
    overall: Figures
    by_medicine: list[Figures] = field(default_factory=list)

    @property
    def weeks(self) -> list[tuple[Day, ...]]:
        """Its days, seven each; the last row can be shorter."""
        days = self.overall.days
        return [days[n : n + 7] for n in range(0, len(days), 7)]


def of(
    *, patient: Patient, first: date, last: date, clock: Clock | None = None, by: User
) -> Adherence:
    """What the person may see of it, by the patient's clock. Raises `Invalid` naming `to`
    (backwards, or more than a year) and `Missing`. Costs five queries at most, however many doses
    there are."""
    if last < first:
        raise invalid("to", _("The end cannot be before the start."))
    if last - first > LONGEST:
        raise invalid("to", _("Ask for at most a year at once."))
    access.require_reach(patient, Category.MEDICATIONS, by)
    clock = clock or clock_of(patient.pk)
    begins = clock.first(datetime.combine(first, time()))
    ends = clock.first(datetime.combine(last + timedelta(days=1), time()))
    within = Q(due_at__gte=begins, due_at__lt=ends) | Q(
        due_at=None, answered_at__gte=begins, answered_at__lt=ends
    )
    rows = list(
        reminders.logs(by)
        .filter(within, patient=patient)
        .order_by()
        .values_list("reminder__medication_id", "due_at", "status")
    )
    named = Medication.objects.in_bulk({pk for pk, _due, _status in rows})
    figures = [
        _figures(named[pk], [row for row in rows if row[0] == pk], clock, first, last)
        for pk in sorted(named, key=lambda pk: named[pk].generic_name.casefold())
    ]
    return Adherence(first, last, _figures(None, rows, clock, first, last), figures)


def recent(*, patient: Patient, by: User, weeks: int = 5) -> Adherence:
    """The same of this week by her clock and of those before it, each beginning on a Monday."""
    clock = clock_of(patient.pk)
    last = clock.shown(timezone.now()).date()
    first = last - timedelta(days=last.weekday() + 7 * (weeks - 1))
    return of(patient=patient, first=first, last=last, clock=clock, by=by)


def _figures(
    medication: Medication | None,
    rows: Iterable[tuple[UUID, datetime | None, str]],
    clock: Clock,
    first: date,
    last: date,
) -> Figures:
    counts: dict[date, Counter] = defaultdict(Counter)
    as_needed = 0
    for _pk, due_at, status in rows:
        if due_at is None:
            as_needed += 1
        else:
            name = "waiting" if status in diary.OPEN else status
            counts[clock.shown(due_at).date()][name] += 1
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return Figures(medication, tuple(Day(day, **counts.get(day, {})) for day in days), as_needed)
