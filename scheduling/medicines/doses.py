"""When the doses of a reminder are due: pure, of a plan and of the patient's clock.

* **At times of the day**, on days of the week, or **by a rule** (`scheduling.recurrence`): times of
  the patient's clock (`clocks`). A dose belongs to the date that it is set for: one at
  00:30 to the day that has just begun. Of several that the clock skips in one jump only the last is
  due; the others would be taken at once.
* **Every so many hours**: elapsed time from the first dose on, whatever clocks do.
* **As needed**: never due.

From the first day to the last, by her clock, and as long as the reminder stands.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from scheduling import recurrence
from scheduling.medicines.clocks import Clock

ONE_DAY = timedelta(days=1)
# By as much a clock can differ from that of Greenwich, and a journey put it forward.
MARGIN = timedelta(days=2)
AHEAD = (timedelta(days=2), timedelta(days=35), timedelta(days=370))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reminder says. `begins_at` is the first dose of those every so many hours; the
    reminder stands until `ends_at`. A rule begins on the first day at the first of the times."""

    first_day: date
    begins_at: datetime
    last_day: date | None = None
    ends_at: datetime | None = None
    times: tuple[time, ...] = ()
    days: frozenset[int] = frozenset(range(1, 8))
    every: timedelta | None = None
    rule: recurrence.Rule | None = None


def between(plan: Plan, clock: Clock, start: datetime, end: datetime) -> list[datetime]:
    """The instants in [start, end) at which a dose is due, in their order."""
    start, end = max(start, plan.begins_at), min(end, plan.ends_at or end)
    if plan.every:
        return _counted(plan, start, min(end, over(plan, clock) or end))
    if end <= start:
        return []
    found = {clock.first(wall) for wall in _walls(plan, clock, start, end)}
    return sorted(due for due in found if start <= due < end)


def following(plan: Plan, clock: Clock, after: datetime) -> datetime | None:
    """The first dose that is due after an instant, or None where none is within a year."""
    instant = after + timedelta(microseconds=1)
    for ahead in AHEAD:
        if found := between(plan, clock, instant, after + ahead):
            return found[0]
    return None


def over(plan: Plan, clock: Clock) -> datetime | None:
    """The end of the last day by her clock."""
    if plan.last_day is None:
        return None
    return clock.first(datetime.combine(plan.last_day + ONE_DAY, time()))


def _counted(plan: Plan, start: datetime, end: datetime) -> list[datetime]:
    number = -((plan.begins_at - start) // plan.every)
    found = []
    while (due := plan.begins_at + number * plan.every) < end:
        found.append(due)
        number += 1
    return found


def _walls(plan: Plan, clock: Clock, start: datetime, end: datetime) -> list[datetime]:
    """The times of her clock that may fall into the range. Of the last day the last one may be due
    the moment that the day is over: where a journey skips what is left of it."""
    since, until = clock.shown(start) - MARGIN, clock.shown(end) + MARGIN
    first = datetime.combine(plan.first_day, time())
    if plan.rule:
        begins = datetime.combine(plan.first_day, plan.times[0])
        walls = recurrence.walls(plan.rule, begins, since, until, clock.shown)
        return [wall for wall in walls if not plan.last_day or wall.date() <= plan.last_day]
    day, found = max(since, first).date(), []
    while day <= min(until.date(), plan.last_day or until.date()):
        if day.isoweekday() in plan.days:
            found += [datetime.combine(day, at) for at in plan.times]
        day += ONE_DAY
    return found
