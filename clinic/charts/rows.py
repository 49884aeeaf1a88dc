"""Shares of several people or things, one bar below the other, so that long names have room."""

from collections.abc import Sequence
from dataclasses import dataclass

from clinic.charts.scale import percent

ROW, BAR, NAME = 46, 14, 16
"""Pixels of a row, of its bar, and from its top to the foot of its name."""
WIDEST = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: `value` in percent, None where there is nothing to count; `note` says of what."""

    name: str
    value: int | None
    note: str
    y: int
    name_y: int
    width: str


@dataclass(frozen=True, slots=True)
class RowChart:
    height: int
    bar: int
    bars: list[Bar]


def row_chart(rows: Sequence[tuple[str, float | None, str]]) -> RowChart:
    """The geometry of shares from zero; `rows` are (name, share from 0, note). A share of more than
    all fills the row, and its number says how much it is. Raises ValueError for one below zero."""
    if any(share is not None and share < 0 for _name, share, _note in rows):
        raise ValueError("bars start at zero: a share cannot be negative")
    bars = []
    for place, (name, share, note) in enumerate(rows):
        value = None if share is None else round(100 * share)
        top = ROW * place
        width = percent(min(value or 0, WIDEST))
        bars.append(Bar(name, value, note, top + NAME + 6, top + NAME, width))
    return RowChart(ROW * len(rows), BAR, bars)
