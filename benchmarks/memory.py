"""Memory of the processes, in MB of resident set (VmRSS; the worker's highest as well)."""

from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from benchmarks.ocr import megabytes_after

WEB_MOST, WORKER_MOST = 250, 1200


@dataclass(frozen=True)
class Row:
    """One process; `most` is what it may use."""

    name: str
    megabytes: float
    most: float


# What a worker holds once it has read a letter, cut it into passages, and embedded them.
WORKER = """import sys, django
django.setup()
from chat.embedding.local import LocalEmbedder
from chat.passages import split
from config import celery
from records.ocr import read_document
celery.app.loader.import_default_modules()
pages = read_document(sys.stdin.buffer.read()).pages
LocalEmbedder().embed([passage.text for passage in split([page.text for page in pages])])
kept = open("/proc/self/status").read()
print(*(kept.split(name)[1].split()[0] for name in ("VmRSS:", "VmHWM:")))
"""


def web(server: psutil.Process) -> Iterator[Row]:
    """The web processes that were just measured."""
    for number, process in enumerate(server.children(recursive=True), 1):
        size = process.memory_info().rss / 2**20
        yield Row(f"web process {number}, after the above", size, WEB_MOST)


def worker() -> Iterator[Row]:
    """A fresh process with all that a worker loads."""
    kept, highest = megabytes_after(WORKER)
    yield Row("worker, with OCR and embedding loaded", kept, WORKER_MOST)
    yield Row("worker, at most", highest, WORKER_MOST)
