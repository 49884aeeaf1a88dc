"""The worker's part of passages."""

from celery import current_app, shared_task
from django.db import transaction

from chat import indexing
from clinic.tasks import FacilityTask, in_every_facility


@shared_task(base=FacilityTask, name="chat.index_document")
def index_document(*, document_id: str) -> None:
    indexing.index(document_id)


@shared_task(name="chat.find_unindexed")
def find_unindexed() -> None:
    """Look in every facility for documents that were read and not indexed."""
    in_every_facility("chat.find_unindexed_here")


@shared_task(base=FacilityTask, name="chat.find_unindexed_here")
def find_unindexed_here() -> None:
    with transaction.atomic():
        waiting = list(indexing.unindexed().values_list("pk", "facility_id")[:100])
    for document_id, facility_id in waiting:
        current_app.send_task(
            "chat.index_document",
            kwargs={"document_id": str(document_id), "facility_id": str(facility_id)},
        )
