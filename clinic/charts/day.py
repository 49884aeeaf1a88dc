"""A clinic's day or week as one table: a column for each specialist, room or day, a row for each
quarter of an hour."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any

STEP = 15
"""Minutes in a row."""
EARLIEST, LATEST = 8 * 60, 18 * 60
"""The table always shows these hours, and more where somebody works or is seen earlier or later."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A time that is taken; `what` is handed to the template as it is."""

    start: time
    end: time
    what: Any


@dataclass(frozen=True, slots=True)
class Column:
    """A day of a specialist, or of a room: the visits, and the hours worked as (from, to)."""

    who: Any
    visits: Sequence[Visit] = ()
    hours: Sequence[tuple[time, time]] = ()


@dataclass(slots=True)
class Cell:
    """A table cell of `who`’s column. With visits it spans their rows; without, it is free or off
    duty."""

    who: Any = None
    span: int = 1
    visits: list[Visit] = field(default_factory=list)
    off: bool = False

    @property
    def short(self) -> bool:
        """Whether there is room for two lines only."""
        return self.span <= 2


@dataclass(frozen=True, slots=True)
class QuarterRow:
    at: time
    cells: list[Cell]

    @property
    def stamp(self) -> str:
        """The time as scripts read it."""
        return f"{self.at:%H:%M}"

    @property
    def is_hour(self) -> bool:
        return self.at.minute == 0

    @property
    def is_half(self) -> bool:
        return self.at.minute == 30


@dataclass(frozen=True, slots=True)
class Calendar:
    columns: Sequence[Column]
    rows: list[QuarterRow]


def day_calendar(columns: Sequence[Column]) -> Calendar:
    """The rows and cells of a day. Visits of one specialist that overlap share a cell.

    Times are those of the clinic's wall clock. A visit that ends before it starts (past
    midnight) is shown to the end of the day.
    """
    blocks = [_blocks(column.visits) for column in columns]
    first, last = _bounds(columns)
    rows = []
    for minute in range(first, last, STEP):
        cells = []
        for column, taken in zip(columns, blocks, strict=True):
            block = next((b for b in taken if b[0] <= minute < b[1]), None)
            if block is None:
                cells.append(Cell(column.who, off=not _works(column.hours, minute)))
            elif block[0] == minute:
                cells.append(Cell(column.who, (block[1] - block[0]) // STEP, block[2]))
        rows.append(QuarterRow(time(minute // 60, minute % 60), cells))
    return Calendar(columns, rows)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _span(visit: Visit) -> tuple[int, int]:
    """The rows that a visit touches, as minutes from midnight."""
    start = _minutes(visit.start) // STEP * STEP
    end = _minutes(visit.end) if visit.end > visit.start else 24 * 60
    return start, max(-(-end // STEP) * STEP, start + STEP)


def _blocks(visits: Sequence[Visit]) -> list[tuple[int, int, list[Visit]]]:
    """Stretches of taken rows, in their order, each with the visits that lie in it."""
    blocks: list[tuple[int, int, list[Visit]]] = []
    for visit in sorted(visits, key=lambda visit: visit.start):
        start, end = _span(visit)
        if blocks and start < blocks[-1][1]:
            before = blocks[-1]
            blocks[-1] = (before[0], max(before[1], end), [*before[2], visit])
        else:
            blocks.append((start, end, [visit]))
    return blocks


def _works(hours: Sequence[tuple[time, time]], minute: int) -> bool:
    return any(_minutes(start) <= minute < (_minutes(end) or 24 * 60) for start, end in hours)


def _bounds(columns: Sequence[Column]) -> tuple[int, int]:
    spans = [_span(visit) for column in columns for visit in column.visits]
    starts = [start for start, _ in spans] + [
        _minutes(start) for column in columns for start, _ in column.hours
    ]
    ends = [end for _, end in spans] + [
        _minutes(end) or 24 * 60 for column in columns for _, end in column.hours
    ]
    first = min([EARLIEST, *starts]) // 60 * 60
    last = -(-max([LATEST, *ends]) // 60) * 60
    return first, min(last, 24 * 60)
