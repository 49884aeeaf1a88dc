"""Turning texts into vectors that lie near one another where the texts mean the same.

One small interface with two real implementations: a local one that needs no network, and any
OpenAI-compatible service. `embedder()` gives the one that the settings choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Protocol

import numpy as np
from django.conf import settings

from chat.embedding.local import LocalEmbedder
from chat.embedding.remote import RemoteEmbedder

__all__ = ["Embedder", "LocalEmbedder", "RemoteEmbedder", "embedder"]

_choosing = Lock()


class Embedder(Protocol):
    """What makes vectors. Safe to use from several threads at once."""

    @property
    def name(self) -> str:
        """The model; a vector is only ever compared with vectors of the same name."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        ...

    def embed(self, texts: Sequence[str], *, asking: bool = False) -> np.ndarray:
        """Return one row of unit length for each text, as float32.

        `asking` says that the texts are questions and not passages, which some models treat
        apart. Raises `chat.endpoints.EndpointError` where a remote service fails.
        """
        ...


def embedder() -> Embedder:
    """Return this process's embedder: remote where EMBEDDING_URL is set, else local."""
    with _choosing:
        return _chosen(settings.EMBEDDING_URL, settings.EMBEDDING_MODEL, settings.EMBEDDING_API_KEY)


@lru_cache(maxsize=1)
def _chosen(url: str, model: str, key: str) -> Embedder:
    return RemoteEmbedder(url=url, model=model, key=key) if url else LocalEmbedder()
