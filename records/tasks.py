"""The worker's part of documents."""

from celery import current_app, shared_task
from django.db import transaction

from clinic.tasks import FacilityTask, in_every_facility
from records import documents, leftovers


@shared_task(base=FacilityTask, name="records.read_document")
def read_document(*, document_id: str) -> None:
    documents.read(document_id)


@shared_task(name="records.find_unread")
def find_unread() -> None:
    """Look in every facility for documents whose reading was missed or cut off."""
    in_every_facility("records.find_unread_here")


@shared_task(base=FacilityTask, name="records.find_unread_here")
def find_unread_here() -> None:
    with transaction.atomic():
        waiting = list(documents.unread().values_list("pk", "facility_id")[:100])
    for document_id, facility_id in waiting:
        current_app.send_task(
            "records.read_document",
            kwargs={"document_id": str(document_id), "facility_id": str(facility_id)},
        )


@shared_task(name="records.sweep_leftovers")
def sweep_leftovers() -> None:
    """Delete in every facility the files that an upload left which was never committed."""
    in_every_facility("records.sweep_leftovers_here")


@shared_task(base=FacilityTask, name="records.sweep_leftovers_here")
def sweep_leftovers_here() -> None:
    leftovers.sweep()
