"""Keyed blind indexes: finding an encrypted patient without decrypting any.

A token is the first 16 bytes of HMAC-SHA-256 over `kind:normal form`, under a key derived for the
facility from `BLIND_INDEX_KEY`: equal values in two facilities share no token, and nothing can be
read from one without the key. Names are indexed by every prefix of three letters or more of every
word, accents and case folded; other fields by their whole normal form.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from uuid import UUID

from django.conf import settings

SHORTEST_PREFIX, LONGEST_PREFIX = 3, 15
_FOLDS = str.maketrans({"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"})


@lru_cache(maxsize=1024)
def _key(facility_id: UUID, master: bytes) -> bytes:
    return hmac.digest(master, b"blind index|" + facility_id.bytes, hashlib.sha256)


def token(kind: str, value: str, *, facility_id: UUID) -> bytes:
    """The token of an already normal value."""
    key = _key(facility_id, settings.BLIND_INDEX_KEY)
    return hmac.digest(key, f"{kind}:{value}".encode(), hashlib.sha256)[:16]


def fold(text: str) -> str:
    """Lower case without accents: `São João` and `sao joao` are the same."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_FOLDS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The words of what was typed, folded; apostrophes and hyphens part them."""
    return re.findall(r"\w+", fold(text))


def name_words(name: str) -> set[str]:
    """The words that a name is found by: `O'Hara` by `o`, by `hara` and by `ohara`."""
    written = ["".join(words(piece)) for piece in name.split()]
    return {word for word in (*written, *words(name)) if word}


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def phone_forms(text: str) -> set[str]:
    """A number is found with and without its country code: all its digits, and the last ten."""
    number = digits(text)
    return {number, number[-10:]} - {""}


def name_tokens(names: Iterable[str], *, facility_id: UUID) -> set[bytes]:
    """What a patient's names are indexed by: each word's prefixes, a shorter word as it is."""
    forms = set()
    for word in (word for name in names for word in name_words(name)):
        forms.add(word[:LONGEST_PREFIX])
        forms.update(word[:n] for n in range(SHORTEST_PREFIX, min(len(word), LONGEST_PREFIX) + 1))
    return {token("name", form, facility_id=facility_id) for form in forms}


def name_query(text: str, *, facility_id: UUID) -> list[bytes]:
    """The tokens that a patient must all have to match what was typed."""
    return [token("name", w[:LONGEST_PREFIX], facility_id=facility_id) for w in words(text)]


def exact_tokens(
    *, facility_id: UUID, mrn="", phones=(), emails=(), ssn="", cpf="", born: date | None = None
) -> set[bytes]:
    """The tokens of a patient's numbers and dates, each by its whole normal form."""
    values = [("phone", form) for phone in phones for form in phone_forms(phone or "")]
    values += [("email", fold(email.strip())) for email in emails if email]
    values += [(kind, digits(v)) for kind, v in (("ssn", ssn), ("cpf", cpf)) if v and digits(v)]
    if mrn:
        values.append(("mrn", mrn.upper()))
    if born:
        values.append(("born", born.isoformat()))
    return {token(kind, value, facility_id=facility_id) for kind, value in values}
