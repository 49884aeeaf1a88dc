"""Recurrence rules of calendars (RFC 5545, §3.3.10), expanded by python-dateutil.

Rules run over the wall clock: what they give are naive times, which `instants` turns into instants
of a zone as §3.3.5 of the same says. A part that is not supported is refused by its name; nothing
is ever left out of a rule in silence. Supported are the frequencies from hourly to yearly with the
parts that the RFC allows beside each. The start is an occurrence only where the rule says so.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from dateutil import rrule as dateutil

LONGEST = 500  # characters of a rule
FREQUENCIES = {
    "YEARLY": dateutil.YEARLY, "MONTHLY": dateutil.MONTHLY, "WEEKLY": dateutil.WEEKLY,
    "DAILY": dateutil.DAILY, "HOURLY": dateutil.HOURLY,
}  # fmt: skip
NOT_SUPPORTED = {"MINUTELY", "SECONDLY"}
DAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), dateutil.weekdays, strict=True))
# The numbers that a part takes, and whether they are counted from the end as well.
NUMBERS = {
    "BYMONTH": (1, 12, False), "BYMONTHDAY": (1, 31, True), "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True), "BYHOUR": (0, 23, False), "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 59, False), "BYSETPOS": (1, 366, True),
}  # fmt: skip
# What the RFC forbids beside a frequency, and what others read into it.
FORBIDDEN = {
    "MONTHLY": {"BYYEARDAY", "BYWEEKNO"},
    "WEEKLY": {"BYYEARDAY", "BYWEEKNO", "BYMONTHDAY"},
    "DAILY": {"BYYEARDAY", "BYWEEKNO"},
    "HOURLY": {"BYWEEKNO"},
    "YEARLY": set(),
}
EXACT = {"WEEKLY": timedelta(weeks=1), "DAILY": timedelta(days=1), "HOURLY": timedelta(hours=1)}
MOST_WHOLE = 10_000
WHOLE = re.compile(r"[+-]?\d{1,5}", re.ASCII)
DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
END = re.compile(r"\d{8}(T\d{6}Z?)?", re.ASCII)
# The calendar repeats itself, weekdays too, after as many years; see `_far`.
CYCLE = 400


class UnsupportedRule(ValueError):
    """The rule is well formed, or may be, and says something that is not supported: `part`."""

    def __init__(self, part: str):
        self.part = part
        super().__init__(f"{part} is not supported.")


class MalformedRule(ValueError):
    """The rule, or what stands in `part` of it, cannot be read."""

    def __init__(self, part: str):
        self.part = part
        super().__init__(f"{part} cannot be read.")


class TooMany(ValueError):
    """The rule comes more often than was asked for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that can be expanded. `until` is the last moment: of the wall clock, or where it is
    aware an instant."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    week_start: Any = dateutil.MO
    by: dict[str, tuple] = field(default_factory=dict)


def parse(text: str) -> Rule:
    """The rule that a text says. Raises `UnsupportedRule` and `MalformedRule`."""
    if len(text) > LONGEST:
        raise MalformedRule("RRULE")
    said: dict[str, str] = {}
    for one in text.strip().upper().removesuffix(";").split(";"):
        name, equals, value = one.partition("=")
        if not equals or not value or name in said or not re.fullmatch(r"[A-Z-]+", name):
            raise MalformedRule(name if re.fullmatch(r"[A-Z-]{1,20}", name) else "RRULE")
        said[name] = value
    _refuse_unknown(said)
    frequency = _frequency(said.get("FREQ"))
    by = {name: _numbers(name, said[name]) for name in NUMBERS if name in said}
    if "BYDAY" in said:
        by["BYDAY"] = _days(said["BYDAY"], frequency, "BYWEEKNO" in said)
    if "COUNT" in said and "UNTIL" in said:
        raise UnsupportedRule("COUNT and UNTIL together")
    if "BYSETPOS" in by and len(by) == 1:
        raise MalformedRule("BYSETPOS")
    for name in FORBIDDEN[frequency] & by.keys():
        raise UnsupportedRule(f"{name} with FREQ={frequency}")
    return Rule(
        frequency,
        interval=_whole("INTERVAL", said.get("INTERVAL", "1")),
        count=_whole("COUNT", said["COUNT"]) if "COUNT" in said else None,
        until=_until(said["UNTIL"]) if "UNTIL" in said else None,
        week_start=_week_start(said.get("WKST", "MO")),
        by=by,
    )


