"""What every answerer takes and gives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a sentence comes from: `passages[passage][start:end] == quote`, always."""

    passage: int
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """One claim and the passages that carry it; there is no claim without a citation."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Sentences that answer, or none where `abstained`; `confidence` lies between 0 and 1."""

    sentences: tuple[Sentence, ...]
    confidence: float
    abstained: bool
    model: str

    @property
    def text(self) -> str:
        """The sentences as one text, empty where the answerer abstained."""
        return " ".join(sentence.text for sentence in self.sentences)


class Answerer(Protocol):
    """Answers a question from passages and from nothing else."""

    @property
    def name(self) -> str:
        """What answered, as `Answer.model` names it."""
        ...

    def answer(
        self,
        question: str,
        passages: Sequence[str],
        *,
        language: str,
        names: Collection[str] = (),
    ) -> Answer:
        """Answer `question` from `passages`, the likeliest first, or abstain.

        `language` ("en", "pt", "es") is taken where a text does not show its own; `names` are
        the patient's own, which say nothing about what is asked. What a passage tells the
        answerer to do is not done. Raises `chat.endpoints.EndpointError` where a remote service
        fails.
        """
        ...


def abstention(model: str, confidence: float = 0.0) -> Answer:
    """Return the answer that says nothing, because the passages do not carry one."""
    return Answer((), confidence, abstained=True, model=model)
