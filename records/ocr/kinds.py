"""What a file is, known by its content; its name and what the sender calls it count for nothing."""

from __future__ import annotations

import re

from records.ocr import limits
from records.ocr.errors import Reason, Unreadable

PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
TIFF, TEXT = "image/tiff", "text/plain"
KINDS = (PDF, PNG, JPEG, TIFF, TEXT)

BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
)
BOM = b"\xef\xbb\xbf"
# Some programs put a mark or an empty line before the header, which readers allow.
PDF_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,16}%PDF-")
# Formats that are written in letters and still are no text that a person wrote.
MARKUP = re.compile(rb"\s*(?:<[a-zA-Z!?/]|\{\\rtf|%!PS|MIME-Version:)")
CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f]")
# PDF readers look for the header within this distance, so a picture may carry one unseen.
PDF_HEADER_WITHIN = 1024
ZIP_END = b"PK\x05\x06"
ZIP_END_SIZE = 22


def recognise(data: bytes) -> str:
    """Return the MIME type of a file that can be read, one of KINDS.

    Looks at the bytes only and decodes nothing, so a web process may call it. Raises Unreadable
    for what is empty, too large, of another kind, or of two kinds at once.
    """
    limits.check_bytes(len(data))
    kind = PDF if PDF_BEGINNING.match(data) else _picture(data) or _text(data)
    if _is_also_zip(data) or (kind != PDF and b"%PDF-" in data[:PDF_HEADER_WITHIN]):
        raise Unreadable(Reason.AMBIGUOUS, kind)
    return kind


def require_end(data: bytes, kind: str) -> None:
    """Raise Unreadable for a PDF without its end: most readers repair it, and lose pages unseen."""
    if kind == PDF and b"%%EOF" not in data.rstrip(b"\x00\r\n\t ")[-4096:]:
        raise Unreadable(Reason.TRUNCATED, kind)


def _picture(data: bytes) -> str | None:
    return next((kind for start, kind in BEGINNINGS if data.startswith(start)), None)


def _text(data: bytes) -> str:
    body = data.removeprefix(BOM)
    if not body.strip():
        raise Unreadable(Reason.EMPTY)
    if b"\x00" in body or MARKUP.match(body):
        raise Unreadable(Reason.UNSUPPORTED)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        # Latin letters in the old encodings still leave a file without control characters.
        looks_written = not CONTROLS.search(body.decode("cp1252", "ignore"))
        raise Unreadable(Reason.NOT_UTF8 if looks_written else Reason.UNSUPPORTED) from None
    if len(CONTROLS.findall(text)) > len(text) / 100:
        raise Unreadable(Reason.UNSUPPORTED, "control characters")
    return TEXT


def _is_also_zip(data: bytes) -> bool:
    """Tell whether the file ends as a ZIP archive does, whatever it begins with."""
    at = data.rfind(ZIP_END, max(0, len(data) - ZIP_END_SIZE - 0xFFFF))
    if at < 0 or at + ZIP_END_SIZE > len(data):
        return False
    comment = int.from_bytes(data[at + 20 : at + 22], "little")
    return at + ZIP_END_SIZE + comment == len(data)
