"""Fits the local answerer's small model: python -m benchmarks.answers_fit (about ten minutes).

Two kinds of cases. The charts of chat/answering/evaluation/training say which sentence is right.
MedQuAD's development questions say only which document is: each is asked of a made-up chart of
other documents, once with its own among them and twice without (once with others on the same
disease, once without). Its patients' charts in `test` and the diseases of the odd half are never
seen here; benchmarks/answers.py measures on those.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chat.answering.candidates import Candidate, candidates
from chat.answering.evaluation import charts
from chat.answering.features import LEXICAL, weigh
from chat.answering.local import SHORTLIST, shortlisted
from chat.answering.model import MODEL, Logistic, Model, probability
from chat.answering.questions import Question, read
from chat.embedding.local import LocalEmbedder
from chat.lexemes import lexemes
from chat.passages import split
from chat.ranking import bm25

MEDQUAD = Path(__file__).parents[2] / "shared" / "data" / "medquad" / "dev.jsonl"
SEED = 7
GIVEN = 6
THRESHOLD = 0.5
RIDGE = 0.002
QUESTIONS = 60
# Both groups of one question weigh the same; a MedQuAD question, whose "unanswerable" passages
# now and then do answer, weighs less than a chart's.
WEIGHTS = {"right": 4.0, "wrong": 0.5, "own": 1.5, "same disease": 0.25, "elsewhere": 0.4}
SURE_WEIGHTS = {"own": 0.4, "same disease": 0.12, "elsewhere": 0.24}


@dataclass
class Case:
    """A question with the passages that a search would hand over."""

    origin: str
    kind: str
    asked: Question
    passages: list[str]
    language: str
    right: Callable[[Candidate], bool]


def chart_cases(part: str) -> Iterator[Case]:
    """Yield each question of the charts in `part`."""
    for chart in charts(part):
        passages = [passage.text for passage in split(list(chart.pages))]
        for question in chart.questions:
            yield Case(
                chart.name,
                "answerable" if question.answerable else "unanswerable",
                read(question.text, language=chart.language, names=[chart.patient]),
                best(question.text, passages, chart.language),
                chart.language,
                lambda candidate, question=question: question.answered_by(candidate.text),
            )


def medquad_cases(count: int, *, half: int) -> Iterator[Case]:
    """Yield `count` MedQuAD questions three times each, from one half (0 or 1) of the diseases."""
    rows = medquad()
    rng = random.Random(SEED)
    diseases = sorted({row["focus"] for row in rows})
    rng.shuffle(diseases)
    ours = set(diseases[half::2])
    rows = [row for row in rows if row["focus"] in ours]
    rng.shuffle(rows)
    for row in rows[:count]:
        disease = [other for other in rows if other["focus"] == row["focus"]]
        same = [other for other in disease if other["qtype"] != row["qtype"]]
        others = rng.sample([other for other in rows if other["focus"] != row["focus"]], 12)
        near = rng.sample(same, min(2, len(same)))
        yield from _three(row, near, others)


def medquad() -> list[dict[str, str]]:
    """Read MedQuAD's development questions; raises FileNotFoundError where they are absent."""
    return [json.loads(line) for line in MEDQUAD.read_text(encoding="utf-8").splitlines()]


def best(question: str, passages: Sequence[str], language: str) -> list[str]:
    """Return the passages that share most with the question, the best first."""
    counted = [lexemes(passage, language) for passage in passages]
    wanted = lexemes(question, language)
    frequencies = {word: sum(word in each for each in counted) for word in wanted}
    scores = bm25(wanted, counted, frequencies, len(passages))
    order = sorted(range(len(passages)), key=lambda at: -scores[at])
    return [passages[at] for at in order[:GIVEN]]


def fit(judged: Sequence[tuple[Case, list[Candidate]]], names: Sequence[str], start: Logistic):
    """Return the logistic model that tells right sentences from others, by Newton's method.

    MedQuAD does not name the right sentence: the one that the model so far likes best, among
    those of the right document, is taken for it, four times over.
    """
    model = start
    for _ in range(4):
        rows, labels, weights = [], [], []
        for case, found in judged:
            for candidate, label, weight in _labelled(case, found, model):
                rows.append([candidate.features.get(name, 0.0) for name in names])
                labels.append(label)
                weights.append(weight)
        model = _newton(np.array(rows), np.array(labels), np.array(weights), names)
    return model


