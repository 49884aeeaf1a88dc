"""Splitting the pages of a document into passages that can be searched and cited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from chat.sentences import Span, paragraphs, sentences

FEWEST, WANTED, MOST = 120, 160, 200
# Scripts without spaces and runs of rubbish have words without end: each stretch of twelve
# letters counts as a word, and a run of more than forty may be cut.
PIECE = re.compile(r"\S{1,40}")
LETTERS = 12


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one page: `pages[page - 1][start:end] == text`, pages counted from 1."""

    page: int
    start: int
    end: int
    text: str


def split(pages: list[str]) -> list[Passage]:
    """Split page texts into passages of about 120 to 200 words, each within one page.

    Borders fall between sentences, at the end of a paragraph where one is near; only a single
    sentence of more than 200 words is cut within. A short page is one passage, a page
    without text none.
    """
    return [
        Passage(number, start, end, text[start:end])
        for number, text in enumerate(pages, start=1)
        for start, end in _spans(text)
    ]


def _spans(text: str) -> list[Span]:
    units = [piece for sentence in sentences(text) for piece in _cut(text, sentence)]
    weights = [_weight(text, unit) for unit in units]
    closing = {paragraph.end for paragraph in paragraphs(text)}
    groups: list[range] = []
    start, weight = 0, 0
    for place, unit in enumerate(units):
        enough = FEWEST if place and units[place - 1].end in closing else WANTED
        stretch = (unit.end - units[start].start) // LETTERS
        if place > start and (weight >= enough or max(weight + weights[place], stretch) > MOST):
            groups.append(range(start, place))
            start, weight = place, 0
        weight += weights[place]
    groups.append(range(start, len(units)))
    spans = (Span(units[group[0]].start, units[group[-1]].end) for group in groups if group)
    return _evened(text, list(spans), units)


def _evened(text: str, spans: list[Span], units: list[Span]) -> list[Span]:
    """Move sentences into a last passage that would be too short to be understood alone."""
    if len(spans) < 2:
        return spans
    *first, before, last = spans
    whole = Span(before.start, last.end)
    if _weight(text, whole) <= MOST:
        return [*first, whole]
    if _weight(text, last) >= FEWEST / 2:
        return spans
    theirs = [unit for unit in units if unit.start >= before.start]
    sides = (
        (Span(before.start, left.end), Span(right.start, last.end))
        for left, right in pairwise(theirs)
    )
    return [*first, *min(sides, key=lambda two: max(_weight(text, each) for each in two))]


def _weight(text: str, span: Span) -> int:
    """Return the length in words, white space that goes on and on counted as some."""
    words = sum(_words(piece.group()) for piece in PIECE.finditer(text, *span))
    return max(words, (span.end - span.start) // LETTERS)


def _words(piece: str) -> int:
    return 1 + (len(piece) - 1) // LETTERS


def _cut(text: str, sentence: Span) -> list[Span]:
    """Cut a sentence that alone is longer than a passage may be."""
    if _weight(text, sentence) <= MOST:
        return [sentence]
    spans: list[Span] = []
    weight = WANTED
    for piece in PIECE.finditer(text, *sentence):
        if weight >= WANTED or piece.end() - spans[-1].start > WANTED * LETTERS:
            spans.append(Span(*piece.span()))
            weight = 0
        spans[-1] = Span(spans[-1].start, piece.end())
        weight += _words(piece.group())
    return spans
