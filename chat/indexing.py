"""Cutting what was read into passages, and making them findable by meaning and by word."""

import hashlib
import hmac

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from chat import lexemes, passages
from chat.embedding import embedder
from chat.models import Chunk, IndexedDocument
from records.models import Document


def keyed(words, *, facility_id) -> dict[bytes, int]:
    """Counts of words under keyed digests: equal words of one facility are equal, unreadable."""
    key = hmac.digest(settings.BLIND_INDEX_KEY, b"words|" + facility_id.bytes, hashlib.sha256)
    return {
        hmac.digest(key, word.encode(), hashlib.sha256)[:8]: count for word, count in words.items()
    }


def index(document_id) -> int:
    """Cut and embed the document's pages; answers the number of passages. Safe to run twice.

    Reading and embedding happen outside the transaction that replaces the passages, and what was
    read anew meanwhile is left to the task that follows the new reading.
    """
    with transaction.atomic():
        document = Document.objects.filter(
            pk=document_id, processing_status=Document.Processing.COMPLETED
        ).first()
        if document is None:
            return 0
        texts = [page.text for page in document.pages.all()]
    found = passages.split(texts)
    model = embedder()
    vectors = model.embed([p.text for p in found]) if found else []
    rows = [
        _chunk(document, number, passage, vector, model)
        for number, (passage, vector) in enumerate(zip(found, vectors, strict=True))
    ]
    return _replace(document, rows, model.name)


@transaction.atomic
def _replace(document: Document, rows: list[Chunk], model: str) -> int:
    current = Document.objects.select_for_update().filter(pk=document.pk).first()
    if current is None or current.processed_at != document.processed_at:
        return 0
    Chunk.objects.filter(document_id=document.pk).delete()
    for row in rows:  # it may have been marked anew while its passages were made
        row.sensitivity, row.confidential_kind = current.sensitivity, current.confidential_kind
    Chunk.objects.bulk_create(rows)
    IndexedDocument.objects.update_or_create(
        document=document,
        defaults={
            "facility_id": document.facility_id,
            "patient_id": document.patient_id,
            "read_at": document.processed_at,
            "embedding_model": model,
            "passages": len(rows),
            **current.kept,
        },
    )
    return len(rows)


def _chunk(document, number: int, passage: passages.Passage, vector, model) -> Chunk:
    language = lexemes.language_of(passage.text)
    words = keyed(lexemes.lexemes(passage.text, language), facility_id=document.facility_id)
    return Chunk(
        facility_id=document.facility_id,
        document=document,
        patient_id=document.patient_id,
        chunk_index=number,
        page=passage.page,
        start=passage.start,
        end=passage.end,
        chunk_text=passage.text,
        lexemes=list(words),
        counts=[min(count, 32767) for count in words.values()],
        length=sum(words.values()),
        embedding=vector,
        dimensions=len(vector),
        embedding_model=model.name,
    )


def unindexed() -> QuerySet[Document]:
    """Documents of the acting facility that are read and not indexed as they were last read."""
    return waiting(Document.objects.filter(processing_status=Document.Processing.COMPLETED))


def waiting(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Those of the documents that no question reaches: not indexed as they were last read, or
    not read."""
    done = IndexedDocument.objects.filter(
        document_id=OuterRef("pk"),
        read_at=OuterRef("processed_at"),
        embedding_model=embedder().name,
    )
    return documents.filter(~Exists(done))
