"""The process in which documents are decoded: `python -m records.ocr.decoder MIME_TYPE`.

It takes a document from standard input and answers with frames on standard output. It has no
secret in its environment, no Django, bounds on memory, processor time and files, and it ends with
the document. Whatever a hostile file does here, the reader goes on.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO

from records.ocr import frames, kinds, limits
from records.ocr.errors import Reason, Unreadable
from records.ocr.page import Page, Picture


def main() -> None:
    """Decode one document under limits; always exits with 0 unless it is killed or runs out."""
    from records.ocr import pdf, pictures  # before the limits, which count what they map

    _confine()
    target = sys.stdout.buffer
    frames.send(target, frames.READY)
    mime_type, data = sys.argv[1], sys.stdin.buffer.read()
    opener = pdf.open_pdf if mime_type == kinds.PDF else pictures.open_picture
    arguments = (data,) if mime_type == kinds.PDF else (data, mime_type)
    try:
        count, pages = opener(*arguments)
        _send_pages(target, count, pages)
    except Unreadable as refusal:
        _refuse(target, refusal.reason, refusal.detail)
    except MemoryError:
        _refuse(target, Reason.TOO_COMPLEX, "memory")
    except BrokenPipeError:
        sys.exit(1)  # The reader is gone or has seen enough.
    except Exception as error:
        # Decoders meet hostile bytes with any exception there is; the reader hears of each.
        _refuse(target, Reason.BROKEN, type(error).__name__)


def _send_pages(target: BinaryIO, count: int, pages: Iterator[Page | Picture]) -> None:
    frames.send(target, frames.PAGES, frames.COUNT.pack(count))
    for page in pages:
        if isinstance(page, Page):
            frames.send(target, frames.TEXT, frames.pack_page(page))
        else:
            size = frames.SIZE.pack(page.width, page.height, page.channels)
            frames.send(target, frames.PICTURE, size, page.pixels)


def _refuse(target: BinaryIO, reason: Reason, detail: str) -> None:
    frames.send(target, frames.REFUSED, f"{reason} {detail}".encode()[:300])


def _confine() -> None:
    bounds = {
        resource.RLIMIT_AS: limits.MEMORY,
        resource.RLIMIT_CPU: limits.CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for what, most in bounds.items():
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
