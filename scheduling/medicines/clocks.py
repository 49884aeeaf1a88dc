"""The wall clock that a patient lives by: the clinic's, or that of where she has travelled to.

What is due at a time of day is due **at the first moment at which her clock shows that time or a
later one**. From this follows, without a further rule:

* a time that the clock skips, because it is put forward or because she travels east, is due at the
  moment of the jump;
* a time that comes twice, because the clock is put back or because she travels west, is due the
  first time only. Whoever crosses the date line eastwards lives a date twice and has taken its
  medicines once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from scheduling.availability import border


@dataclass(frozen=True, slots=True)
class Clock:
    """`home` until the first of `moves`, each a zone since an instant, in their order."""

    home: ZoneInfo
    moves: Sequence[tuple[datetime, ZoneInfo]] = ()

    def zone_at(self, when: datetime) -> ZoneInfo:
        """Whose clock it is at an instant."""
        return next((zone for since, zone in reversed(self.moves) if since <= when), self.home)

    def shown(self, when: datetime) -> datetime:
        """What the clock shows at an instant, as a naive time."""
        return when.astimezone(self.zone_at(when)).replace(tzinfo=None)

    def first(self, wall: datetime) -> datetime:
        """The first instant at which the clock shows a naive time or a later one."""
        starts = (None, *(since for since, _zone in self.moves))
        zones = (self.home, *(zone for _since, zone in self.moves))
        ends = (*starts[1:], None)
        for start, zone, end in zip(starts, zones, ends, strict=True):
            found = _first(wall, zone, start)
            if end is None or found < end:
                return found
        raise AssertionError("The last zone has no end.")


def _first(wall: datetime, zone: ZoneInfo, since: datetime | None) -> datetime:
    """The same, in one zone since an instant."""
    once = border(wall, zone, 0)
    if since is None or since <= once:
        return once
    if since.astimezone(zone).replace(tzinfo=None) >= wall:
        return since.astimezone(UTC)
    return border(wall, zone, 1)  # put back since it was shown: it comes again
