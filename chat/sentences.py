"""Sentence borders in clinical text: English, Portuguese and Spanish, prose, lists and tables.

Letters and laboratory sheets are only partly prose. A line of a list or of a table is a sentence
of its own, a line that was merely wrapped is not, and a full stop ends nothing after an
abbreviation, within a number or within a date.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

ABBREVIATIONS = frozenset(
    # Titles and names.
    "dr dra drs dras mr mrs ms mx prof profa profª sr sra srs sras srta sto sta jr st "
    # Citing and listing.
    "e.g eg i.e ie etc vs cf al approx aprox ca no nos nr nº núm num fig figs tab vol p pp pág pag "
    "art ed ref obs ex p.ex par cap séc c.f av avda rua "
    # Doses and routes.
    "mg mcg µg ml dl kg mmol mol ui iu comp comps cp cps gts gt amp cáp tab tabs inj sol susp "
    "i.v iv i.m im s.c sc s.l sl p.o po v.o vo e.v ev q.d b.i.d bid t.i.d tid q.i.d qid p.r.n prn "
    "s.o.s a.c p.c h.s "
    # Clinical shorthand.
    "pt pts pac hx dx tx rx sx fx adm admin temp resp hosp dept depto tel telf ramal ext est "
    # Months.
    "jan feb fev mar apr abr may mai jun jul aug ago sep sept set oct out nov dec dez dic "
    "ene".split()
)
# After these a capital letter or a digit nearly always continues the same sentence; the other
# abbreviations also stand at the end of sentences ("18 mg. She sleeps well").
NEVER_LAST = frozenset(
    "dr dra drs dras mr mrs ms mx prof profa profª sr sra srs sras srta sto st e.g eg i.e ie vs cf "
    "p.ex approx aprox ca fig figs no nos nr nº núm num art ref pág pag".split()
)
# A run of stops is tried from its start alone, or a page of dots would take hours.
STOP = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？।។]")
LAST_WORD = re.compile(r"[\wªº.]+$")
BULLET = re.compile(r"\s*(?:[-–—•·*▪◦►✓]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+\S")
LABEL = re.compile(r"\s*[^\s:.;,][^:.;\n]{0,40}:\s")
COLUMNS = re.compile(r"\S(?:\t|\s{3,}|\s*\|\s*)\S")
# Lines are not wrapped at fewer letters than this.
NARROWEST = 40
BLANK = re.compile(r"\n[ \t\r]*\n\s*")


class Span(NamedTuple):
    """A half-open stretch of a text, in characters."""

    start: int
    end: int


def paragraphs(text: str) -> list[Span]:
    """Return the stretches of `text` between blank lines, without the white space around them."""
    return _trimmed(text, 0, len(text), [found.end() for found in BLANK.finditer(text)])


def sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order; together they hold every visible character."""
    found: list[Span] = []
    width = max((len(line.rstrip()) for line in text.splitlines() if not _is_row(line)), default=0)
    for paragraph in paragraphs(text):
        for block in _trimmed(text, *paragraph, _hard_breaks(text, paragraph, width)):
            found += _trimmed(text, *block, _stops(text, block))
    return found


def _trimmed(text: str, start: int, end: int, borders: list[int]) -> list[Span]:
    spans = []
    for left, right in zip([start, *borders], [*borders, end], strict=True):
        piece = text[left:right]
        if piece.strip():
            lead = len(piece) - len(piece.lstrip())
            spans.append(Span(left + lead, left + len(piece.rstrip())))
    return spans


def _hard_breaks(text: str, paragraph: Span, width: int) -> list[int]:
    """Return the line ends that an author set, leaving out those that the page's width forced."""
    lines, at = [], paragraph.start
    for line in text[paragraph.start : paragraph.end].splitlines(keepends=True):
        lines.append((at, line.rstrip()))
        at += len(line)
    return [
        begin
        for (_, above), (begin, line) in pairwise(lines)
        if _stands_alone(line) or _is_row(above) or _ends_early(above, line, width)
    ]


def _stands_alone(line: str) -> bool:
    return bool(BULLET.match(line) or LABEL.match(line)) or _is_row(line)


def _is_row(line: str) -> bool:
    return bool(COLUMNS.search(line.strip()))


def _ends_early(above: str, line: str, width: int) -> bool:
    """A wrapped line would have had room for the word that starts the next one."""
    following = line.split(maxsplit=1)[0] if line.strip() else ""
    has_room = len(above) + 1 + len(following) <= max(width, NARROWEST) * 0.85
    return has_room and not following[:1].islower()


def _stops(text: str, block: Span) -> list[int]:
    return [
        found.end()
        for found in STOP.finditer(text, block.start, block.end)
        if _ends_sentence(text, block, found)
    ]


def _ends_sentence(text: str, block: Span, stop: re.Match[str]) -> bool:
    following = text[stop.end() : block.end].lstrip().lstrip("\"'“‘«([¿¡")
    if not following:
        return False
    if stop.group()[0] != ".":
        return not following[0].islower()
    before = LAST_WORD.search(text, max(block.start, stop.start() - 24), stop.start())
    word = before.group().lower().strip(".") if before else ""
    if following[0].islower():
        return False
    if BULLET.fullmatch(text, block.start, min(stop.end() + 2, block.end)):
        return False
    if len(word) == 1 and word.isalpha() and before and before.group().isupper():
        return False
    if word in NEVER_LAST:
        return False
    return not (word in ABBREVIATIONS and following[0].isdigit())
