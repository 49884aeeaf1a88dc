"""The course of a value in the size of a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Spark:
    width: int
    height: int
    points: str
    last_x: float
    last_y: float


def spark(values: Sequence[float | Decimal], *, width: int = 112, height: int = 28) -> Spark | None:
    """The values as one line that ends in a dot; None where there is nothing to draw."""
    if not values:
        return None
    values = [float(value) for value in values]
    low, high = min(values), max(values)
    places = [i / (len(values) - 1) for i in range(len(values))] if len(values) > 1 else [0.5]
    levels = [(value - low) / (high - low) if high > low else 0.5 for value in values]
    points = [
        (round(4 + (width - 10) * place, 1), round(height - 4 - level * (height - 8), 1))
        for place, level in zip(places, levels, strict=True)
    ]
    return Spark(width, height, " ".join(f"{x},{y}" for x, y in points), *points[-1])
