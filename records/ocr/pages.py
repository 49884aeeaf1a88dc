"""The pages of a document, decoded in a process of their own that hostile bytes may wreck."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from records.ocr import frames, kinds, limits
from records.ocr.characters import tidy
from records.ocr.errors import DecoderUnavailable, Reason, Unreadable
from records.ocr.page import Line, Page, Picture

# Workers may not start processes through multiprocessing (their pool makes them daemons), and
# forking one with models loaded would be heavy: the decoder is a fresh interpreter.
DECODER = (sys.executable, "-P", "-s", "-m", "records.ocr.decoder")
ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def open_document(data: bytes, mime_type: str) -> Iterator[tuple[int, Iterator[Page | Picture]]]:
    """Give the number of pages and, one after the other, each page's text or picture.

    `mime_type` is what kinds.recognise() answered. Raises Unreadable, also while the pages are
    gone through; raises DecoderUnavailable where the decoder cannot start. Nothing of the document
    is ever written to a disk. No process is left behind.
    """
    if mime_type == kinds.TEXT:
        texts = _text_pages(data)
        yield len(texts), iter(texts)
        return
    try:
        decoder = _Decoder(mime_type)
    except OSError as error:
        raise DecoderUnavailable(str(error)) from error
    try:
        yield decoder.take(data), decoder.pages()
    finally:
        decoder.stop()


def _text_pages(data: bytes) -> list[Page]:
    """Part a plain text at its form feeds."""
    text = data.removeprefix(kinds.BOM).decode()
    limits.check_characters(len(text))
    parts = text.rstrip("\f\r\n ").split("\f")
    limits.check_pages(len(parts))
    tidied = [tidy(part).strip("\n") for part in parts]
    return [
        Page(part, [Line(line, 1.0) for line in part.split("\n") if line.strip()])
        for part in tidied
    ]


class _Decoder:
    """One running decoder and how much longer it may keep its reader waiting."""

    def __init__(self, mime_type: str) -> None:
        self.process = subprocess.Popen(
            [*DECODER, mime_type],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            # Keys and passwords in the worker's environment are not for a process that may fall.
            env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
            # Ctrl-C at the worker's terminal ends the worker, and must not damn the document.
            start_new_session=True,
            bufsize=0,
        )
        self.count = 0
        self.patience = float(limits.SECONDS_STARTING)
        os.set_blocking(self.process.stdin.fileno(), False)
        os.set_blocking(self.process.stdout.fileno(), False)

    def take(self, data: bytes) -> int:
        """Hand over the document; return how many pages it has."""
        try:
            kind, _ = self._receive()
        except (Unreadable, frames.Malformed) as error:
            raise DecoderUnavailable(str(error)) from error
        if kind != frames.READY:
            raise DecoderUnavailable(repr(kind))
        self.patience = float(limits.SECONDS_WAITING)
        self._send(memoryview(data))
        self.count = frames.COUNT.unpack(self._expect(frames.PAGES))[0]
        limits.check_pages(self.count)
        return self.count

    def pages(self) -> Iterator[Page | Picture]:
        """Yield each page, text or picture, as the decoder sends it."""
        characters = 0
        for _ in range(self.count):
            kind, body = self._answer(frames.TEXT, frames.PICTURE)
            try:
                page = _UNPACK[kind](body)
            except frames.Malformed as error:
                raise Unreadable(Reason.CRASHED, str(error)) from error
            if isinstance(page, Page):
                characters += len(page.text)
                limits.check_characters(characters)
            yield page

    def stop(self) -> None:
        """End the process, whatever it is doing, and take back its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _expect(self, kind: bytes) -> bytes:
        return self._answer(kind)[1]

    def _answer(self, *wanted: bytes) -> tuple[bytes, bytes]:
        try:
            kind, body = self._receive()
        except frames.Malformed as error:
            raise Unreadable(Reason.CRASHED, str(error)) from error
        if kind == frames.REFUSED:
            reason, _, detail = body.decode(errors="replace").partition(" ")
            known = reason in Reason.__members__.values()
            raise Unreadable(Reason(reason) if known else Reason.CRASHED, detail)
        if kind not in wanted or (kind == frames.PAGES and len(body) != frames.COUNT.size):
            raise Unreadable(Reason.CRASHED, f"unexpected {kind!r}")
        return kind, body

    def _receive(self) -> tuple[bytes, bytes]:
        kind, length = frames.length_of(self._read(frames.HEADER.size))
        return kind, self._read(length)

    def _send(self, data: memoryview) -> None:
        pipe = self.process.stdin.fileno()
        while data:
            self._await(pipe, select.POLLOUT)
            try:
                data = data[os.write(pipe, data) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._ended() from None
        self.process.stdin.close()

    def _read(self, length: int) -> bytes:
        pipe = self.process.stdout.fileno()
        read = bytearray()
        while len(read) < length:
            self._await(pipe, select.POLLIN)
            try:
                part = os.read(pipe, min(length - len(read), 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                raise self._ended()
            read += part
        return bytes(read)

    def _await(self, pipe: int, event: int) -> None:
        begun = time.monotonic()
        poll = select.poll()
        poll.register(pipe, event)
        ready = poll.poll(max(self.patience, 0) * 1000)
        self.patience -= time.monotonic() - begun
        if not ready or self.patience < 0:
            raise Unreadable(Reason.TOO_COMPLEX, "time")

    def _ended(self) -> Unreadable:
        """Say why the process closed its pipe before all was said."""
        try:
            status = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Unreadable(Reason.CRASHED, "silent")
        # The kernel sends SIGXCPU at the soft limit and SIGKILL at the hard one; ours are equal.
        if status == -signal.SIGXCPU:
            return Unreadable(Reason.TOO_COMPLEX, "processor time")
        return Unreadable(Reason.CRASHED, f"exit {status}")


_UNPACK = {frames.TEXT: frames.unpack_page, frames.PICTURE: frames.unpack_picture}
