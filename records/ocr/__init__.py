"""Reading documents: what a file is, whether it may be read, and the text on its pages.

Knows no model of ours and no request; the caller decrypts, stores and reports. Light to import:
decoders live in another process, and the models are loaded with the first picture that is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from records.ocr import limits
from records.ocr.engine import LANGUAGES, Engine, UnknownLanguage, engine_for
from records.ocr.errors import DecoderUnavailable, Reason, Unreadable
from records.ocr.kinds import KINDS, recognise, require_end
from records.ocr.page import Box, Line, Page, Picture, Reading, weighed
from records.ocr.pages import open_document

__all__ = [
    "KINDS",
    "LANGUAGES",
    "Box",
    "DecoderUnavailable",
    "Engine",
    "Line",
    "Page",
    "Picture",
    "Reading",
    "Reason",
    "UnknownLanguage",
    "Unreadable",
    "engine_for",
    "limits",
    "read_document",
    "recognise",
]


def read_document(
    data: bytes,
    *,
    languages: Sequence[str] = LANGUAGES,
    on_progress: Callable[[int, int], object] | None = None,
    reader: Engine | None = None,
) -> Reading:
    """Return what stands on each page of a document.

    Plain text and PDF pages with a good text layer are taken as they are, with confidence 1;
    other pages are pictures and read by `reader`, or by this process's engine for `languages`.
    `on_progress(done, total)` is called with 0 once the pages are counted and after each page; what
    it raises ends the reading. Raises Unreadable where the document is at fault,
    DecoderUnavailable and UnknownLanguage where it is not.
    """
    mime_type = recognise(data)
    require_end(data, mime_type)
    reader = reader or engine_for(languages)
    report = on_progress or (lambda done, total: None)
    deadline = time.monotonic() + limits.SECONDS_A_DOCUMENT
    pages: list[Page] = []
    with open_document(data, mime_type) as (total, found):
        report(0, total)
        for page in found:
            if isinstance(page, Picture):
                # Pages that were scanned in one go lie the same way round.
                page = reader.read(page, turned=pages[-1].rotation if pages else 0)
            pages.append(page)
            report(len(pages), total)
            if time.monotonic() > deadline and len(pages) < total:
                raise Unreadable(Reason.TOO_COMPLEX, f"{len(pages)} of {total} pages")
    return Reading(mime_type, pages, weighed(pages))
