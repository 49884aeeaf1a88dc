"""Finding passages: by meaning and by word, among what the person may see and nothing else."""

from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _
from pgvector.django import CosineDistance, HalfVectorField

from chat import indexing, lexemes, ranking
from chat.embedding import embedder
from chat.models import Chunk
from clinic.errors import invalid
from clinic.security import tenancy, trail
from clinic.security.permissions import Category, Permission
from patients import access

LONGEST_QUERY = 1000
CANDIDATES = 200
PATIENT_PASSAGES = 2000  # a patient's passages are compared exactly up to this many


@dataclass(frozen=True)
class Hit:
    """A passage that fits, with its fused score and the two that it came from."""

    chunk: Chunk
    score: float
    cosine: float
    lexical: float

    @property
    def text(self) -> str:
        return self.chunk.chunk_text


def visible_to(user) -> QuerySet[Chunk]:
    """The passages that the person may see."""
    return access.visible(Chunk.objects.all(), user, category=Category.DOCUMENTS)


def search(*, query: str, patient=None, limit: int = 20, how: str = "search", by) -> list[Hit]:
    """The passages that fit the query best, at most `limit`; the reading is on the trail.

    Filtered by who may see before anything is ranked. Raises `Invalid` for an empty query or one
    of more than 1,000 characters.
    """
    tenancy.current().require(Permission.DOCUMENT_VIEW)
    query = query.strip()
    if not query:
        raise invalid("q", _("Say what to look for."))
    if len(query) > LONGEST_QUERY:
        raise invalid("q", _("Ask in at most 1,000 characters."))
    hits = find(query, visible_to(by), patient=patient)[:limit]
    seen = {hit.chunk.document_id: hit.chunk.patient_id for hit in hits}
    trail.read("records.document", seen.items(), how=how)
    return hits


def find(query: str, passages: QuerySet[Chunk], *, patient=None) -> list[Hit]:
    """Candidates by meaning and by word, ranked together."""
    model = embedder()
    vector = model.embed([query], asking=True)[0]
    asked = lexemes.of_query(query)
    words = indexing.keyed(asked, facility_id=tenancy.current().facility_id)
    weight = ranking.lexical_weight(asked)
    passages = passages.filter(embedding_model=model.name)
    if patient is not None:
        candidates = list(passages.filter(patient_id=patient.pk)[:PATIENT_PASSAGES])
        total = len(candidates)
    else:
        candidates, total = _candidates(passages, vector, words, model)
    return _ranked(candidates, vector, words, total, weight)


def _candidates(passages, vector, words, model) -> tuple[list[Chunk], int]:
    near = passages.filter(dimensions=model.dimensions).order_by(
        CosineDistance(
            Cast("embedding", HalfVectorField(dimensions=model.dimensions)), vector.tolist()
        )
    )[:CANDIDATES]
    found = {chunk.pk: chunk for chunk in near}
    if words:
        for chunk in passages.filter(lexemes__overlap=list(words))[:CANDIDATES]:
            found.setdefault(chunk.pk, chunk)
    return list(found.values()), passages.count()


def _ranked(
    candidates: list[Chunk], vector, words: dict[bytes, int], total: int, weight: float
) -> list[Hit]:
    if not candidates:
        return []
    counted = [dict(zip((bytes(x) for x in c.lexemes), c.counts, strict=True)) for c in candidates]
    frequencies = {word: sum(word in c for c in counted) for word in words}
    lexical = ranking.bm25(words, counted, frequencies, total)
    matrix = np.array([np.asarray(c.embedding, dtype=np.float32) for c in candidates])
    cosine = (matrix @ np.asarray(vector, dtype=np.float32)).tolist()
    fused = ranking.fuse(lexical, cosine, weight=weight)
    hits = [
        Hit(chunk=c, score=f, cosine=s, lexical=w)
        for c, f, s, w in zip(candidates, fused, cosine, lexical, strict=True)
    ]
    return sorted(hits, key=lambda hit: -hit.score)
