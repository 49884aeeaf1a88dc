"""How often something happens by two measures, such as weekday and hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

LEVELS = 5


@dataclass(frozen=True, slots=True)
class HeatCell:
    value: int
    level: int


@dataclass(frozen=True, slots=True)
class HeatRow:
    label: str
    cells: list[HeatCell]


@dataclass(frozen=True, slots=True)
class HeatMap:
    columns: Sequence[str]
    rows: list[HeatRow]


def heat_map(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> HeatMap:
    """Counts with a level from 0 (none) to 5 (near the highest count of all)."""
    most = max((count for _, counts in rows for count in counts), default=0)
    return HeatMap(
        columns,
        [
            HeatRow(label, [HeatCell(count, _level(count, most)) for count in counts])
            for label, counts in rows
        ],
    )


def _level(count: int, most: int) -> int:
    return ceil(LEVELS * count / most) if count > 0 else 0
