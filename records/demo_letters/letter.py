"""What a demonstration letter is made of, and its plain text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """The patient whom a letter is about; adults only, since the stories are an adult's."""

    name: str
    date_of_birth: dt.date
    record_number: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A short line above a part of the letter."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; `widths` are each column's share of the page's width."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that the letter answers, with the words of the letter that answer it."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One fictional letter about one person; `facts` are quoted from its blocks word for word."""

    key: str
    language: str
    document_type: str
    title: str
    sender: tuple[str, ...]
    heading: tuple[str, ...]
    blocks: tuple[Heading | Paragraph | Table, ...]
    signature: tuple[str, ...]
    footer: str
    facts: tuple[Fact, ...]

    @property
    def text(self) -> str:
        """The letter in reading order: a blank line between paragraphs, a tab between cells."""
        parts = ["\n".join(self.sender), "\n".join(self.heading), self.title]
        parts += [part for block in self.blocks for part in _text_of(block)]
        return "\n\n".join([*parts, "\n".join(self.signature), self.footer]) + "\n"


def _text_of(block: Heading | Paragraph | Table) -> Iterator[str]:
    if isinstance(block, Table):
        yield "\n".join("\t".join(row) for row in (block.header, *block.rows))
    else:
        yield block.text
