"""A vertical scale with round steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10

STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line and the number written above it."""

    value: float
    y: float
    text_y: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Places a value between `top` and `bottom`, both in pixels from the top of the drawing."""

    low: float
    high: float
    step: float
    top: float
    bottom: float

    def y(self, value: float) -> float:
        """Pixels from the top, to one decimal."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.bottom - share * (self.bottom - self.top), 1)

    def grid(self) -> list[GridLine]:
        """A line for each step from low to high."""
        count = round((self.high - self.low) / self.step)
        values = (round(self.low + self.step * i, 6) for i in range(count + 1))
        return [GridLine(value, self.y(value), round(self.y(value) - 4, 1)) for value in values]


def round_step(span: float, parts: int = 5) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that covers the span in `parts` steps."""
    raw = span / parts
    power = 10 ** floor(log10(raw))
    return next(step * power for step in STEPS if raw <= step * power * (1 + 1e-9))


def fitting_scale(values: Iterable[float], *, top: float, bottom: float) -> Scale:
    """A scale whose ends are round and hold all values; equal values stand in the middle."""
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    step = round_step(high - low)
    return Scale(floor(low / step) * step, ceil(high / step) * step, step, top, bottom)


def percent(value: float) -> str:
    """12.34%, as SVG takes it."""
    return f"{value:.2f}%"
