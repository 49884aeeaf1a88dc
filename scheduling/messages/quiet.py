"""Quiet hours: when somebody is not disturbed, by her own clock.

Pure arithmetic. Quiet hours are wall-clock times, the first within and the last without; from 21:00
until 8:00 they go over midnight, and from a time until the same there are none. They hold by what
the clock on her wall shows: a night in which the clocks change is an hour shorter or longer, and a
time that comes twice is quiet as often as it comes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
EXACTLY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Quiet:
    """When a person is not disturbed; without times, never."""

    begin: time | None
    end: time | None
    zone: ZoneInfo

    def holds(self, moment: datetime) -> bool:
        """Whether it is quiet at that instant."""
        if self.begin is None or self.end is None:
            return False
        wall = moment.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= wall < self.end
        return wall >= self.begin or wall < self.end

    def over(self, moment: datetime) -> datetime:
        """The first instant from then on at which it is not quiet."""
        moment = moment.astimezone(UTC)  # arithmetic within a zone would be its clock's
        while self.holds(moment):
            wall = moment.astimezone(self.zone)
            left = _since_midnight(self.end) - _since_midnight(wall.time())
            then = moment + (left if left > timedelta() else left + DAY)
            moment = self._first_change(moment, then) or then
        return moment

    def before(self, moment: datetime) -> datetime:
        """The last instant up to then before which it was not quiet: where the quiet hours that
        hold now began."""
        moment = moment.astimezone(UTC)
        while self.holds(moment):
            wall = moment.astimezone(self.zone)
            past = _since_midnight(wall.time()) - _since_midnight(self.begin)
            then = moment - (past if past >= timedelta() else past + DAY)
            begin = self._last_change(then, moment) or then
            if not self.holds(begin - EXACTLY):
                return begin
            moment = begin - EXACTLY  # the clocks went back, or on, within them
        return moment

    def _first_change(self, start: datetime, end: datetime) -> datetime | None:
        """The instant between at which the clocks change, if they do."""
        return self._change(start, end, lambda at: self._offset(at) != self._offset(start))

    def _last_change(self, start: datetime, end: datetime) -> datetime | None:
        return self._change(start, end, lambda at: self._offset(at) == self._offset(end))

    def _change(
        self, start: datetime, end: datetime, is_past: Callable[[datetime], bool]
    ) -> datetime | None:
        if self._offset(start) == self._offset(end):
            return None
        while end - start > EXACTLY:
            middle = start + timedelta(seconds=(end - start) // timedelta(seconds=2))
            start, end = (start, middle) if is_past(middle) else (middle, end)
        return end

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self.zone).utcoffset()


def _since_midnight(wall: time) -> timedelta:
    return timedelta(
        hours=wall.hour, minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond
    )
