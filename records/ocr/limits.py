"""How much a document may ask for, checked from sizes and headers before anything is decoded."""

from __future__ import annotations

from records.ocr.errors import Reason, Unreadable

MAX_BYTES = 25 * 1024 * 1024
MAX_PAGES = 200
MAX_PIXELS = 40_000_000  # of one page: A4 at 600 dots per inch has 35 million
MAX_PIXELS_IN_ALL = 2_000_000_000  # 200 pages of A4 at 300 dots per inch have 1,740 million
MAX_CHARACTERS = 1_000_000

# What is read of a page: pictures above this are reduced, PDF pages are drawn to stay below it.
DPI = 200
READ_PIXELS = 6_000_000
READ_SIDE = 5_000

# What the decoding process may use for one document.
MEMORY = 1024**3
CPU_SECONDS = 120
SECONDS_WAITING = 60  # in all, of the time in which the reader waits for the decoder
SECONDS_STARTING = 60

# How long reading all pages of one document may take.
SECONDS_A_DOCUMENT = 30 * 60


def check_bytes(size: int) -> None:
    """Raise Unreadable where a file of `size` bytes is empty or larger than MAX_BYTES."""
    if size == 0:
        raise Unreadable(Reason.EMPTY)
    if size > MAX_BYTES:
        raise Unreadable(Reason.TOO_LARGE, f"{size} bytes")


def check_pages(count: int) -> None:
    """Raise Unreadable where a document has no page or more than MAX_PAGES."""
    if count < 1:
        raise Unreadable(Reason.BROKEN, "no page")
    if count > MAX_PAGES:
        raise Unreadable(Reason.TOO_MANY_PAGES, f"at least {count} pages")


def check_characters(count: int) -> None:
    """Raise Unreadable where a document has more than MAX_CHARACTERS."""
    if count > MAX_CHARACTERS:
        raise Unreadable(Reason.TOO_MUCH_TEXT, f"at least {count} characters")


def check_pixels(width: int, height: int, *, so_far: int = 0) -> int:
    """Return the pixels of all pages so far, this one of `width` by `height` included.

    Raises Unreadable where one page or all pages have too many, or the page has none.
    """
    pixels = width * height
    if pixels <= 0:
        raise Unreadable(Reason.BROKEN, "a page without size")
    if pixels > MAX_PIXELS or so_far + pixels > MAX_PIXELS_IN_ALL:
        raise Unreadable(Reason.TOO_MANY_PIXELS, f"{width} by {height} pixels")
    return so_far + pixels


def reduced(width: float, height: float) -> float:
    """Return the factor, at most 1, that brings a page within what is read of it."""
    return min(1.0, (READ_PIXELS / (width * height)) ** 0.5, READ_SIDE / max(width, height))
