"""Answering a question from passages, each sentence with the place it was taken from.

One small interface with two real implementations: a local one that quotes whole sentences and
knows when to be silent, and any OpenAI-compatible model whose quotes are verified word for word.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

from django.conf import settings

from chat.answering.answers import Answer, Answerer, Citation, Sentence
from chat.answering.local import LocalAnswerer
from chat.answering.remote import RemoteAnswerer
from chat.embedding.local import LocalEmbedder

__all__ = [
    "Answer",
    "Answerer",
    "Citation",
    "LocalAnswerer",
    "RemoteAnswerer",
    "Sentence",
    "answerer",
]

_choosing = Lock()


def answerer() -> Answerer:
    """Return this process's answerer: remote where ANSWER_URL is set, else local."""
    with _choosing:
        return _chosen(settings.ANSWER_URL, settings.ANSWER_MODEL, settings.ANSWER_API_KEY)


@lru_cache(maxsize=1)
def _chosen(url: str, model: str, key: str) -> Answerer:
    return RemoteAnswerer(url=url, model=model, key=key) if url else LocalAnswerer(LocalEmbedder())
