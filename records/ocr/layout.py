"""Puts pieces of text that were found on a page into reading order.

A page is rows from top to bottom, each from left to right, so that the cells of a table stay beside
each other. Only where both sides of a gutter hold prose for several rows are they read as columns.
Pieces are levelled first: scans are turned by a degree, photographs lean.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from records.ocr.page import Box, Line

FEWEST_ROWS = 4  # of a column
PROSE = 22  # characters: what the median line of a column has and a cell of a table has not
PATIENCE = 12  # rows without a gutter, after which no column is expected any more
CELL_GAP = 1.2  # in heights of the row: wider means another cell, narrower another word
PARAGRAPH_GAP = 1.25  # in the distance of the rows nearby
WIDEST = 60  # pieces that tell how a page leans; more would not tell better


@dataclass(slots=True)
class Piece:
    """A run of text with its corners in pixels, clockwise from the top left."""

    text: str
    confidence: float
    corners: Sequence[tuple[float, float]]
    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0

    @property
    def middle(self) -> float:
        """The levelled height of its centre."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """The levelled height of its letters."""
        return max(self.bottom - self.top, 1.0)


Row = list[Piece]


def arrange(pieces: list[Piece], *, width: float, height: float) -> tuple[str, list[Line]]:
    """Return the text of a page and its lines, in reading order.

    `width` and `height` are the page's in pixels; the boxes of the lines are shares of them.
    """
    _level(pieces)
    lines: list[Line] = []
    text: list[str] = []
    for column in _columns(_rows(pieces)):
        breaks = _paragraph_breaks(column)
        for row, broken in zip(column, breaks, strict=True):
            if text:
                text.append("\n\n" if broken else "\n")
            lines.append(_line(row, width, height))
            text.append(lines[-1].text)
    return "".join(text), lines


def _level(pieces: list[Piece]) -> None:
    """Fill in each piece's upright place, as if the page lay flat and straight.

    The slope of the writing is taken as linear in the height on the page, which is what a tilted
    camera makes of parallel lines; the line through the slopes is Theil and Sen's.
    """
    slope, change = _lean(pieces)
    for piece in pieces:
        xs = [x for x, _ in piece.corners]
        level = [y - (slope + change * y) * x for x, y in piece.corners]
        piece.left, piece.right = min(xs), max(xs)
        piece.top, piece.bottom = sum(level[:2]) / 2, sum(level[2:]) / 2


def _lean(pieces: list[Piece]) -> tuple[float, float]:
    slopes = []
    for piece in sorted(pieces, key=_length, reverse=True)[:WIDEST]:
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = piece.corners
        across, down = (x1 + x2 - x0 - x3) / 2, (y1 + y2 - y0 - y3) / 2
        if across > 4 * math.dist((x0, y0), (x3, y3)) and abs(down) < across / 4:
            slopes.append(((y0 + y1 + y2 + y3) / 4, down / across))
    if not slopes:
        return 0.0, 0.0
    apart = max(y for y, _ in slopes) - min(y for y, _ in slopes)
    changes = [
        (one[1] - other[1]) / (one[0] - other[0])
        for at, one in enumerate(slopes)
        for other in slopes[:at]
        if abs(one[0] - other[0]) > apart / 3
    ]
    change = statistics.median(changes) if len(slopes) > 4 and changes else 0.0
    return statistics.median(slope - change * y for y, slope in slopes), change


def _length(piece: Piece) -> float:
    return math.dist(piece.corners[0], piece.corners[1])


def _rows(pieces: list[Piece]) -> list[Row]:
    """Gather the pieces that stand on one line, lines from top to bottom, pieces left to right."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.middle):
        for row in rows[-3:]:
            if all(_beside(piece, other) for other in row):
                row.append(piece)
                break
        else:
            rows.append([piece])
    rows.sort(key=_centre)
    return [sorted(row, key=lambda piece: piece.left) for row in rows]


def _beside(piece: Piece, other: Piece) -> bool:
    high = min(piece.height, other.height)
    level = abs(piece.middle - other.middle) < 0.5 * high
    return level and min(piece.right, other.right) - max(piece.left, other.left) < 0.5 * high


def _centre(row: Row) -> float:
    return statistics.fmean(piece.middle for piece in row)


def _columns(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield runs of rows to be read one after the other: columns of prose apart, the rest whole."""
    whole: list[Row] = []
    at = 0
    while at < len(rows):
        split = _prose_beside_prose(rows, at)
        if split is None:
            whole.append(rows[at])
            at += 1
            continue
        if whole:
            yield whole
            whole = []
        end, gutter = split
        pieces = [piece for row in rows[at:end] for piece in row]
        yield from _columns(_rows([piece for piece in pieces if piece.right <= gutter]))
        yield from _columns(_rows([piece for piece in pieces if piece.right > gutter]))
        at = end
    if whole:
        yield whole


def _prose_beside_prose(rows: list[Row], start: int) -> tuple[int, float] | None:
    """Find the longest run from `start` that a gutter parts into prose left and right."""
    gaps = _gaps(rows[start])
    found = None
    last = start  # the last row at which a gutter was there
    pieces: list[Piece] = []
    for end in range(start + 1, len(rows) + 1):
        if end - last > PATIENCE:
            break
        pieces += rows[end - 1]
        wide = statistics.median(piece.height for piece in pieces)
        for left, right in gaps:
            if right - left >= wide and _is_prose(pieces, left) and _is_prose(pieces, left, True):
                found, last = (end, left), end
        if end < len(rows):
            gaps = _shared(gaps, _gaps(rows[end]))
    return found


def _gaps(row: Row) -> list[tuple[float, float]]:
    edges = [-math.inf, *(edge for piece in row for edge in (piece.left, piece.right)), math.inf]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _shared(gaps: list[tuple[float, float]], others: list[tuple[float, float]]) -> list:
    common = [(max(a, c), min(b, d)) for a, b in gaps for c, d in others]
    return [(left, right) for left, right in common if right > left]


def _is_prose(pieces: list[Piece], gutter: float, beyond: bool = False) -> bool:
    side = [len(piece.text) for piece in pieces if (piece.right > gutter) == beyond]
    return len(side) >= FEWEST_ROWS and statistics.median(side) >= PROSE


def _paragraph_breaks(rows: list[Row]) -> list[bool]:
    """Tell for each row whether a paragraph begins with it; the first row always does."""
    steps = [_centre(below) - _centre(row) for row, below in itertools.pairwise(rows)]
    breaks = [True]
    for at, step in enumerate(steps):
        near = min(steps[max(at - 1, 0) : at + 2])
        high = max(piece.height for piece in rows[at])
        breaks.append(step > PARAGRAPH_GAP * near or step > 3 * high)
    return breaks


def _line(row: Row, width: float, height: float) -> Line:
    text = row[0].text
    high = statistics.median(piece.height for piece in row)
    for piece, after in itertools.pairwise(row):
        text += ("\t" if after.left - piece.right > CELL_GAP * high else " ") + after.text
    letters = sum(len(piece.text) for piece in row)
    sure = sum(piece.confidence * len(piece.text) for piece in row) / letters
    xs = [x for piece in row for x, _ in piece.corners]
    ys = [y for piece in row for _, y in piece.corners]
    place = (min(xs) / width, min(ys) / height, max(xs) / width, max(ys) / height)
    return Line(text, sure, Box(*(min(max(share, 0.0), 1.0) for share in place)))
