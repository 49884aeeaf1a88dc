"""Splitting the pages of a document into passages that can be searched and cited."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chat.sentences import Span, paragraphs, sentences

FEWEST, WANTED, MOST = 120, 160, 200
WORD = re.compile(r"\S+")


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
    sentence of more than 200 words is cut between words. A short page is one passage, a page
    without text none.
    """
    return [
        Passage(number, start, end, text[start:end])
        for number, text in enumerate(pages, start=1)
        for start, end in _spans(text)
    ]


def _spans(text: str) -> list[Span]:
    units = [piece for sentence in sentences(text) for piece in _cut(text, sentence)]
    closing = {paragraph.end for paragraph in paragraphs(text)}
    groups: list[list[Span]] = [[]]
    for unit in units:
        if groups[-1] and _is_full(text, groups[-1], unit, closing):
            groups.append([])
        groups[-1].append(unit)
    return [Span(group[0].start, group[-1].end) for group in _evened(text, groups) if group]


def _is_full(text: str, group: list[Span], unit: Span, closing: set[int]) -> bool:
    words = _words(text, group)
    if words + _words(text, [unit]) > MOST:
        return True
    return words >= (FEWEST if group[-1].end in closing else WANTED)


def _evened(text: str, groups: list[list[Span]]) -> list[list[Span]]:
    """Move sentences into a last passage that would be too short to be understood alone."""
    if len(groups) < 2:
        return groups
    *first, before, last = groups
    if _words(text, before + last) <= MOST:
        return [*first, before + last]
    while _words(text, last) + _words(text, before[-1:]) <= _words(text, before[:-1]):
        before, last = before[:-1], [before[-1], *last]
    return [*first, before, last]


def _words(text: str, spans: list[Span]) -> int:
    return sum(len(WORD.findall(text, start, end)) for start, end in spans)


def _cut(text: str, sentence: Span) -> list[Span]:
    words = [found.span() for found in WORD.finditer(text, *sentence)]
    if len(words) <= MOST:
        return [sentence]
    runs = [words[at : at + WANTED] for at in range(0, len(words), WANTED)]
    return [Span(run[0][0], run[-1][1]) for run in runs]
