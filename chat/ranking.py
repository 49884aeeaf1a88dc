"""Ordering passages: BM25 over lexemes, cosine over vectors, and the two fused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

# Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
SATURATION, LENGTH = 1.2, 0.75
# Measured by benchmarks/answers.py; docs/answers.md has the figures.
LEXICAL_WEIGHT = 0.25
EXACT_WEIGHT = 0.7


def bm25(
    query: Mapping[str, int],
    passages: Sequence[Mapping[str, int]],
    document_frequencies: Mapping[str, int],
    total: int,
    *,
    average_length: float | None = None,
) -> list[float]:
    """Return the BM25 score of each passage, given as counts of lexemes (or of their hashes).

    `document_frequencies` says in how many of the `total` passages of the searched collection
    each lexeme of the query occurs; `average_length` is that collection's, in lexemes, and where
    it is left out the mean of `passages` stands for it.
    """
    lengths = [sum(passage.values()) for passage in passages]
    usual = average_length or (fmean(lengths) if lengths else 0.0) or 1.0
    rarities = {lexeme: rarity(document_frequencies.get(lexeme, 0), total) for lexeme in query}
    return [
        sum(
            rarities[lexeme] * _saturated(passage[lexeme], length / usual)
            for lexeme in query
            if lexeme in passage
        )
        for passage, length in zip(passages, lengths, strict=True)
    ]


def rarity(occurrences: int, total: int) -> float:
    """Return the inverse document frequency of a lexeme, never negative."""
    return math.log(1 + (max(total, occurrences) - occurrences + 0.5) / (occurrences + 0.5))


def fuse(
    lexical: Sequence[float], cosine: Sequence[float], *, weight: float = LEXICAL_WEIGHT
) -> list[float]:
    """Return one score for each candidate from its lexical and its cosine score.

    Each side is put on its own scale of standard deviations over the candidates, then weighed:
    `weight` for the lexical one, the rest for the cosine. Give 0.0 as the lexical score of a
    candidate that only the vectors found. The scores order one query's candidates and mean
    nothing beside another query's.
    """
    return [
        weight * words + (1 - weight) * meaning
        for words, meaning in zip(_standard(lexical), _standard(cosine), strict=True)
    ]


def lexical_weight(query: Iterable[str]) -> float:
    """Return the weight of the words for a query of these lexemes.

    Vectors blur codes, numbers and names of few letters; who asks for one means exactly that, so
    the more of the query they are, the more its words count.
    """
    exact = [any(letter.isdigit() for letter in lexeme) for lexeme in query]
    share = sum(exact) / len(exact) if exact else 0.0
    return LEXICAL_WEIGHT + (EXACT_WEIGHT - LEXICAL_WEIGHT) * min(1.0, 2 * share)


def _saturated(count: int, relative_length: float) -> float:
    return count * (SATURATION + 1) / (count + SATURATION * (1 - LENGTH + LENGTH * relative_length))


def _standard(scores: Sequence[float]) -> list[float]:
    if len(scores) == 0:
        return []
    middle = math.fsum(scores) / len(scores)
    spread = math.sqrt(math.fsum((score - middle) ** 2 for score in scores) / len(scores))
    return [(score - middle) / spread if spread else 0.0 for score in scores]
