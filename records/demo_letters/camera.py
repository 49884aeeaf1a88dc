"""Makes pictures of printed pages: flat, scanned, faxed and photographed, the same each time."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

DPI = 200
PAPER = 255
# The dates inside scanned PDFs are fixed, or no two renderings would be equal.
STAMP = "20250526120000Z"


def flat(pdf: bytes, *, dpi: int = DPI) -> list[Image.Image]:
    """Return each page as a clean grey picture."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=dpi / 72, grayscale=True).to_pil().copy() for page in document]
    finally:
        document.close()


def scanned(page: Image.Image, *, seed: int) -> Image.Image:
    """Return the page as an office scanner gives it: a little turned, grainy, with specks."""
    chance = np.random.default_rng(seed)
    angle = float(chance.uniform(0.4, 1.1)) * (1 if seed % 2 else -1)
    turned = page.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=PAPER)
    grey = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    grey = 22 + grey * (228 / 255) + chance.normal(0, 9, grey.shape)
    specks = chance.random(grey.shape) < 0.00008
    grey[specks] = 40
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def photographed(page: Image.Image, *, seed: int) -> Image.Image:
    """Return the page as a phone sees it on a table: tilted, unevenly lit, slightly blurred."""
    chance = np.random.default_rng(seed)
    width, height = page.size
    edge = width // 18
    table = Image.new("L", (width + 2 * edge, height + 2 * edge), 96)
    table.paste(page, (edge, edge))
    wide, high = table.size
    # The four corners of what the lens sees: upper left, lower left, lower right, upper right.
    corners = np.array([(0, 0), (0, high), (wide, high), (wide, 0)], dtype=float)
    corners += chance.uniform(-0.012, 0.012, corners.shape) * (wide, high)
    seen = table.transform(
        table.size, Image.Transform.QUAD, corners.ravel().tolist(), Image.Resampling.BICUBIC
    )
    soft = np.asarray(seen.filter(ImageFilter.GaussianBlur(0.9)), dtype=np.float32)
    down, across = np.mgrid[0 : 1 : high * 1j, 0 : 1 : wide * 1j].astype(np.float32)
    shade = 1.0 - 0.30 * across - 0.12 * down**2
    light = soft * shade + chance.normal(0, 5, soft.shape)
    tinted = np.stack([light, light * 0.97, light * 0.90], axis=-1)
    return Image.fromarray(np.clip(tinted, 0, 255).astype(np.uint8))


def as_png(page: Image.Image) -> bytes:
    """Return the picture losslessly."""
    return _saved([page], "PNG")


def as_jpeg(page: Image.Image) -> bytes:
    """Return the picture as phones save it."""
    return _saved([page], "JPEG", quality=82)


def as_tiff(pages: list[Image.Image]) -> bytes:
    """Return the pages as one fax: black or white only, CCITT group 4."""
    bilevel = [page.point(lambda grey: 255 * (grey > 140)).convert("1") for page in pages]
    return _saved(bilevel, "TIFF", save_all=True, compression="group4", dpi=(DPI, DPI))


def as_pdf(pages: list[Image.Image]) -> bytes:
    """Return the pages as a PDF of pictures, without any text."""
    return _saved(pages, "PDF", save_all=True, resolution=DPI, creationDate=STAMP, modDate=STAMP)


def _saved(pages: list[Image.Image], format: str, **more: object) -> bytes:
    target = io.BytesIO()
    if more.get("save_all"):
        more["append_images"] = pages[1:]
    pages[0].save(target, format, **more)
    return target.getvalue()
