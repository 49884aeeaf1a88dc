"""The letters of a PDF page's text layer, gathered into runs and put into reading order.

Letters are taken with their places rather than in the order in which the file draws them, which
need not be the order of reading. A page is read in the direction in which most of it is written;
what is written otherwise (a stamp along the margin, a watermark) follows at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pypdfium2
import pypdfium2.raw as pdfium

from records.ocr.layout import Piece, arrange
from records.ocr.page import Line, Page

CELL_GAP = 1.0  # in heights of the letter: a wider gap begins another run
ASKEW = 0.2  # radians off the upright or the level
SURROGATES, PRIVATE = range(0xD800, 0xE000), range(0xE000, 0xF900)
REPLACEMENT, HYPHEN, LAST_CODE = 0xFFFD, 2, 0x10FFFF


@dataclass(slots=True)
class Run:
    """Letters beside each other; left, top, right and bottom in the direction of writing."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def continues(self, left: float, top: float, bottom: float) -> bool:
        """Tell whether a letter at this place belongs to the run."""
        high = max(self.bottom - self.top, 0.1)
        level = min(self.bottom, bottom) - max(self.top, top) > 0.4 * min(high, bottom - top)
        return level and -0.5 * high < left - self.right < CELL_GAP * high


@dataclass(slots=True)
class Direction:
    """All that is written one way: `turn` counts quarters against the clock, None is askew."""

    turn: int | None
    letters: int = 0
    runs: list[Run] = field(default_factory=list)


def read_text(page: pypdfium2.PdfPage, layer: pypdfium2.PdfTextPage) -> tuple[Page, float]:
    """Return the page as its text layer gives it, and what share of the letters is unknown."""
    sides = page.get_cropbox()
    directions, unknown = _directions(layer, sides)
    written = sum(direction.letters for direction in directions)
    if not written:
        return Page(""), 1.0
    level = [direction for direction in directions if direction.turn is not None]
    main = max(level or directions, key=lambda direction: direction.letters)
    width, height = abs(sides[2] - sides[0]), abs(sides[3] - sides[1])
    if (main.turn or 0) % 2:
        width, height = height, width
    pieces = [_piece(run) for run in main.runs if run.text.strip()]
    text, lines = arrange(pieces, width=width, height=height)
    for other in directions:
        rest = " ".join(run.text.strip() for run in other.runs if run.text.strip())
        if other is not main and rest:
            text += f"\n\n{rest}"
            lines.append(Line(rest, 1.0))
    rotation = ((main.turn or 0) * 90 - page.get_rotation()) % 360
    return Page(text, lines, 1.0, rotation), unknown / written


def _directions(layer: pypdfium2.PdfTextPage, sides: tuple) -> tuple[list[Direction], int]:
    found: dict[int | None, Direction] = {}
    here: Direction | None = None
    unknown, spaced = 0, False
    place = pdfium.FS_RECTF()
    for at in range(layer.count_chars()):
        code = pdfium.FPDFText_GetUnicode(layer, at)
        if code in (9, 10, 13, 32):
            spaced = True
            continue
        if not pdfium.FPDFText_GetLooseCharBox(layer, at, place) or not _is_shown(
            layer, at, place, sides
        ):
            continue
        unknown += _is_unknown(code) or pdfium.FPDFText_HasUnicodeMapError(layer, at) == 1
        turn = _turn(pdfium.FPDFText_GetCharAngle(layer, at))
        here = found.setdefault(turn, Direction(turn))
        here.letters += 1
        _add(here, _letter(code), _turned(place, turn or 0, sides), spaced)
        spaced = False
    return list(found.values()), unknown


def _is_shown(layer: pypdfium2.PdfTextPage, at: int, place: pdfium.FS_RECTF, sides: tuple) -> bool:
    """Tell whether a person would see the letter: some have no ink or stand off the page."""
    left, bottom, right, top = sides
    across, up = (place.left + place.right) / 2, (place.bottom + place.top) / 2
    if not (left <= across <= right and bottom <= up <= top):
        return False
    written = pdfium.FPDFText_GetTextObject(layer, at)
    return not written or pdfium.FPDFTextObj_GetTextRenderMode(written) != (
        pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
    )


def _add(direction: Direction, letter: str, place: tuple[float, ...], spaced: bool) -> None:
    left, top, right, bottom = place
    run = direction.runs[-1] if direction.runs else None
    askew = direction.turn is None
    if run is None or not (askew or run.continues(left, top, bottom)):
        direction.runs.append(Run(letter, left, top, right, bottom))
        return
    run.text += f" {letter}" if spaced else letter
    # The height stays that of the first letter, or one raised letter would lift the whole line.
    run.left, run.right = min(run.left, left), max(run.right, right)


def _turn(angle: float) -> int | None:
    quarters = -angle / (math.pi / 2)  # PDFium counts with the clock
    return round(quarters) % 4 if abs(quarters - round(quarters)) < ASKEW else None


def _turned(place: pdfium.FS_RECTF, turn: int, sides: tuple) -> tuple[float, ...]:
    """Return left, top, right, bottom on the page turned so that its writing runs level."""
    left, bottom, right, top = sides
    x0, x1 = sorted((place.left, place.right))
    y0, y1 = sorted((place.bottom, place.top))
    match turn:
        case 0:
            return x0 - left, top - y1, x1 - left, top - y0
        case 1:
            return y0 - bottom, x0 - left, y1 - bottom, x1 - left
        case 2:
            return right - x1, y0 - bottom, right - x0, y1 - bottom
        case _:
            return top - y1, right - x1, top - y0, right - x0


def _piece(run: Run) -> Piece:
    corners = (
        (run.left, run.top),
        (run.right, run.top),
        (run.right, run.bottom),
        (run.left, run.bottom),
    )
    return Piece(" ".join(run.text.split()), 1.0, corners)


def _is_unknown(code: int) -> bool:
    return code in (0, REPLACEMENT) or code in PRIVATE or code in SURROGATES


def _letter(code: int) -> str:
    if code == HYPHEN:
        return "-"
    return chr(code) if code not in SURROGATES and code <= LAST_CODE else chr(REPLACEMENT)
