"""Pieces of text become lines and paragraphs in the order in which a person reads them."""

import math

import pytest

from records.ocr.layout import Piece, arrange

WIDTH, HEIGHT = 1_600, 2_200
SENTENCE = "The patient was seen today and feels well"


def piece(text: str, left: float, top: float, *, confidence: float = 1.0) -> Piece:
    """A run of text 30 pixels high, 14 wide a letter."""
    right, bottom = left + 14 * len(text), top + 30
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Piece(text, confidence, corners)


def seen(pieces: list[Piece], *, turned: float = 0.0, leaning: float = 0.0) -> list[Piece]:
    """The pieces as a camera sees them: turned by some degrees, leaning more towards the foot."""

    def moved(x: float, y: float) -> tuple[float, float]:
        slope = math.tan(math.radians(turned + leaning * y / HEIGHT))
        return x, y + slope * x

    for one in pieces:
        one.corners = [moved(x, y) for x, y in one.corners]
    return pieces


def text_of(pieces: list[Piece]) -> str:
    return arrange(pieces, width=WIDTH, height=HEIGHT)[0]


def table() -> list[Piece]:
    rows = [("Hemoglobin", "10.9", "g/dL"), ("Ferritin", "18", "ng/mL"), ("Iron", "34", "µg/dL")]
    return [
        piece(cell, left, 500 + 44 * at)
        for at, row in enumerate(rows)
        for cell, left in zip(row, (100, 700, 1_200), strict=True)
    ]


TABLE = "Hemoglobin\t10.9\tg/dL\nFerritin\t18\tng/mL\nIron\t34\tµg/dL"


def test_cells_of_a_row_stay_together_whatever_their_order() -> None:
    assert text_of(table()) == TABLE
    assert text_of(table()[::-1]) == TABLE


@pytest.mark.parametrize(("turned", "leaning"), [(2.0, 0.0), (-3.0, 0.0), (-1.0, 2.5)])
def test_a_page_that_leans_is_levelled_first(turned: float, leaning: float) -> None:
    prose = [piece(SENTENCE, 100, 900 + 44 * at) for at in range(6)]
    assert text_of(seen(table() + prose, turned=turned, leaning=leaning)).startswith(TABLE)


def test_words_on_a_line_are_joined_by_spaces_and_cells_by_tabs() -> None:
    pieces = [piece("Blood", 100, 100), piece("pressure", 190, 103), piece("118/74", 900, 98)]
    assert text_of(pieces) == "Blood pressure\t118/74"


def test_prose_beside_prose_is_read_as_columns_below_its_heading() -> None:
    left = [piece(f"{SENTENCE} {at}", 100, 300 + 44 * at) for at in range(6)]
    right = [piece(f"Right: {SENTENCE} {at}", 850, 310 + 44 * at) for at in range(6)]
    head = piece("A heading across both of the columns of this printed page here", 100, 200)
    foot = piece("A closing line that crosses the gutter between the two columns", 100, 700)
    lines = text_of([*right, foot, *left, head]).replace("\n\n", "\n").split("\n")
    assert lines[0].startswith("A heading") and lines[-1].startswith("A closing")
    assert lines[1:7] == [f"{SENTENCE} {at}" for at in range(6)]
    assert lines[7:13] == [f"Right: {SENTENCE} {at}" for at in range(6)]


def test_two_lines_beside_each_other_make_no_columns() -> None:
    pieces = [
        piece(f"{side} {SENTENCE}", left, 100 + 44 * at)
        for at in range(2)
        for side, left in (("L", 100), ("R", 850))
    ]
    assert text_of(pieces) == "\n".join([f"L {SENTENCE}\tR {SENTENCE}"] * 2)


def test_a_wider_gap_begins_a_paragraph() -> None:
    tops = (100, 144, 188, 255, 299)
    assert text_of([piece(f"Line {at}", 100, top) for at, top in enumerate(tops)]) == (
        "Line 0\nLine 1\nLine 2\n\nLine 3\nLine 4"
    )


def test_a_line_has_its_place_and_the_confidence_of_its_letters() -> None:
    pieces = [piece("ab", 160, 220, confidence=0.5), piece("abcdef", 800, 220, confidence=0.9)]
    (line,) = arrange(pieces, width=WIDTH, height=HEIGHT)[1]
    assert line.confidence == pytest.approx(0.8)
    assert (line.box.left, line.box.top) == (pytest.approx(0.1), pytest.approx(0.1))
    assert line.box.right == pytest.approx((800 + 84) / WIDTH)
    assert line.box.bottom == pytest.approx(250 / HEIGHT)


def test_nothing_gives_nothing() -> None:
    assert arrange([], width=WIDTH, height=HEIGHT) == ("", [])


def test_a_thousand_lines_are_arranged_in_a_moment() -> None:
    pieces = [piece(f"{SENTENCE} {at}", 100 + at % 7, 40 * at) for at in range(1_000)]
    assert len(text_of(pieces).split("\n")) == 1_000
