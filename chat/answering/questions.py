"""What a question asks: its kind, and its terms with how much each of them matters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from chat.lexemes import TOKEN, fold, lexemes

CONCEPTS = Path(__file__).with_name("concepts.json")
LONGEST_PHRASE = 4
# A word that only says how it is asked ("value", "result") tells little of what is asked.
SCAFFOLD_WEIGHT = 0.15


class Kind(StrEnum):
    """What an answer has to hold."""

    TIME = "time"
    SPAN = "span"
    AMOUNT = "amount"
    PERSON = "person"
    REASON = "reason"
    PLACE = "place"
    WHETHER = "whether"
    ANYTHING = "anything"


KINDS = (
    (Kind.SPAN, r"how long|for how many (days|weeks|months|years|hours)|quanto tempo|quant[ao]s "
                r"(dias|semanas|meses|anos|horas)|cuanto tiempo|cuant[ao]s (dias|semanas|meses)"),
    (Kind.TIME, r"when|what (date|day|year)|date of|(que|what|qual) (idade|age|edad)"
                r"|quando|que (data|dia|ano|fecha)|qual (e |foi )?a data|cuando"),
    (Kind.AMOUNT, r"how (much|many|tall|heavy|old|high|low|often)|(what|which) (dose|dosage|value|"
                  r"level|number)|what (is|was|are|were) the (dose|dosage|value|level|size|number)|"
                  r"quant[oa]s?\b|qual (e |foi )?[oa] (valor|dose|nivel|tamanho|peso|altura|numero|"
                  r"comprimento|telefone)|cuant[oa]s?\b|"
                  r"cual (es |fue )?(el|la) (valor|dosis|nivel)|"
                  r"que (tamanho|tamano|dose|dosis|altura)"),
    (Kind.PERSON, r"who(se|m)?\b|which (doctor|physician|specialist)|name of|quem|"
                  r"qual (e )?o nome|quien"),
    (Kind.REASON, r"why|what (is|was) the (likely )?(cause|reason)|por ?que\b|qual (e |foi )?"
                  r"(a causa|o motivo)"),
    (Kind.PLACE, r"where|onde|donde"),
    (Kind.WHETHER, r"(is|are|was|were|do|does|did|has|have|had|can|could|should|will|would|may|"
                   r"must) (?!.*\b(what|when|who|why|where)\b)"),
    (Kind.ANYTHING, r"what|which|how|list|show|describe|tell|summar|qual|quais|que\b|o que|como|"
                    r"cual|cuales|liste|mostre|descreva|resum"),
)  # fmt: skip
PREPOSITION = "(at|in|on|for|from|with|by|de|do|da|a|com|em|para|por|desde|ate|con|en|hasta)"
ASKING = tuple(
    (kind, re.compile(rf"\W*(and |e |y )?({PREPOSITION} )?({pattern})")) for kind, pattern in KINDS
)
INSIDE = {
    Kind.TIME: re.compile(r"\b(when|quando|cuando)\b"),
    Kind.PERSON: re.compile(r"\b(who|quem|quien)\b"),
    Kind.REASON: re.compile(r"\b(why)\b"),
}
FUTURE = re.compile(
    r"\b(next|upcoming|due|scheduled|planned|going to|proxim[oa]|marcad[oa]|agendad[oa]|"
    r"programad[oa])\b"
)
FUTURE_TIME = re.compile(r"\b(will|should|sera|deve|vai|va a|debe)\b")
# What about a thing is asked: a sentence that names the thing alone does not answer.
ASPECTS = frozenset(
    "=treat =symptom =cause =prevent =diagnose =inherited =risk =outlook =complication =research "
    "=allergy =stop =start =change =avoid".split()
)
# Folded; they do not decide whether a passage answers.
SCAFFOLD = frozenset(
    "value values level levels result results test tests exam finding findings find found show "
    "showed shown say said number count date day time dose doses dosage much many often long take "
    "takes taking taken took use uses used using get gets got give given receive received perform "
    "performed done make made know known current currently latest last recent recently ever first "
    "name called patient person happen happened need needs want see saw look main old new see seen "
    "scheduled planned going yet left ago today his her was "
    "valor valores nivel niveis resultado resultados exame exames teste testes mostrou mostra "
    "disse diz numero contagem data dia hora dose doses quanto toma tomar tomou tomando usa usar "
    "usou uso recebeu recebe fez feito feita ultimo ultima atual nome chama paciente "
    "pessoa precisa marcada marcado alguma algum algo ja foi teve tem aplicada aplicado "
    "valor resultado prueba examen mostro dijo fecha dosis tomando usa recibio hizo nombre algun "
    "age idade edad old any some alguma algun have haver information against contra related "
    "changes relacionado".split()
)


# "Any medicine": one that is named need not be called a medicine.
ANY = frozenset("any some algum alguma alguns algumas algun alguna".split())


@dataclass(frozen=True)
class Term:
    """One thing that the question names: any of `keys` in a passage stands for it."""

    keys: frozenset[str]
    scaffold: bool


@dataclass(frozen=True)
class Question:
    """A question taken apart."""

    text: str
    kind: Kind
    terms: tuple[Term, ...]
    future: bool


def read(text: str, *, language: str, names: Iterable[str] = ()) -> Question:
    """Take a question apart; `names` (the patient's own) say nothing about its subject."""
    plain = fold(text)
    own = {fold(part) for name in names for part in TOKEN.findall(name)}
    found: dict[frozenset[str], Term] = {}
    before = ""
    for word, keys in words(text, language):
        found.setdefault(keys, _term(word, keys, whichever=before in ANY))
        before = word
    kept = tuple(term for term in found.values() if not term.keys & own)
    kind = _kind(plain)
    ahead = FUTURE.search(plain) or (kind is Kind.TIME and FUTURE_TIME.search(plain))
    return Question(text, kind, kept, bool(ahead))


def words(text: str, language: str) -> list[tuple[str, frozenset[str]]]:
    """Return each content word or known phrase of `text`, folded, with the keys it answers to."""
    tokens = TOKEN.findall(text)
    found, at = [], 0
    while at < len(tokens):
        for length in range(min(LONGEST_PHRASE, len(tokens) - at), 0, -1):
            phrase = " ".join(fold(token) for token in tokens[at : at + length])
            concepts = _concepts().get(phrase)
            if concepts or length == 1:
                break
        if keys := _keys(tokens[at], language, concepts, whole=length > 1):
            found.append((phrase, keys))
        at += length
    return found


def _keys(
    token: str, language: str, concepts: frozenset[str] | None, *, whole: bool
) -> frozenset[str]:
    if whole and concepts:
        return concepts
    stems = frozenset(lexemes(token, language))
    return stems | {fold(token)} | (concepts or frozenset()) if stems else stems


def _term(word: str, keys: frozenset[str], *, whichever: bool) -> Term:
    return Term(keys, scaffold=whichever or word in SCAFFOLD or "=next" in keys)


def _kind(plain: str) -> Kind:
    for kind, pattern in ASKING:
        if pattern.match(plain):
            return kind
    for kind, pattern in INSIDE.items():
        if pattern.search(plain):
            return kind
    return Kind.WHETHER if plain.rstrip().endswith("?") else Kind.ANYTHING


@lru_cache
def _concepts() -> dict[str, frozenset[str]]:
    """Map each folded word and phrase to the meanings it may stand for."""
    found: dict[str, set[str]] = {}
    for members in json.loads(CONCEPTS.read_text(encoding="utf-8"))["concepts"]:
        for member in members:
            phrase = " ".join(fold(token) for token in TOKEN.findall(member))
            found.setdefault(phrase, set()).add(f"={fold(members[0])}")
    return {phrase: frozenset(meanings) for phrase, meanings in found.items()}
