"""Passages of documents that fit a query, by meaning and by word."""

import re
import unicodedata

from rest_framework.response import Response

from chat import retrieval
from chat.retrieval import Hit
from clinic.api import fields
from clinic.api.resource import Resource
from clinic.api.serializing import StrictSerializer, answer, question
from clinic.security.permissions import Permission
from patients.api.nested import patient_reference

MOST_HITS = 50
WORD = re.compile(r"\w{3,}")


class Highlight(StrictSerializer):
    """Where a word of the query stands in the passage's text: characters, half-open."""

    start = fields.Whole()
    end = fields.Whole()


Passage = answer(
    "Passage",
    document=fields.Id(),
    patient=fields.Id(),
    page=fields.Whole(),
    text=fields.Text(),
    score=fields.Number(max_digits=12, decimal_places=4),
    highlights=Highlight(many=True),
)


class Search(Resource):
    """Search in documents."""

    required = {"list": Permission.DOCUMENT_VIEW}
    asked = {
        "list": question(
            "SearchQuestion",
            q=fields.Text(max_length=retrieval.LONGEST_QUERY),
            patient=patient_reference(required=False),
            limit=fields.AskedWhole(min_value=1, max_value=MOST_HITS, required=False),
        )
    }
    serializer_class = Passage
    pagination_class = None

    def list(self, request):
        """The passages that fit best, at most `limit` (20 where it is not given)."""
        asked = self.question
        hits = retrieval.search(
            query=asked["q"],
            patient=asked.get("patient"),
            limit=asked.get("limit", 20),
            by=request.user,
        )
        results = [passage_shape(hit, asked["q"]) for hit in hits]
        return Response({"results": results, "next": None, "previous": None})


def passage_shape(hit: Hit, query: str) -> dict:
    """A passage as answered."""
    return {
        "document": hit.chunk.document_id,
        "patient": hit.chunk.patient_id,
        "page": hit.chunk.page,
        "text": hit.text,
        "score": round(float(hit.score), 4),
        "highlights": highlights(hit.text, query),
    }


def highlights(text: str, query: str) -> list[dict[str, int]]:
    """Where words of three letters or more of the query stand in the text, case and accents
    ignored."""
    wanted = {_folded(word) for word in WORD.findall(query)}
    return [
        {"start": found.start(), "end": found.end()}
        for found in WORD.finditer(text)
        if _folded(found.group()) in wanted
    ]


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
