"""A page looked at one way round: how well it reads so, and a part of it to try others on."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from records.ocr.layout import Piece
from records.ocr.page import weighed

if TYPE_CHECKING:
    import numpy as np

ENOUGH_LINES = 6  # tell which way round a page lies
EDGE = 40  # pixels of paper that letters need around them to be found


@dataclass(frozen=True, slots=True)
class View:
    """What was seen on a picture that was turned clockwise by `rotation` degrees."""

    image: np.ndarray
    rotation: int
    pieces: list[Piece]

    @property
    def level(self) -> float:
        """The share of its letters that stand in level lines."""
        letters = sum(len(piece.text) for piece in self.pieces)
        level = sum(len(piece.text) for piece in self.pieces if _is_level(piece))
        return level / letters if letters else 0.0

    @property
    def quality(self) -> float:
        """How sure the reading is, nothing where the lines stand on end.

        Then the page lies on its side, even if each line was read well by turning it alone: their
        order would be wrong.
        """
        return weighed(self.pieces) * self.level

    def part(self) -> np.ndarray:
        """Return the part of the picture around the lines in the middle of the page."""
        across, down = zip(*map(_centre, self.pieces), strict=True)
        middle = statistics.median(across), statistics.median(down)
        near = sorted(self.pieces, key=lambda piece: math.dist(_centre(piece), middle))
        corners = [xy for piece in near[:ENOUGH_LINES] for xy in piece.corners]
        (left, right), (top, bottom) = (
            (int(min(side)), math.ceil(max(side))) for side in zip(*corners, strict=True)
        )
        return self.image[max(top - EDGE, 0) : bottom + EDGE, max(left - EDGE, 0) : right + EDGE]


def _centre(piece: Piece) -> tuple[float, float]:
    return sum(x for x, _ in piece.corners) / 4, sum(y for _, y in piece.corners) / 4


def _is_level(piece: Piece) -> bool:
    (x0, y0), (x1, y1), (x2, y2), _ = piece.corners
    return abs(x1 - x0) + abs(y1 - y0) >= abs(x2 - x1) + abs(y2 - y1)
