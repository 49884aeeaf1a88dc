"""Courses over time, such as blood pressure at home."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from clinic.charts.scale import GridLine, Scale, fitting_scale, percent

MAX_SERIES = 3
LEFT, RIGHT = 9.0, 95.0
TOP, AXIS_ROOM = 14, 30
TICK_GAP = 17.0
"""Percent between two axis labels: on a phone a label such as "17 Nov" needs that much."""
LABEL_HEIGHT = 16.0


@dataclass(frozen=True, slots=True)
class Series:
    """A named row of values, one for each label; None where nothing was measured."""

    name: str
    values: Sequence[float | Decimal | None]


@dataclass(frozen=True, slots=True)
class Point:
    x: str
    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table that says the same as the drawing."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    number: int
    name: str
    square: bool
    points: list[Point]
    segments: list[tuple[Point, Point]]
    last: Point | None
    last_text_y: float


@dataclass(frozen=True, slots=True)
class LineChart:
    height: int
    axis_text_y: int
    grid: list[GridLine]
    ticks: list[Tick]
    goals: list[float]
    band: Band | None
    series: list[DrawnSeries] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def line_chart(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    at: Sequence[date | datetime] | None = None,
    goals: Sequence[float] = (),
    band: tuple[float, float] | None = None,
    height: int = 280,
) -> LineChart:
    """The geometry of up to three courses over the same labels.

    `at` places the points by their time, so that a pause in the readings shows as one; without
    it they stand at equal distances. `goals` are dashed lines, `band` a pale range.
    Raises ValueError for more than three series, or where the lengths differ.
    """
    if len(series) > MAX_SERIES:
        raise ValueError(f"a line chart shows at most {MAX_SERIES} series")
    if any(len(one.values) != len(labels) for one in series) or (at and len(at) != len(labels)):
        raise ValueError("every series needs one value, or None, for each label")
    series = [Series(one.name, [_number(value) for value in one.values]) for one in series]
    measured = [value for one in series for value in one.values if value is not None]
    beside = [*map(float, goals), *map(float, band or ())] if measured else []
    scale = fitting_scale([*measured, *beside], top=TOP, bottom=height - AXIS_ROOM)
    places = _places(len(labels), at)
    drawn = [_drawn(number, one, places, scale) for number, one in enumerate(series, start=1)]
    return LineChart(
        height=height,
        axis_text_y=height - AXIS_ROOM + 20,
        grid=scale.grid(),
        ticks=_ticks(labels, places),
        goals=[scale.y(float(goal)) for goal in goals] if measured else [],
        band=_band(band, scale) if band and measured else None,
        series=_with_free_labels(drawn),
        rows=[Row(label, [one.values[i] for one in series]) for i, label in enumerate(labels)],
    )


def _number(value: float | Decimal | None) -> float | None:
    return None if value is None else float(value)


def _places(count: int, at: Sequence[date | datetime] | None) -> list[float]:
    """Percent from the left, oldest first; a single point stands in the middle."""
    if count < 2 or (at and at[0] == at[-1]):
        return [(LEFT + RIGHT) / 2] * count
    if at:
        shares = [(moment - at[0]) / (at[-1] - at[0]) for moment in at]
    else:
        shares = [i / (count - 1) for i in range(count)]
    return [LEFT + (RIGHT - LEFT) * share for share in shares]


def _ticks(labels: Sequence[str], places: Sequence[float]) -> list[Tick]:
    """The newest label and as many older ones as have room."""
    ticks: list[Tick] = []
    free_to = 200.0
    for label, place in zip(reversed(labels), reversed(places), strict=True):
        if free_to - place >= TICK_GAP:
            ticks.append(Tick(percent(place), label))
            free_to = place
    return ticks[::-1]


def _drawn(number: int, one: Series, places: Sequence[float], scale: Scale) -> DrawnSeries:
    points = [
        None if value is None else Point(percent(place), scale.y(value), value)
        for value, place in zip(one.values, places, strict=True)
    ]
    known = [point for point in points if point]
    last = known[-1] if known else None
    return DrawnSeries(
        number=number,
        name=one.name,
        square=number == 2,
        points=known,
        segments=list(pairwise(known)),
        last=last,
        last_text_y=round(last.y - 10, 1) if last else 0.0,
    )


def _band(band: tuple[float, float], scale: Scale) -> Band:
    upper, lower = scale.y(float(max(band))), scale.y(float(min(band)))
    return Band(upper, round(lower - upper, 1))


def _with_free_labels(drawn: list[DrawnSeries]) -> list[DrawnSeries]:
    """Where two last values would overlap, the lower point has its number below it."""
    taken: list[float] = []
    placed: dict[int, float] = {}
    for one in sorted((one for one in drawn if one.last), key=lambda one: one.last_text_y):
        text_y = one.last_text_y
        if any(abs(text_y - other) < LABEL_HEIGHT for other in taken):
            text_y = round(one.last_text_y + 32, 1)
        taken.append(text_y)
        placed[one.number] = text_y
    return [replace(one, last_text_y=placed.get(one.number, 0.0)) for one in drawn]
