"""Words as the lexical index knows them: folded, stemmed, without stop words, codes kept whole.

The index in the database holds keyed hashes of these lexemes, so a passage and a question meet
only where this module gives the same string for both. Changing it means indexing again:
`VERSION` says which rules a row was made by.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from threading import Lock

import snowballstemmer

VERSION = 1
LONGEST = 64
LANGUAGES = {"en": "english", "pt": "portuguese", "es": "spanish"}

# Written without accents, as they are often typed.
STOP_WORDS = {
    "en": frozenset(
        "a about after all also am an and any are as at be because been before being both "
        "but by can could did do does doing down during each few for from further had has "
        "have having he her here hers herself him himself his how i if in into is it its "
        "itself just me more most my myself no nor not now of off on once only or other our "
        "ours out over own same she should so some such than that the their theirs them "
        "then there these they this those through to too under until up us very was we were "
        "what when where which while who whom why will with would you your yours dr mr mrs "
        "ms please tell".split()
    ),
    "pt": frozenset(
        "a as ao aos o os um uma uns umas de do da dos das em no na nos nas num numa por "
        "pelo pela pelos pelas para pra com sem sob sobre entre ate apos desde e ou mas nem "
        "que se como quando onde quem qual quais quanto quanta quantos quantas porque pois "
        "ja nao sim tambem so mais menos muito muita muitos muitas este esta estes estas "
        "esse essa esses essas isso isto aquele aquela aqueles aquelas aquilo ele ela eles "
        "elas eu voce voces me te lhe lhes seu sua seus suas meu minha meus minhas nosso "
        "nossa dele dela deles delas sao era eram foi foram ser sera sendo sido estao "
        "estava estavam estar esteve tem tinha ter teve tendo ha havia haver houve fica "
        "ficou pode podem deve devem vai vou dr dra sr sra favor".split()
    ),
    "es": frozenset(
        "a al el la los las lo un una unos unas de del en por para con sin sobre entre "
        "hasta desde tras y e o u pero ni que se como cuando donde quien quienes cual "
        "cuales cuanto cuanta cuantos cuantas porque pues ya no si tambien solo mas menos "
        "muy mucho mucha muchos muchas este esta estos estas ese esa esos esas eso esto "
        "aquel aquella ella ellos ellas yo nosotros usted ustedes me te le les su sus mi "
        "mis nuestro nuestra es son era eran fue fueron ser sera siendo sido estan estaba "
        "estaban estar estuvo tiene tienen tenia tener tuvo hay habia haber hubo puede "
        "pueden debe deben va dr dra sr sra favor".split()
    ),
}

# Expanded beside the abbreviation itself, so that either form of a question finds either form of
# a passage. Capitals are demanded where the same letters are a common word.
ABBREVIATIONS = {
    "bp": "blood pressure",
    "hr": "heart rate",
    "bmi": "body mass index",
    "bg": "blood glucose",
    "htn": "hypertension",
    "t2dm": "type 2 diabetes mellitus",
    "t1dm": "type 1 diabetes mellitus",
    "dm": "diabetes mellitus",
    "mi": "myocardial infarction",
    "chf": "congestive heart failure",
    "copd": "chronic obstructive pulmonary disease",
    "ckd": "chronic kidney disease",
    "uti": "urinary tract infection",
    "gerd": "gastroesophageal reflux disease",
    "dvt": "deep vein thrombosis",
    "cbc": "complete blood count",
    "wbc": "white blood cell",
    "hb": "hemoglobin",
    "hgb": "hemoglobin",
    "a1c": "hba1c",
    "ecg": "electrocardiogram",
    "ekg": "electrocardiogram",
    "mri": "magnetic resonance imaging",
    "ct": "computed tomography",
    "tsh": "thyroid stimulating hormone",
    "nsaid": "nonsteroidal anti-inflammatory drug",
    "hta": "hipertensión arterial",
    "dpoc": "doença pulmonar obstrutiva crônica",
    "epoc": "enfermedad pulmonar obstructiva crónica",
    "avc": "acidente vascular cerebral",
    "acv": "accidente cerebrovascular",
    "icc": "insuficiência cardíaca congestiva",
    "imc": "índice massa corporal",
    "itu": "infecção trato urinário",
    "rm": "ressonância magnética",
    "tc": "tomografia computadorizada",
    "usg": "ultrassonografia",
    "HAS": "hipertensão arterial sistêmica",
    "PA": "pressão arterial",
    "FC": "frequência cardíaca",
    "TA": "tensión arterial",
    "DM2": "diabetes mellitus tipo 2",
    "IAM": "infarto agudo miocárdio",
}

# A number with its unit is two lexemes, so that "10mg" and "10 mg" are one thing.
DOSE = re.compile(
    r"\b(\d+(?:[.,]\d+)?)(mg|mcg|µg|g|kg|ml|dl|l|mmol|ui|iu|cm|mm|bpm|mmhg|h)\b", re.I
)
TOKEN = re.compile(r"[^\W_]+(?:[.,/:'’-][^\W_]+)*", re.UNICODE)
# "pré-eclâmpsia" is "preeclampsia" and "eclampsia", and no word "pré".
PREFIXED = re.compile(r"\b([^\W\d_]{1,4})-([^\W\d_]{4,})\b")
_stemming = Lock()


def lexemes(text: str, language: str) -> Counter[str]:
    """Count the lexemes of `text`; `language` is "en", "pt" or "es" (a region may follow).

    Lower case, accents folded, stop words left out, words stemmed. Whatever holds a digit (a
    code, a dose, a date, a pressure) is kept whole, its decimal comma as a point, and its parts
    beside it. Another language is counted without stop words and stemming.
    """
    code = language[:2].lower()
    text = DOSE.sub(r"\1 \2", unicodedata.normalize("NFKC", text))
    found: Counter[str] = Counter()
    for token in TOKEN.findall(text):
        found.update(_of_token(token[:LONGEST], code))
    return found


def of_query(text: str) -> Counter[str]:
    """Count the lexemes of a query that passages of any known language may hold.

    A question need not be asked in the language of the letters; each passage was counted in its
    own, where the function words of the others do not occur.
    """
    found: Counter[str] = Counter()
    for language in LANGUAGES:
        found |= lexemes(text, language)
    return found


def language_of(text: str, *, default: str = "en") -> str:
    """Return "en", "pt" or "es", whichever's function words `text` holds most of."""
    words = [fold(word) for word in TOKEN.findall(text)]
    counts = {
        code: sum(word in theirs for word in words) + sum(word in MARKS[code] for word in words)
        for code, theirs in STOP_WORDS.items()
    }
    best = max(counts, key=lambda code: (counts[code], code == default))
    return best if counts[best] else default


