"""The messages that the decoder sends to the reader, and their bounds.

Each is a kind (one byte), a length (four bytes) and a body. The reader trusts no length and no
size: the decoder has had hostile bytes in its hands.
"""

from __future__ import annotations

import json
import struct
from typing import BinaryIO

from records.ocr import limits
from records.ocr.characters import tidy
from records.ocr.page import Box, Line, Page, Picture

HEADER = struct.Struct(">cI")
SIZE = struct.Struct(">IIB")
COUNT = struct.Struct(">I")

READY, PAGES, TEXT, PICTURE, REFUSED = b"R", b"N", b"T", b"P", b"E"
LONGEST = {
    READY: 0,
    PAGES: COUNT.size,
    TEXT: 64 * 1024 * 1024,
    PICTURE: SIZE.size + 3 * limits.READ_PIXELS,
    REFUSED: 400,
}


class Malformed(ValueError):
    """What the decoder sent is not a message."""


def send(target: BinaryIO, kind: bytes, *parts: bytes) -> None:
    """Write one message and flush it."""
    target.write(HEADER.pack(kind, sum(len(part) for part in parts)))
    for part in parts:
        target.write(part)
    target.flush()


def length_of(header: bytes) -> tuple[bytes, int]:
    """Return the kind and the length that a header announces; raises Malformed."""
    kind, length = HEADER.unpack(header)
    if length > LONGEST.get(kind, -1):
        raise Malformed(f"{length} bytes of {kind!r}")
    return kind, length


def pack_page(page: Page) -> bytes:
    """Return a page of text as a message's body."""
    lines = [(line.text, *_sides(line.box)) for line in page.lines]
    return json.dumps({"text": page.text, "lines": lines, "rotation": page.rotation}).encode()


def unpack_page(body: bytes) -> Page:
    """Return the page of text in a message's body, its characters tidied; raises Malformed."""
    try:
        given = json.loads(body)
        lines = [
            Line(tidy(text), 1.0, Box(*map(float, sides)) if sides else None)
            for text, *sides in given["lines"]
        ]
        return Page(tidy(given["text"]).strip(), lines, 1.0, int(given["rotation"]) % 360)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Malformed(type(error).__name__) from error


def unpack_picture(body: bytes) -> Picture:
    """Return the picture in a message's body; raises Malformed unless its size fits its pixels."""
    if len(body) < SIZE.size:
        raise Malformed("picture without size")
    width, height, channels = SIZE.unpack_from(body)
    pixels = body[SIZE.size :]
    if channels not in (1, 3) or not pixels or width * height * channels != len(pixels):
        raise Malformed(f"{width} by {height} by {channels} in {len(pixels)} bytes")
    return Picture(width, height, channels, pixels)


def _sides(box: Box | None) -> tuple[float, ...]:
    return (box.left, box.top, box.right, box.bottom) if box else ()
