"""When the clocks of a zone change: looked up day by day, and then by the hour."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@cache
def changes_of(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """The last full hours of a year before which the clocks stand as they did, and after which they
    do not."""
    at, end, found = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC), []
    while at < end:
        if differs(zone, at, at + DAY):
            hours = [at + HOUR * n for n in range(24)]
            found += [hour for hour in hours if differs(zone, hour, hour + HOUR)]
        at += DAY
    return tuple(found)


def differs(zone: ZoneInfo, one: datetime, other: datetime) -> bool:
    return one.astimezone(zone).utcoffset() != other.astimezone(zone).utcoffset()