def fold(word: str) -> str:
    """Return `word` in lower case without accents."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


# Words of one of the three languages alone, which decide where the function words tie.
MARKS = {
    "en": frozenset("the is are was of and what when does her his with".split()),
    "pt": frozenset("o os um uma nao em do da dos das na no pelo qual ela ele sao foi com".split()),
    "es": frozenset("el los un una del en la las y cual cuando ella son fue con".split()),
}


@lru_cache(maxsize=20_000)
def _of_token(token: str, language: str) -> tuple[str, ...]:
    expansion = ABBREVIATIONS.get(token) or ABBREVIATIONS.get(token.lower())
    found = [] if expansion is None else [_stem(fold(word), language) for word in expansion.split()]
    if any(letter.isdigit() for letter in token):
        return (*_code(fold(token), language), *found)
    words = [
        word for word in re.split(r"[.,/:'’-]", PREFIXED.sub(r"\1\2-\2", token)) if len(word) > 1
    ]
    stops = STOP_WORDS.get(language, frozenset())
    kept = [fold(word) for word in words if expansion or fold(word) not in stops]
    return (*(_stem(word, language) for word in kept), *found)


def _code(token: str, language: str) -> list[str]:
    whole = re.sub(r"(?<=\d),(?=\d)", ".", token).strip("'’")
    parts = [part for part in re.split(r"[/:-]", whole) if part]
    # "hernia.2", where a footnote's number ran into the word before it.
    words = [part for part in re.split(r"[./:-]", whole) if part.isalpha() and len(part) > 2]
    found = dict.fromkeys([whole, *parts, *(_stem(word, language) for word in words)])
    return list(found)


@lru_cache(maxsize=20_000)
def _stem(word: str, language: str) -> str:
    if language not in LANGUAGES or len(word) < 4:
        return word
    if language == "pt" and word.endswith("oes"):
        # The stemmer knows "-ões" only with its accent.
        word = word[:-3] + "ao"
    with _stemming:
        return _stemmer(LANGUAGES[language]).stemWord(word)


@lru_cache
def _stemmer(name: str):
    return snowballstemmer.stemmer(name)
