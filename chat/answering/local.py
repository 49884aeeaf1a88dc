"""Answers without a network: whole sentences of the passages, quoted, or silence.

No language model takes part. Sentences are judged by what they name of the question, by whether
they hold what its kind asks for (a date for "when", a figure for "how much"), and by how near
their meaning lies; a small logistic model turns that into the confidence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from chat.answering.answers import Answer, Citation, Sentence, abstention
from chat.answering.candidates import Candidate, candidates
from chat.answering.features import compare, weigh
from chat.answering.model import Logistic, Model, probability
from chat.answering.questions import Question, read
from chat.embedding.local import LocalEmbedder
from chat.lexemes import language_of

# Each sentence that is compared by meaning costs about 30 ms of one core; more find no more.
SHORTLIST = 5
MOST_SENTENCES = 3
# Another sentence is added where it trails the best one by no more than this, in log-odds.
NEARLY_AS_GOOD = 1.0


class LocalAnswerer:
    """Extractive; safe to use from several threads at once."""

    name = "chartroom-extractive-1"

    def __init__(self, embedder: LocalEmbedder, *, model: Model | None = None) -> None:
        self._embedder = embedder
        self._model = model or Model.load()

    def answer(
        self,
        question: str,
        passages: Sequence[str],
        *,
        language: str,
        names: Collection[str] = (),
    ) -> Answer:
        """Quote the sentences of `passages` that answer `question`, or abstain."""
        asked = read(question, language=language_of(question, default=language), names=names)
        found = self.judged(asked, candidates(passages, language))
        if not found:
            return abstention(self.name)
        confidence = self.sureness(found[0])
        if confidence < self._model.threshold:
            return abstention(self.name, confidence)
        chosen = tuple(_quoted(candidate) for candidate in self._chosen(found))
        return Answer(chosen, confidence, abstained=False, model=self.name)

    def judged(self, asked: Question, found: list[Candidate]) -> list[Candidate]:
        """Return the candidates worth judging, the best first; `found` holds whole passages."""
        if not asked.terms or not found:
            return []
        shortlist = shortlisted(asked, found, self._model.first, self._embedder)
        order = self._model.order
        return sorted(shortlist, key=lambda each: order.logit(each.features), reverse=True)

    def sureness(self, candidate: Candidate) -> float:
        """Return how likely it is that this best candidate answers."""
        return probability(self._model.sure.logit(candidate.features))

    def _chosen(self, found: Sequence[Candidate]) -> list[Candidate]:
        chosen: list[Candidate] = []
        least = self._model.order.logit(found[0].features) - NEARLY_AS_GOOD
        for candidate in found:
            good = self.sureness(candidate) >= self._model.threshold
            near = self._model.order.logit(candidate.features) >= least
            if good and near and not any(_same(candidate, other) for other in chosen):
                chosen.append(candidate)
        return chosen[:MOST_SENTENCES]


def shortlisted(
    asked: Question, found: list[Candidate], first: Logistic, embedder: LocalEmbedder
) -> list[Candidate]:
    """Return the candidates that `first` likes best, with all their features written."""
    weigh(asked, found)
    able = [candidate for candidate in found if candidate.may_answer(asked)]
    able.sort(key=lambda each: first.logit(each.features), reverse=True)
    chosen = able[:SHORTLIST]
    if chosen:
        wanted = embedder.embed([asked.text], asking=True)[0]
        meanings = embedder.embed([candidate.text for candidate in chosen])
        compare(chosen, [float(cosine) for cosine in meanings @ wanted])
    return chosen


def _same(one: Candidate, other: Candidate) -> bool:
    """Whether the two overlap, or say the same in the same words."""
    overlap = one.passage == other.passage and one.start < other.end and other.start < one.end
    return overlap or one.text.split() == other.text.split()


def _quoted(candidate: Candidate) -> Sentence:
    place = Citation(candidate.passage, candidate.text, candidate.start, candidate.end)
    return Sentence(" ".join(candidate.text.split()), (place,))
