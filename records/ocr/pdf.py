"""Opens PDFs, inside the decoding process only: the text layer where it is good, else a picture.

A text layer is good when its characters are known and it holds all that the page shows. It is not
where pictures cover more than a quarter of the page (a scan, or a table pasted as a picture), where
letters were drawn as curves, or where a form or a stamp was filled in on top.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from records.ocr import limits
from records.ocr.errors import Reason, Unreadable
from records.ocr.page import Page, Picture
from records.ocr.pictures import as_picture
from records.ocr.textlayer import read_text

MAX_UNKNOWN = 0.05  # of the characters
MAX_COVERED = 0.25  # of the page
MAX_OBJECTS = 5_000  # that are looked at: no page of text has more
FEW_CHARACTERS, MANY_CURVES = 100, 300
DRAWN_ON = {
    pdfium.FPDF_ANNOT_WIDGET,
    pdfium.FPDF_ANNOT_FREETEXT,
    pdfium.FPDF_ANNOT_STAMP,
    pdfium.FPDF_ANNOT_INK,
}


def open_pdf(data: bytes) -> tuple[int, Iterator[Page | Picture]]:
    """Return the number of pages and, one after the other, their text or pictures.

    Raises Unreadable for what is encrypted, damaged or too much.
    """
    try:
        document = pypdfium2.PdfDocument(data)
        if document.get_formtype() == pdfium.FORMTYPE_XFA_FULL:
            # Such a file holds a program that draws the form and, as pages, a request to wait.
            raise Unreadable(Reason.UNSUPPORTED, "XFA form")
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        raise Unreadable(Reason.ENCRYPTED if locked else Reason.BROKEN, str(error)) from error
    count = len(document)
    limits.check_pages(count)
    return count, _pages(document, count)


def _pages(document: pypdfium2.PdfDocument, count: int) -> Iterator[Page | Picture]:
    characters = 0
    for at in range(count):
        try:
            page = document[at]
            read = _text(page) or _drawn(page)
            page.close()
        except pypdfium2.PdfiumError as error:
            raise Unreadable(Reason.BROKEN, f"page {at + 1}: {error}") from error
        if isinstance(read, Page):
            characters += len(read.text)
            limits.check_characters(characters)
        yield read


def _text(page: pypdfium2.PdfPage) -> Page | None:
    """Return the page's text layer, or nothing where it is not good."""
    layer = page.get_textpage()
    count = layer.count_chars()
    limits.check_characters(count)
    if not count or _is_drawn_on(page) or _holds_more_than_text(page, count):
        return None
    read, unknown = read_text(page, layer)
    return read if unknown <= MAX_UNKNOWN and read.text else None


def _is_drawn_on(page: pypdfium2.PdfPage) -> bool:
    for at in range(min(pdfium.FPDFPage_GetAnnotCount(page), MAX_OBJECTS)):
        note = pdfium.FPDFPage_GetAnnot(page, at)
        kind = pdfium.FPDFAnnot_GetSubtype(note)
        pdfium.FPDFPage_CloseAnnot(note)
        if kind in DRAWN_ON:
            return True
    return False


def _holds_more_than_text(page: pypdfium2.PdfPage, characters: int) -> bool:
    covered, curves = 0.0, 0
    for thing in itertools.islice(page.get_objects(max_depth=1), MAX_OBJECTS):
        if thing.type == pdfium.FPDF_PAGEOBJ_PATH:
            curves += 1
        elif thing.type == pdfium.FPDF_PAGEOBJ_IMAGE or _has_picture(page, thing):
            left, bottom, right, top = thing.get_bounds()
            covered += max(right - left, 0) * max(top - bottom, 0)
    if covered > MAX_COVERED * page.get_width() * page.get_height():
        return True
    return characters < FEW_CHARACTERS and curves > MANY_CURVES


def _has_picture(page: pypdfium2.PdfPage, thing: pypdfium2.PdfObject) -> bool:
    if thing.type != pdfium.FPDF_PAGEOBJ_FORM:
        return False
    inner = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4, form=thing, level=1)
    return next(itertools.islice(inner, 1), None) is not None


def _drawn(page: pypdfium2.PdfPage) -> Picture:
    width, height = page.get_size()
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise Unreadable(Reason.BROKEN, "a page without size")
    scale = limits.DPI / 72
    scale *= limits.reduced(width * scale, height * scale)
    if min(width, height) * scale < 1:
        raise Unreadable(Reason.BROKEN, "a page that is a line")
    bitmap = page.render(scale=scale, rev_byteorder=True)
    image: Image.Image = bitmap.to_pil().convert("RGB")
    bitmap.close()
    return as_picture(image)
