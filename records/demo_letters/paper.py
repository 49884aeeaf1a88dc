"""Sets letters on paper: a PDF with text, the same bytes each time."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, HRFlowable, PageBreak, SimpleDocTemplate, Spacer
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid

from records.demo_letters.letter import Heading, Letter, Paragraph, Table

MARGIN = 62
INK, GREY, RULE = HexColor("#14181d"), HexColor("#4a5560"), HexColor("#9aa5b1")


@functools.cache
def _fonts() -> None:
    # Bitstream Vera comes with reportlab under its own free licence and has every accent needed.
    folder = Path(reportlab.__file__).parent / "fonts"
    pdfmetrics.registerFont(TTFont("Letter", folder / "Vera.ttf"))
    pdfmetrics.registerFont(TTFont("LetterBold", folder / "VeraBd.ttf"))


def _style(name: str, size: float, *, bold: bool = False, **more: object) -> ParagraphStyle:
    font = "LetterBold" if bold else "Letter"
    given = {"textColor": INK, "leading": size * 1.45, **more}
    return ParagraphStyle(name, fontName=font, fontSize=size, **given)


SENDER = _style("sender", 14, bold=True, spaceAfter=2)
ADDRESS = _style("address", 9, textColor=GREY)
TITLE = _style("title", 13, bold=True, spaceBefore=12, spaceAfter=6)
HEADING = _style("heading", 10.5, bold=True, spaceBefore=8, spaceAfter=2)
BODY = _style("body", 10, spaceAfter=6)
CELL = _style("cell", 9.5)
HEAD_CELL = _style("head cell", 9.5, bold=True)
FOOT = _style("foot", 8, textColor=GREY, spaceBefore=18)


def print_pdf(letters: Sequence[Letter]) -> bytes:
    """Return one PDF of the letters, each on a page of its own; US letter for English, else A4."""
    _fonts()
    target = io.BytesIO()
    size = LETTER if letters[0].language == "en" else A4
    document = SimpleDocTemplate(
        target,
        pagesize=size,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=54,
        bottomMargin=48,
        title=letters[0].title,
        author=letters[0].sender[0],
        lang=letters[0].language,
        invariant=1,
    )
    width = size[0] - 2 * MARGIN - 12  # the frame pads its sides by 6 points each
    story: list[Flowable] = []
    for letter in letters:
        story += [*_flow(letter, width), PageBreak()]
    document.build(story)
    return target.getvalue()


def _flow(letter: Letter, width: float) -> list[Flowable]:
    head = [_text(letter.sender[0], SENDER), *(_text(line, ADDRESS) for line in letter.sender[1:])]
    rule = HRFlowable(width="100%", color=RULE, thickness=0.8, spaceBefore=6, spaceAfter=10)
    about = [_text(line, _style("about", 10)) for line in letter.heading]
    signed = [_text(line, _style("signed", 10)) for line in letter.signature]
    body = [_block(block, width) for block in letter.blocks]
    title, foot = _text(letter.title, TITLE), _text(letter.footer, FOOT)
    return [*head, rule, *about, title, *body, Spacer(1, 16), *signed, foot]


def _block(block: Heading | Paragraph | Table, width: float) -> Flowable:
    if isinstance(block, Heading):
        return _text(block.text, HEADING)
    if isinstance(block, Paragraph):
        return _text(block.text, BODY)
    rows = [[_text(cell, HEAD_CELL) for cell in block.header]]
    rows += [[_text(cell, CELL) for cell in row] for row in block.rows]
    lines = [("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE), ("LEFTPADDING", (0, 0), (-1, -1), 2)]
    tight = [("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]
    return Grid(
        rows, colWidths=[share * width for share in block.widths], style=lines + tight, spaceAfter=8
    )


def _text(text: str, style: ParagraphStyle) -> Text:
    return Text(escape(text).replace("\n", "<br/>"), style)
