"""What speaks for and against a sentence as the answer to a question, in numbers.

Each feature is bounded, so that a small logistic model over them stays readable; benchmarks/
answers.py fits it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import fmean

from chat.answering.candidates import Candidate
from chat.answering.evidence import demands, flat, is_pending, looks_ahead, pieces
from chat.answering.matching import alike, match
from chat.answering.questions import ASPECTS, SCAFFOLD_WEIGHT, Kind, Question, Term
from chat.ranking import rarity

LEXICAL = (
    "covered",  # share of the question's weight that the sentence itself names
    "covered_near",  # the same, with the sentence before it and the passage's heading
    "covered_passage",  # the same, with the whole passage
    "missing",  # weight of the weightiest term that the sentence and its surroundings lack
    "object_missing",  # a yes or no is asked, and the last thing named is lacking
    "fits",  # the sentence holds what the kind of question asks for
    "misfits",  # the kind demands something and the sentence lacks it
    "near",  # how near that stands to the question's words
    "ahead",  # the question looks ahead and so does the sentence
    "behind",  # the question looks ahead and the sentence does not
    "pending",  # a result is asked for and the sentence speaks of what is still to be done
    "title",  # the line over a letter
    "figure",  # an open question, and the sentence holds a figure
    "aspect_lacking",  # a cause, a treatment, a start … is asked for and not spoken of
    "terms",  # the question names much
)
MEANING = (
    "meaning",  # cosine of question and sentence
    "meaning_ahead",  # by how much it leads the best other sentence, or trails it
)
RESULT = re.compile(
    r"\b(results?|findings?|show(ed|n)?|found|reveal(ed)?|say|said|resultados?|mostrou|mostra|"
    r"revelou|disse|deu|achados?|mostro|dijo|hallazgos?)\b"
)
# E5's cosines lie between 0.7 and 1; other unit, same order.
MIDDLE_COSINE, COSINE_UNIT = 0.8, 0.1
NEAR_LETTERS = 20

Matches = dict[Term, float]


def weigh(question: Question, found: Sequence[Candidate]) -> None:
    """Write the lexical features into the candidates, which hold whole passages in order."""
    matches = [
        {term: match(term, candidate.words) for term in question.terms} for candidate in found
    ]
    weights = _weights(question, matches)
    passages: dict[int, list[int]] = {}
    for place, candidate in enumerate(found):
        passages.setdefault(candidate.passage, []).append(place)
    for places in passages.values():
        everywhere = _best([matches[place] for place in places])
        for order, place in enumerate(places):
            around = [places[0], *places[max(0, order - 1) : order + 1]]
            near = _best([matches[other] for other in around])
            found[place].features = {
                **_coverage(question, weights, matches[place], near, everywhere),
                **_form(question, weights, matches[place], found[place]),
            }


def compare(found: Sequence[Candidate], cosines: Sequence[float]) -> None:
    """Write the features of meaning into the candidates whose cosines these are."""
    for place, (candidate, cosine) in enumerate(zip(found, cosines, strict=True)):
        others = [other for at, other in enumerate(cosines) if at != place]
        lead = (cosine - max(others, default=cosine)) / COSINE_UNIT
        candidate.features["meaning"] = (cosine - MIDDLE_COSINE) / COSINE_UNIT
        candidate.features["meaning_ahead"] = max(-1.0, min(1.0, lead))


def _weights(question: Question, matches: Sequence[Matches]) -> Matches:
    """Weigh each term by its rarity in these passages; how it is asked weighs little."""
    return {
        term: rarity(sum(each[term] > 0 for each in matches), len(matches))
        * (SCAFFOLD_WEIGHT if term.scaffold else 1.0)
        for term in question.terms
    }


def _best(matches: Sequence[Matches]) -> Matches:
    return {term: max(each[term] for each in matches) for term in matches[0]}


def _coverage(
    question: Question, weights: Matches, own: Matches, near: Matches, everywhere: Matches
) -> dict[str, float]:
    whole = sum(weights.values())
    if not whole:
        return {"missing": 1.0}
    shares = (
        sum(weights[term] * matched[term] for term in weights) / whole
        for matched in (own, near, everywhere)
    )
    found = dict(zip(("covered", "covered_near", "covered_passage"), shares, strict=True))
    lacking = max(weights[term] * (1 - near[term]) for term in weights) / max(weights.values())
    found["missing"] = lacking
    subjects = [term for term in question.terms if not term.scaffold]
    if question.kind is Kind.WHETHER and subjects:
        found["object_missing"] = 1 - near[subjects[-1]]
    if aspects := [near[term] for term in weights if term.keys & ASPECTS]:
        found["aspect_lacking"] = 1 - fmean(aspects)
    found["terms"] = min(1.0, len(weights) / 6)
    return found


def _form(
    question: Question, weights: Matches, own: Matches, candidate: Candidate
) -> dict[str, float]:
    found: dict[str, float] = {}
    if demands(question.kind):
        spots = pieces(question.kind, candidate.text)
        found["fits"], found["misfits"] = float(bool(spots)), float(not spots)
        found["near"] = _nearness(candidate, weights, own, spots)
    if question.kind is Kind.ANYTHING:
        found["figure"] = float(bool(pieces(Kind.AMOUNT, candidate.text)))
    if question.future:
        ahead = looks_ahead(candidate.text)
        found["ahead"], found["behind"] = float(ahead), float(not ahead)
    elif RESULT.search(flat(question.text)):
        found["pending"] = float(is_pending(candidate.text))
    found["title"] = float(candidate.start == 0 and candidate.text[-1].isalnum())
    return found


def _nearness(
    candidate: Candidate, weights: Matches, own: Matches, spots: Sequence[tuple[int, int]]
) -> float:
    """Return 1 where an asked-for piece stands beside the weightiest word found, less farther."""
    named = [term for term, found in own.items() if found and not term.scaffold]
    if not named or not spots:
        return 0.0
    term = max(named, key=weights.__getitem__)
    plain = flat(candidate.text)
    gaps = [
        max(start - at - len(word), at - end, 0)
        for word, keys in candidate.words
        if alike(term.keys, keys) and (at := plain.find(word)) >= 0
        for start, end in spots
    ]
    return 1 / (1 + min(gaps) / NEAR_LETTERS) if gaps else 0.0
