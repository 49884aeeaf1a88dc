"""Charts with questions, written for this project, by which the local answerer is judged.

Each file is one invented patient: letters, then questions, each with the words that a right answer
holds, or "-" where the chart does not tell. `training` serves to fit, `test` only to measure: its
patients, topics and questions are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Asked:
    """A question with the wordings of which a right answer holds one; none: unanswerable."""

    text: str
    expected: tuple[str, ...]

    @property
    def answerable(self) -> bool:
        """Whether the chart tells."""
        return bool(self.expected)

    def answered_by(self, text: str) -> bool:
        """Whether `text` holds one of the expected wordings, white space aside."""
        return any(wording in " ".join(text.split()) for wording in self.expected)


@dataclass(frozen=True)
class Chart:
    """One patient's letters, a page each, and what is asked about them."""

    name: str
    language: str
    patient: str
    pages: tuple[str, ...]
    questions: tuple[Asked, ...]


def charts(part: str) -> list[Chart]:
    """Return the charts of "training" or of "test"."""
    return [_read(path) for path in sorted((HERE / part).glob("*.txt"))]


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return how often a positive score exceeds a negative one, ties counted half."""
    pairs = [(one > other) + (one == other) / 2 for one in positive for other in negative]
    return sum(pairs) / len(pairs)


def _read(path: Path) -> Chart:
    letters, asked = path.read_text(encoding="utf-8").split("\n== questions\n")
    head, *pages = letters.split("\n== ")
    facts = dict(line.split(": ", 1) for line in head.splitlines() if line)
    lines = asked.strip().splitlines()
    questions = [
        Asked(question.removeprefix("Q: "), _expected(answer.removeprefix("A: ")))
        for question, answer in zip(lines[::2], lines[1::2], strict=True)
    ]
    return Chart(
        path.stem,
        facts["language"],
        facts["patient"],
        tuple(_titled(page) for page in pages),
        tuple(questions),
    )


def _titled(page: str) -> str:
    title, _, text = page.partition("\n")
    return f"{title}\n\n{text.strip()}\n"


def _expected(answer: str) -> tuple[str, ...]:
    return () if answer == "-" else tuple(answer.split(" | "))