def train(cases: Sequence[Case], embedder: LocalEmbedder) -> Model:
    """Return the model fitted to `cases`: the lexical part, the order, then the sureness."""
    start = Logistic({"covered": 3.0, "covered_near": 1.5, "fits": 1.0, "misfits": -1.0}, -3.0)
    everything = []
    for case in cases:
        found = candidates(case.passages, case.language)
        weigh(case.asked, found)
        able = [candidate for candidate in found if candidate.may_answer(case.asked)]
        everything.append((case, able))
    first = fit(everything, LEXICAL, start)
    judged = [(case, _compared(case, first, embedder)) for case in cases]
    order = fit(judged, (*LEXICAL, "meaning", "meaning_ahead"), first)
    return Model(first, order, _sureness(judged, order), THRESHOLD)


def confidence(case: Case, model: Model, embedder: LocalEmbedder) -> tuple[float, bool]:
    """Return the answerer's confidence and whether its best sentence is right."""
    found = _compared(case, model.first, embedder)
    if not found:
        return 0.0, False
    chosen = max(found, key=lambda each: model.order.logit(each.features))
    return probability(model.sure.logit(chosen.features)), case.right(chosen)


def _compared(case: Case, first: Logistic, embedder: LocalEmbedder) -> list[Candidate]:
    return shortlisted(case.asked, candidates(case.passages, case.language), first, embedder)


def _sureness(judged: Sequence[tuple[Case, list[Candidate]]], order: Logistic) -> Logistic:
    """Fit whether the best sentence of a question answers it: one row for each question."""
    names = (*LEXICAL, "meaning")
    rows, labels, weights = [], [], []
    for case, found in judged:
        able = [each for each in found if case.right(each)] if case.kind == "own" else found
        if able:
            chosen = max(able, key=lambda each: order.logit(each.features))
            rows.append([chosen.features.get(name, 0.0) for name in names])
            labels.append(float(case.right(chosen)))
            weights.append(SURE_WEIGHTS.get(case.kind, 1.0))
    return _newton(np.array(rows), np.array(labels), np.array(weights), names)


def _three(row: dict, near: list[dict], others: list[dict]) -> Iterator[Case]:
    own = {passage.text for passage in split([row["answer"]])}
    for kind, documents in (
        ("own", [row, *near, *others]),
        ("same disease", [*near, *others] if near else []),
        ("elsewhere", others),
    ):
        passages = [passage.text for each in documents for passage in split([each["answer"]])]
        given = best(row["question"], passages, "en") if passages else []
        if kind == "own" and not own & set(given):
            return
        if given:
            yield Case(
                f"medquad {row['id']}",
                kind,
                read(row["question"], language="en"),
                given,
                "en",
                lambda found, given=given: given[found.passage] in own,
            )


def _labelled(
    case: Case, found: list[Candidate], model: Logistic
) -> Iterator[tuple[Candidate, float, float]]:
    liked = sorted(found, key=lambda each: -model.logit(each.features))
    if case.kind == "own":
        for candidate in [each for each in liked if case.right(each)][:1]:
            yield candidate, 1.0, WEIGHTS["own"]
    elif case.kind in WEIGHTS:
        for candidate in liked[:2]:
            yield candidate, 0.0, WEIGHTS[case.kind]
    else:
        right = [candidate for candidate in found if case.right(candidate)]
        for candidate in liked[: 2 * SHORTLIST]:
            good = candidate in right
            share = WEIGHTS["right"] / len(right) if good else WEIGHTS["wrong"]
            yield candidate, float(good), share


def _newton(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, names: Sequence[str]):
    design = np.hstack([rows, np.ones((len(rows), 1))])
    weights = weights / weights.sum()
    ridge = np.r_[np.full(len(names), RIDGE), 1e-9]
    beta = np.zeros(design.shape[1])
    for _ in range(40):
        chance = 1 / (1 + np.exp(-design @ beta))
        slope = design.T @ (weights * (chance - labels)) + ridge * beta
        curve = (design.T * (weights * chance * (1 - chance))) @ design + np.diag(ridge)
        beta -= np.linalg.solve(curve, slope)
    fitted = {name: round(float(each), 3) for name, each in zip(names, beta, strict=False)}
    return Logistic(fitted, round(float(beta[-1]), 3))


def main() -> None:
    """Fit on everything that may be fitted on and write model.json."""
    cases = [*chart_cases("training"), *medquad_cases(QUESTIONS, half=0)]
    model = train(cases, LocalEmbedder())
    MODEL.write_text(
        json.dumps(
            {
                "about": "Coefficients of the local answerer's logistic models, fitted by "
                "benchmarks/answers_fit.py on the project's own training charts and on MedQuAD "
                "(Ben Abacha and Demner-Fushman, BMC Bioinformatics 2019, CC BY 4.0).",
                "cases": len(cases),
                "threshold": model.threshold,
                **{part: asdict(getattr(model, part)) for part in ("first", "order", "sure")},
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    sys.stdout.write(f"{MODEL.name}: fitted on {len(cases)} cases\n")


if __name__ == "__main__":
    main()
