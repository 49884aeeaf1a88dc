"""Files that no document names: left by an upload whose transaction was rolled back, or that was
killed after its file was stored and before its row was committed."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from clinic.security import tenancy
from records import documents, storage
from records.models import Document

KEPT = timedelta(days=1)  # far longer than a transaction lives that may still commit a file's row
logger = logging.getLogger("chartroom.documents")


def sweep() -> int:
    """Delete the acting facility's files that are older than a day and that no document names;
    answers how many. Can be run twice, and beside uploads, whose files are younger."""
    facility_id, store = tenancy.current().facility_id, storage.store()
    # The files first: a document that is committed while they are listed is then seen.
    left = set(store.put_before(timezone.now() - KEPT, folder=documents.folder_of(facility_id)))
    # As the system: whoever does not see a document would take its file for left.
    with tenancy.system(facility_id), transaction.atomic():
        left -= set(Document.objects.values_list("storage_name", flat=True))
    for name in left:
        store.delete(name)
    if left:
        logger.info("deleted %d files that no document names", len(left))
    return len(left)
