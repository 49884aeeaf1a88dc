"""How well passages are found and questions answered, and how fast: python -m benchmarks.answers

All figures come from one run on fixed samples, in under four minutes on two cores. What was
fitted (benchmarks/answers_fit.py) was fitted on other charts and other diseases.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bm25s
import numpy as np

from benchmarks.answers_fit import MEDQUAD, confidence, medquad, medquad_cases
from chat.answering import LocalAnswerer
from chat.answering.evaluation import auc, charts
from chat.answering.model import Model
from chat.embedding.local import LocalEmbedder
from chat.lexemes import lexemes, of_query
from chat.passages import split
from chat.ranking import bm25, fuse, lexical_weight

SEED = 11
DOCUMENTS = 80
EXACT = 40
DISEASE_QUESTIONS = 25


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    value: float
    unit: str = ""


def measure() -> Iterator[Row]:
    """Yield the rows one by one; MedQuAD's are left out where its file is absent."""
    embedder = LocalEmbedder()
    embedder.embed(["warm"])
    if MEDQUAD.exists():
        yield from _finding(embedder)
        yield from _diseases(embedder)
    yield from _charts(embedder)


@dataclass
class Collection:
    """Passages of MedQuAD documents, counted and embedded; `owners` names each one's document."""

    texts: list[str]
    owners: list[int]
    counted: list[Counter[str]]
    frequencies: Counter[str]
    vectors: np.ndarray

    def lexical(self, query: str) -> list[float]:
        """BM25 of each passage."""
        wanted = of_query(query)
        return bm25(wanted, self.counted, self.frequencies, len(self.texts))


def _finding(embedder: LocalEmbedder) -> Iterator[Row]:
    rows = medquad()
    random.Random(SEED).shuffle(rows)
    rows = rows[:DOCUMENTS]
    cut = [(at, passage.text) for at, row in enumerate(rows) for passage in split([row["answer"]])]
    texts = [text for _, text in cut]
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = embedder.embed(texts)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    counted = [lexemes(text, "en") for text in texts]
    frequencies = Counter(word for each in counted for word in each)
    held = Collection(texts, [at for at, _ in cut], counted, frequencies, vectors)
    yield Row("passages embedded", len(texts) / wall, "a second")
    yield Row("passages embedded", len(texts) / cpu, "a CPU second")
    questions = [row["question"] for row in rows]
    targets = list(range(len(rows)))
    yield from _compared("question to document", held, questions, targets, embedder, held.owners)
    exact = _exact(held)
    yield from _compared(
        "code or number to passage",
        held,
        [word for word, _ in exact],
        [place for _, place in exact],
        embedder,
        list(range(len(texts))),
    )


def _exact(held: Collection) -> list[tuple[str, int]]:
    """Codes and numbers that one passage alone holds."""
    found = [
        (word, place)
        for place, words in enumerate(held.counted)
        for word in sorted(words)
        if held.frequencies[word] == 1 and any(map(str.isdigit, word)) and len(word) > 1
    ]
    return random.Random(SEED).sample(found, min(EXACT, len(found)))


def _compared(
    name: str,
    held: Collection,
    queries: Sequence[str],
    targets: Sequence[int],
    embedder: LocalEmbedder,
    owners: Sequence[int],
) -> Iterator[Row]:
    asked = embedder.embed(list(queries), asking=True)
    other = bm25s.BM25()
    other.index(bm25s.tokenize(held.texts, show_progress=False), show_progress=False)
    ways: dict[str, list[tuple[bool, float]]] = {}
    for query, vector, target in zip(queries, asked, targets, strict=True):
        words, meaning = held.lexical(query), (held.vectors @ vector).tolist()
        tokens = bm25s.tokenize(query, show_progress=False, return_ids=False)[0]
        scores = {
            "bm25s": other.get_scores(tokens).tolist() if tokens else [0.0] * len(words),
            "lexical": words,
            "vector": meaning,
            "hybrid": fuse(words, meaning, weight=lexical_weight(of_query(query))),
        }
        for way, score in scores.items():
            ways.setdefault(way, []).append(_found(score, owners, target))
    for way, found in ways.items():
        yield Row(f"{name}: {way}", _mean([five for five, _ in found]), "recall@5")
        yield Row(f"{name}: {way}", _mean([gain for _, gain in found]), "nDCG@10")


def _found(scores: Sequence[float], owners: Sequence[int], target: int) -> tuple[bool, float]:
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    ranked = list(dict.fromkeys(owners[place] for place in order if math.isfinite(scores[place])))
    place = ranked.index(target)
    return place < 5, 1 / math.log2(place + 2) if place < 10 else 0.0


def _diseases(embedder: LocalEmbedder) -> Iterator[Row]:
    model = Model.load()
    sure: dict[str, list[float]] = {}
    for case in medquad_cases(DISEASE_QUESTIONS, half=1):
        sure.setdefault(case.kind, []).append(confidence(case, model, embedder)[0])
    name = "MedQuAD, diseases not fitted on: told from"
    yield Row(f"{name} other diseases", auc(sure["own"], sure["elsewhere"]), "AUC")
    yield Row(f"{name} same disease", auc(sure["own"], sure["same disease"]), "AUC")
    absent = sure["elsewhere"] + sure["same disease"]
    yield Row(f"{name} both", auc(sure["own"], absent), "AUC")


def _charts(embedder: LocalEmbedder) -> Iterator[Row]:
    local = LocalAnswerer(embedder)
    sure: dict[bool, list[float]] = {True: [], False: []}
    right, wrong, invented, true_quotes = [], [], [], []
    begun, cpu = time.perf_counter(), time.process_time()
    for chart in charts("test"):
        passages = [passage.text for passage in split(list(chart.pages))]
        for asked in chart.questions:
            answer = local.answer(
                asked.text, passages, language=chart.language, names=[chart.patient]
            )
            sure[asked.answerable].append(answer.confidence)
            if asked.answerable:
                right.append(asked.answered_by(answer.text))
                wrong.append(not answer.abstained and not right[-1])
            else:
                invented.append(not answer.abstained)
            true_quotes += [
                passages[each.passage][each.start : each.end] == each.quote
                and " ".join(each.quote.split()) == sentence.text
                for sentence in answer.sentences
                for each in sentence.citations
            ]
    count = len(right) + len(invented)
    yield Row("charts not fitted on: told from unanswerable", auc(sure[True], sure[False]), "AUC")
    yield Row("  answerable, answered right", _mean(right), "share")
    yield Row("  answerable, answered wrong", _mean(wrong), "share")
    yield Row("  unanswerable, answered", _mean(invented), "share")
    yield Row("  quotes that stand word for word", _mean(true_quotes), "share")
    yield Row("  questions answered", count / (time.perf_counter() - begun), "a second")
    yield Row("  questions answered", count / (time.process_time() - cpu), "a CPU second")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def main() -> None:
    """Print the table."""
    for row in measure():
        sys.stdout.write(f"{row.name:<52} {row.value:8.3f} {row.unit}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
