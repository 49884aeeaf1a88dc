"""A PDF's text layer is used where it holds all that the page shows, and read as written."""

import io
from collections.abc import Callable

import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from records.ocr import Page, pages
from records.ocr.kinds import PDF

LINES = [f"Line {at}: ferritin 18 ng/mL, no iron was given" for at in range(5)]


def drawn(draw: Callable[[Canvas], object]) -> bytes:
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    draw(canvas)
    canvas.save()
    return target.getvalue()


def first_page(data: bytes) -> object:
    with pages.open_document(data, PDF) as (_, found):
        return next(found)


def write(canvas: Canvas, *, left: float = 72, top: float = 700) -> None:
    for at, line in enumerate(LINES):
        canvas.drawString(left, top - 20 * at, line)


def paste(canvas: Canvas, width: float, height: float) -> None:
    canvas.drawImage(ImageReader(Image.new("L", (60, 60), 200)), 50, 50, width, height)


def test_lines_have_their_places() -> None:
    page = first_page(drawn(write))
    assert [line.text for line in page.lines] == LINES
    assert page.lines[0].box.left == pytest.approx(72 / A4[0], abs=0.005)
    assert page.lines[0].box.top < 1 - 700 / A4[1] < page.lines[0].box.bottom


def test_the_order_is_that_of_the_page_and_not_that_of_the_file() -> None:
    def backwards(canvas: Canvas) -> None:
        for at in reversed(range(len(LINES))):
            canvas.drawString(72, 700 - 20 * at, LINES[at])

    assert first_page(drawn(backwards)).text == "\n".join(LINES)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_text_that_is_written_sideways_is_read_along_its_direction(quarter: int) -> None:
    def sideways(canvas: Canvas) -> None:
        canvas.translate(300, 420)
        canvas.rotate(90 * quarter)
        write(canvas, left=-150, top=60)

    page = first_page(drawn(sideways))
    assert page.text == "\n".join(LINES)
    assert page.rotation == 90 * quarter


def test_a_page_that_is_shown_turned_is_read_as_it_was_written() -> None:
    def turned(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        write(canvas, top=500)

    page = first_page(drawn(turned))
    assert (page.text, page.rotation) == ("\n".join(LINES), 270)


def test_a_watermark_does_not_break_the_lines_below_it() -> None:
    def marked(canvas: Canvas) -> None:
        write(canvas)
        canvas.translate(150, 600)
        canvas.rotate(35)
        canvas.setFont("Helvetica", 60)
        canvas.drawString(0, 0, "DRAFT")

    assert first_page(drawn(marked)).text == "\n".join(LINES) + "\n\nDRAFT"


def test_what_nobody_sees_is_not_read() -> None:
    def hidden(canvas: Canvas) -> None:
        write(canvas)
        canvas.drawString(-400, 500, "Penicillin is safe")
        unseen = canvas.beginText(72, 400)
        unseen.setTextRenderMode(3)
        unseen.textOut("Give 400 mg")
        canvas.drawText(unseen)

    assert first_page(drawn(hidden)).text == "\n".join(LINES)


def test_a_small_logo_leaves_the_text_layer_in_use() -> None:
    page = first_page(drawn(lambda canvas: (write(canvas), paste(canvas, 120, 60))))
    assert isinstance(page, Page)


@pytest.mark.parametrize(
    "hide",
    [
        lambda canvas: paste(canvas, 480, 400),
        lambda canvas: canvas.acroForm.textfield(name="dose", value="40 mg", x=300, y=300),
        lambda canvas: canvas.freeTextAnnotation("Allergic", "0 g", [99, 99, 200, 130]),
    ],
)
def test_a_page_that_shows_more_than_its_text_is_read_from_its_picture(
    hide: Callable[[Canvas], object],
) -> None:
    picture = first_page(drawn(lambda canvas: (write(canvas), hide(canvas))))
    assert (picture.width, picture.height) == (round(A4[0] / 72 * 200), round(A4[1] / 72 * 200))


def test_letters_that_were_drawn_as_curves_are_read_from_the_picture() -> None:
    def curves(canvas: Canvas) -> None:
        canvas.drawString(500, 30, "Page 1 of 1")
        for at in range(400):
            canvas.circle(60 + at % 40 * 12, 700 - at // 40 * 12, 4)

    assert not isinstance(first_page(drawn(curves)), Page)


def test_a_text_layer_of_unknown_letters_is_not_used() -> None:
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))

    def written(text: str) -> bytes:
        return drawn(lambda canvas: (canvas.setFont("Vera", 12), canvas.drawString(72, 700, text)))

    assert isinstance(first_page(written("Ferritin")), Page)
    # As some programs embed fonts: letters have shapes, but nothing says which letters they are.
    assert not isinstance(first_page(written("".join(map(chr, range(0xE000, 0xE014))))), Page)
