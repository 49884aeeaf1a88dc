"""Whether a word of a passage stands for a word of a question."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from chat.answering.questions import Term

BEGINNING, ROOT = 5, 7
SAME_BEGINNING, SAME_ROOT = 0.8, 0.7


def match(term: Term, words: Iterable[tuple[str, frozenset[str]]]) -> float:
    """Return how well the best of `words` stands for `term`, from 0 to 1."""
    return max((alike(term.keys, keys) for _, keys in words), default=0.0)


@lru_cache(maxsize=50_000)
def alike(asked: frozenset[str], keys: frozenset[str]) -> float:
    """Return 1 for a shared stem or meaning, less for a shared beginning or root."""
    if asked & keys:
        return 1.0
    return max((_kin(one, other) for one in asked for other in keys), default=0.0)


def _kin(one: str, other: str) -> float:
    """Liken "cardiolog-ist" and "cardiolog-y", "arthritis" and "osteo-arthritis"."""
    shorter, longer = sorted((one, other), key=len)
    if "=" in (shorter[:1], longer[:1]) or len(shorter) < BEGINNING:
        return 0.0
    if len(shorter) >= ROOT and longer.endswith(shorter):
        return SAME_ROOT
    shared = next(
        (at for at, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter)
    )
    enough = shared >= BEGINNING and shared >= 0.75 * len(longer)
    return SAME_BEGINNING if enough and not any(map(str.isdigit, longer)) else 0.0
