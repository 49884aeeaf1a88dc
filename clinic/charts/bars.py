"""Counts for each period, stacked by kind, such as looks each week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from clinic.charts.scale import GridLine, Scale, percent, round_step

LEFT, RIGHT = 8.0, 98.0
TOP = 18
AXIS_ROOM, NOTE_ROOM = 28, 20
GAP_SHARE = 0.16
MOST_LABELS = 8
"""More axis labels than these run into each other on a phone."""


@dataclass(frozen=True, slots=True)
class Key:
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    shows_label: bool
    x: str
    width: str
    middle: str
    parts: list[Part]
    total: int
    text_y: float
    values: Sequence[int]
    note: int


@dataclass(frozen=True, slots=True)
class BarChart:
    height: int
    axis_text_y: int
    note_y: int
    grid: list[GridLine]
    bars: list[Bar]
    keys: list[Key]
    note_name: str


def bar_chart(
    rows: Sequence[tuple[str, Sequence[int]]],
    keys: Sequence[str],
    *,
    notes: Mapping[str, int] | None = None,
    note_name: str = "",
    height: int = 220,
) -> BarChart:
    """The geometry of stacked counts, from zero.

    `rows` are (label, a count for each key). `notes` counts rare events by label; they are
    written under the axis, because a sliver in a stack cannot be seen.
    Raises ValueError for a negative count or a row that does not fit the keys.
    """
    if any(count < 0 for _, counts in rows for count in counts):
        raise ValueError("bars start at zero: a count cannot be negative")
    if any(len(counts) != len(keys) for _, counts in rows):
        raise ValueError("every row needs one count for each key")
    bottom = height - AXIS_ROOM - (NOTE_ROOM if notes else 0)
    scale = _scale_from_zero(max((sum(counts) for _, counts in rows), default=0), bottom)
    return BarChart(
        height=height,
        axis_text_y=bottom + 18,
        note_y=bottom + 38,
        grid=scale.grid(),
        bars=_bars(rows, notes or {}, scale),
        keys=[Key(number, name) for number, name in enumerate(keys, start=1)],
        note_name=note_name,
    )


def _scale_from_zero(most: int, bottom: int) -> Scale:
    step = max(1, ceil(round_step(most, 4))) if most else 1
    return Scale(0, max(ceil(most / step) * step, step), step, TOP, bottom)


def _bars(
    rows: Sequence[tuple[str, Sequence[int]]], notes: Mapping[str, int], scale: Scale
) -> list[Bar]:
    slot = (RIGHT - LEFT) / max(len(rows), 1)
    every = ceil(len(rows) / MOST_LABELS) or 1
    bars = []
    for i, (label, counts) in enumerate(rows):
        start = LEFT + slot * i
        total = sum(counts)
        bars.append(
            Bar(
                label=label,
                shows_label=(len(rows) - 1 - i) % every == 0,
                x=percent(start + slot * GAP_SHARE),
                width=percent(slot * (1 - 2 * GAP_SHARE)),
                middle=percent(start + slot / 2),
                parts=_parts(counts, scale),
                total=total,
                text_y=round(scale.y(total) - 5, 1),
                values=counts,
                note=notes.get(label, 0),
            )
        )
    return bars


def _parts(counts: Sequence[int], scale: Scale) -> list[Part]:
    """The stack from below, one pixel of air between its parts."""
    parts, below = [], 0
    for number, count in enumerate(counts, start=1):
        if count:
            upper, lower = scale.y(below + count), scale.y(below)
            air = 1 if below else 0
            parts.append(Part(number, upper, max(0.5, round(lower - upper - air, 1))))
        below += count
    return parts
