"""The sentences of passages that could be an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chat.answering.evidence import is_formality
from chat.answering.questions import Kind, Question, words
from chat.lexemes import language_of
from chat.sentences import BULLET, Span, sentences

LONGEST_LIST = 12
# Text that speaks to whoever answers tells nothing about the patient.
COMMAND = re.compile(
    r"\b(ignor[ae]|disregard|forget|desconsider[ae]|esque[cç]a|olvid[ae])\b.{0,40}"
    r"\b(instruction|instru|prompt|above|previous|anterior)|\b(system prompt|you are (an?|the) "
    r"(ai|assistant|model|chatbot)|as an ai|(answer|respond|reply|say|responda|diga|responde)\b"
    r".{0,20}\b(that|with|only|que|com|con|solo|apenas)\b)",
    re.I,
)


@dataclass
class Candidate:
    """A sentence, or a list with its heading: `passages[passage][start:end] == text`."""

    passage: int
    start: int
    end: int
    text: str
    is_list: bool
    words: list[tuple[str, frozenset[str]]] = field(repr=False)
    features: dict[str, float] = field(repr=False, default_factory=dict)

    def may_answer(self, question: Question) -> bool:
        """Whether it states something: no heading, salutation, question or command.

        A whole list answers only an open question ("which medications"); to "when" or "how
        much", one of its entries does.
        """
        bare = self.text.rstrip()
        return (
            bool(self.words)
            and not bare.endswith((":", "?"))
            and not (self.is_list and question.kind is not Kind.ANYTHING)
            and not is_formality(bare)
            and not COMMAND.search(bare)
        )


def candidates(passages: Sequence[str], language: str) -> list[Candidate]:
    """Return every sentence of the passages, and every list together with its heading.

    Each passage is read in its own language, in `language` where it does not show one.
    """
    found = []
    for index, text in enumerate(passages):
        spoken = language_of(text, default=language)
        for span, is_list in _stretches(text):
            piece = text[span.start : span.end]
            found.append(Candidate(index, *span, piece, is_list, words(piece, spoken)))
    return found


def _stretches(text: str) -> Iterator[tuple[Span, bool]]:
    spans = sentences(text)
    for place, span in enumerate(spans):
        yield span, False
        if text[span.start : span.end].endswith(":"):
            items = 0
            for item in spans[place + 1 : place + 1 + LONGEST_LIST]:
                if not BULLET.match(text, item.start, item.end):
                    break
                items += 1
            if items:
                yield Span(span.start, spans[place + items].end), True
