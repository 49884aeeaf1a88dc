"""Decodes pictures, inside the decoding process only."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator

from PIL import Image, ImageFile, ImageOps

from records.ocr import kinds, limits
from records.ocr.errors import Reason, Unreadable
from records.ocr.page import Picture

FORMATS = {kinds.PNG: "PNG", kinds.JPEG: "JPEG", kinds.TIFF: "TIFF"}
GREY = ("1", "L", "I", "F")

# Pillow only warns below twice its own limit; ours is checked from the header, before load().
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False


def open_picture(data: bytes, mime_type: str) -> tuple[int, Iterator[Picture]]:
    """Return the number of pages and, decoded one after the other, their pictures.

    Only the headers are read before the first picture is asked for. Raises Unreadable.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=[FORMATS[mime_type]])
            count = _checked_pages(image) if mime_type == kinds.TIFF else _checked_page(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise Unreadable(Reason.BROKEN, type(error).__name__) from error
    return count, (_page(image, at) for at in range(count))


def _checked_page(image: Image.Image) -> int:
    limits.check_pixels(*image.size)
    return 1


def _checked_pages(image: Image.Image) -> int:
    """Count a TIFF's pages by walking from header to header, no further than is allowed."""
    pixels = 0
    for at in itertools.count():
        limits.check_pages(at + 1)
        try:
            image.seek(at)
        except EOFError:
            return at
        pixels = limits.check_pixels(*image.size, so_far=pixels)


def _page(image: Image.Image, at: int) -> Picture:
    try:
        if at or image.format == "TIFF":
            image.seek(at)
        factor = limits.reduced(*image.size)
        if image.format == "JPEG":
            # The JPEG decoder itself can leave out every second, fourth or eighth pixel.
            image.draft(None, (round(image.width * factor), round(image.height * factor)))
        image.load()
        plain = _plain(ImageOps.exif_transpose(image))
        return as_picture(_square(plain, image.info.get("dpi")))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        cut = "truncated" in str(error)
        raise Unreadable(Reason.TRUNCATED if cut else Reason.BROKEN, str(error)[:200]) from error


def _square(image: Image.Image, dpi: tuple[float, float] | None) -> Image.Image:
    """Stretch the page of a fax, which has half as many dots downwards as across."""
    across, down = (float(value) for value in dpi or (1, 1))
    if not (down > 0 and 1.2 < across / down < 3):
        return image
    tall = round(image.height * across / down)
    fits = image.width * tall <= limits.MAX_PIXELS
    return image.resize((image.width, tall)) if fits else image


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in grey or in red, green and blue, opaque on white paper."""
    if image.mode.startswith(("I", "F")):
        low, high = image.getextrema()
        scale = 255 / (high - low) if high > low else 0
        wide = image.convert("I") if image.mode.startswith("I;") else image
        return wide.point(lambda value: value * scale + -low * scale).convert("L")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        paper = Image.new("RGB", seen.size, "white")
        paper.paste(seen, mask=seen.getchannel("A"))
        return paper
    return image.convert("L" if image.mode in GREY else "RGB")


def as_picture(image: Image.Image) -> Picture:
    """Return the pixels of a grey or coloured picture, reduced to what is read of a page."""
    factor = limits.reduced(*image.size)
    if factor < 1:
        size = max(1, int(image.width * factor)), max(1, int(image.height * factor))
        image = image.resize(size, Image.Resampling.BOX if factor < 0.5 else None, reducing_gap=2.0)
    return Picture(image.width, image.height, len(image.getbands()), image.tobytes())
