"""Watching how documents are read: a page asks again and again, and is answered lightly.

The page sends the state that it shows. While nothing has moved it is answered 204, without opening
or noting anything; what has moved is shown, and that is a reading. The session is not touched, so a
page left open keeps nobody signed in.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse

from clinic.backoffice import Page
from clinic.security import trail
from records.models import Document

Processing = Document.Processing
UNFINISHED = {Processing.PENDING, Processing.PROCESSING}


def state_of(documents: Iterable[Document]) -> str:
    """Changes when a document comes, goes, or is read further."""
    parts = [f"{d.pk}:{d.processing_status}:{d.pages_done}:{d.pages_total}" for d in documents]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def listed(documents: Iterable[Document]) -> dict[str, Any]:
    """What a template needs to show documents and to ask again."""
    rows = list(documents)
    return {
        "documents": documents,
        "unfinished": any(row.processing_status in UNFINISHED for row in rows),
        "state": state_of(rows),
    }


def note(documents: Iterable[Document], how: str = "list") -> None:
    trail.read("records.document", [(d.pk, d.patient_id) for d in documents], how=how)


def answer(
    page: Page, state: str, documents: Iterable[Document], how: str = "list"
) -> HttpResponse:
    """The page's fragment, noted; 204 where the browser shows this state already."""
    if page.request.GET.get("state") == state:
        return HttpResponse(status=204)
    note(documents, how)
    return page.render_to_response(page.get_context_data(**page.kwargs))