def walls(
    rule: Rule,
    start: datetime,
    since: datetime,
    until: datetime,
    shown: Callable[[datetime], datetime] | None = None,
) -> Iterator[datetime]:
    """The naive times that a rule from `start` on gives in [since, until), in their order.

    `shown` says which naive time a clock shows at an instant, for a rule that ends at one.
    """
    ends = rule.until
    if ends is not None and ends.tzinfo is not None:
        ends = shown(ends) if shown else ends.replace(tzinfo=None)
    if ends is not None and ends < until:
        until = ends + timedelta(seconds=1)
    if until <= since or until <= start:
        return
    years = _far(until)
    first = _nearer(rule, start, since)
    try:
        found = dateutil.rrule(
            FREQUENCIES[rule.frequency],
            dtstart=first.replace(year=first.year + years),
            interval=rule.interval,
            wkst=rule.week_start,
            count=rule.count,
            until=None if rule.count else until.replace(year=until.year + years),
            **_by(rule, start),
        )
    except ValueError:  # an hour that never comes, stepping by so many hours
        return
    for one in found:
        here = one.replace(year=one.year - years)
        if here >= until:
            return
        if here >= since:
            yield here


def instants(
    text: str,
    start: datetime,
    until: datetime,
    zone: tzinfo,
    *,
    since: datetime | None = None,
    limit: int = MOST_WHOLE,
) -> list[datetime]:
    """The instants in [since, until) at which a rule from a naive `start` on comes in a zone, in
    UTC, each once.

    A time that the zone's clock skips is told with the offset before, one that comes twice is the
    first (§3.3.5). Raises `UnsupportedRule`, `MalformedRule`, and `TooMany` where there are more
    than `limit`.
    """
    rule, day = parse(text), timedelta(days=1)

    def shown(when: datetime) -> datetime:
        return when.astimezone(zone).replace(tzinfo=None)

    earliest = start if since is None else shown(since) - day
    found: dict[datetime, None] = {}
    for wall in walls(rule, start, earliest, shown(until) + day, shown):
        when = wall.replace(tzinfo=zone).astimezone(UTC)
        if when < until and (since is None or when >= since):
            found[when] = None
            if len(found) > limit:
                raise TooMany(f"The rule comes more than {limit} times.")
    return sorted(found)


def _far(until: datetime) -> int:
    """By how many years times are put off, while dateutil works, towards the end of its calendar.
    It looks that far for the next one of a rule that never comes: for minutes, from our time on."""
    return (9999 - until.year - 1) // CYCLE * CYCLE


def _nearer(rule: Rule, start: datetime, since: datetime) -> datetime:
    """A later start from which the rule gives the same from `since` on, where there is one."""
    step = EXACT.get(rule.frequency)
    if step is None or rule.count is not None or since <= start:
        return start
    period = rule.interval * step
    return start + max((since - start) // period - 1, 0) * period


def _by(rule: Rule, start: datetime) -> dict[str, Any]:
    """The rule's parts as dateutil takes them. A week's number alone means the start's weekday."""
    by = {
        ("byweekday" if name == "BYDAY" else name.lower()): value for name, value in rule.by.items()
    }
    if "byweekno" in by and not by.keys() & {"byweekday", "bymonthday", "byyearday"}:
        by["byweekday"] = (dateutil.weekdays[start.weekday()],)
    return by


def _refuse_unknown(said: dict[str, str]) -> None:
    known = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *NUMBERS}
    for name in said:
        if name not in known:
            raise UnsupportedRule(name[:20])


def _frequency(value: str | None) -> str:
    if value in NOT_SUPPORTED:
        raise UnsupportedRule(f"FREQ={value}")
    if value not in FREQUENCIES:
        raise MalformedRule("FREQ")
    return value


def _whole(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,5}", value, re.ASCII) or not 1 <= int(value) <= MOST_WHOLE:
        raise MalformedRule(name)
    return int(value)


def _numbers(name: str, value: str) -> tuple[int, ...]:
    low, high, from_end = NUMBERS[name]
    texts = value.split(",")
    if not all(WHOLE.fullmatch(text) for text in texts):
        raise MalformedRule(name)
    numbers = tuple(int(text) for text in texts)
    if not all(low <= (abs(n) if from_end else n) <= high for n in numbers):
        raise MalformedRule(name)
    return numbers


def _days(value: str, frequency: str, of_weeks: bool) -> tuple:
    matches = [DAY.fullmatch(text) for text in value.split(",")]
    if not all(matches) or any(match[1] and int(match[1]) == 0 for match in matches):
        raise MalformedRule("BYDAY")
    counted = any(match[1] for match in matches)
    if counted and (frequency not in {"MONTHLY", "YEARLY"} or of_weeks):
        raise UnsupportedRule(f"BYDAY with a number and FREQ={frequency}")
    return tuple(DAYS[m[2]](int(m[1])) if m[1] else DAYS[m[2]] for m in matches)


def _week_start(value: str):
    if value not in DAYS:
        raise MalformedRule("WKST")
    return DAYS[value]


def _until(value: str) -> datetime:
    """A date alone means the whole of that day."""
    if not END.fullmatch(value):
        raise MalformedRule("UNTIL")
    try:
        end = datetime.fromisoformat(value)
    except ValueError as error:
        raise MalformedRule("UNTIL") from error
    return end if "T" in value else datetime.combine(end, time(23, 59, 59))
