"""Documents: taken in, read by the worker, shown page by page."""

import hashlib
from datetime import timedelta
from uuid import UUID, uuid4

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, Stale, invalid
from clinic.security import keyring, tenancy, trail
from clinic.security.permissions import Category, Permission
from patients import access, proxy, sensitivity
from patients.models import Patient
from records import ocr, storage
from records.models import Document, DocumentPage

CLAIM = timedelta(minutes=5)  # renewed with each page; a worker that is gone loses it
MOST_ATTEMPTS = 5
Processing = Document.Processing


class AlreadyThere(Conflict):
    """The same file was uploaded for this patient before; `document` is the one that is there, and
    that the person sees."""

    def __init__(self, document: Document):
        self.document = document
        super().__init__(_("This file is already among the patient's documents."))


def visible_to(user) -> QuerySet[Document]:
    """The documents that the person may see."""
    rows = access.visible(Document.objects.all(), user, category=Category.DOCUMENTS)
    return rows.select_related("uploaded_by")


@transaction.atomic
def upload(
    *,
    patient: Patient,
    data: bytes,
    filename: str,
    document_type: str = Document.Type.OTHER,
    by,
    **kept: str,
) -> Document:
    """Take in a file about a patient, seal it, and queue it for reading.

    What the file is, is told by its content; `kept` are `sensitivity.FIELDS`. Raises `Invalid` for
    a file that is empty, too large or of no accepted kind, `AlreadyThere` for one that came before
    and that the person sees; nothing is stored then. One that is hidden from her is taken in as any
    other: she learns nothing of it.
    """
    tenancy.current().require(Permission.DOCUMENT_UPLOAD)
    access.require_reach(patient, Category.DOCUMENTS)
    proxy.require(patient, by=by)
    if document_type not in Document.Type.values:
        raise invalid("document_type", _("Choose one of the kinds of document."))
    sensitivity.check(
        Document(), kept, patient=patient, category=Category.DOCUMENTS, author=False, by=by
    )
    if len(data) > settings.UPLOAD_BYTES:
        raise invalid("file", _("The file is larger than 25 MB."))
    try:
        mime_type = ocr.recognise(data)
    except ocr.Unreadable as unreadable:
        raise invalid("file", unreadable.message) from unreadable
    document = Document(
        facility_id=patient.facility_id,
        patient=patient,
        original_filename=clean_name(filename),
        document_type=document_type,
        mime_type=mime_type,
        file_size=len(data),
        checksum=hashlib.sha256(data).hexdigest(),
        storage_name=f"{folder_of(patient.facility_id)}/{uuid4().hex}",
        uploaded_by_id=by.pk if by else None,
        **kept,
    )
    _once(document)
    # Before the commit: no row ever lacks its file. A file that lacks its row is swept up.
    sealed = keyring.seal_file(data, place=_place(document), facility_id=document.facility_id)
    storage.store().put(document.storage_name, sealed)
    queue(document)
    return document


@transaction.atomic
def classify(
    *, document: Document, document_type: str = "", version: int | None = None, by, **kept: str
) -> Document:
    """Say what kind of document it is, and how it is kept; its text, passages and the answers that
    cite it follow at once. Raises `Invalid`, `Missing` and `Stale`."""
    tenancy.current().require(Permission.DOCUMENT_UPLOAD)
    row = visible_to(by).filter(pk=document.pk).select_for_update(of=("self",)).first()
    if row is None:
        raise Missing(_("There is no such document."))
    proxy.require(row.patient_id, by=by)
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    if document_type and document_type not in Document.Type.values:
        raise invalid("document_type", _("Choose one of the kinds of document."))
    sensitivity.check(
        row, kept, patient=row.patient, category=Category.DOCUMENTS, author=False, by=by
    )
    for name, value in (kept | ({"document_type": document_type} if document_type else {})).items():
        setattr(row, name, value)
    _once(row)
    return row


def _once(document: Document) -> None:
    """Save it. Who keeps a file in some way sees what is kept so: of each way there is one."""
    index = document.index_of(document.checksum)
    twins = Document.objects.filter(patient_id=document.patient_id, checksum_index=index)
    twins = twins.exclude(pk=document.pk)
    if document._state.adding and (there := twins.first()):
        raise AlreadyThere(there)
    try:
        with transaction.atomic():
            document.save()
    except IntegrityError as error:
        if there := twins.filter(**document.kept).first():
            raise AlreadyThere(there) from error
        raise


def queue(document: Document) -> None:
    """Ask the worker to read the document, once the row is committed. Where the broker is down
    the next round of `find_unread` finds it."""
    arguments = {"document_id": str(document.pk), "facility_id": str(document.facility_id)}
    transaction.on_commit(
        lambda: current_app.send_task("records.read_document", kwargs=arguments, retry=False),
        robust=True,
    )


def content(*, document: Document, by) -> bytes:
    """The file as it was uploaded; the download is on the trail."""
    tenancy.current().require(Permission.DOCUMENT_VIEW)
    if not visible_to(by).filter(pk=document.pk).exists():
        raise Missing(_("There is no such document."))
    data = opened(document)
    trail.read("records.document", [(document.pk, document.patient_id)], how="download")
    return data


def opened(document: Document) -> bytes:
    """The bytes of the file; raises `SealBroken` or `NotStored`."""
    sealed = storage.store().get(document.storage_name)
    try:
        return keyring.open_file(sealed, place=_place(document), facility_id=document.facility_id)
    except keyring.SealBroken as broken:
        trail.defer_seal_broken(document, "file", broken.reason)
        raise


@transaction.atomic
def retry(*, document: Document, by) -> Document:
    """Read a document again that could not be read."""
    tenancy.current().require(Permission.DOCUMENT_UPLOAD)
    document = visible_to(by).select_for_update(of=("self",)).filter(pk=document.pk).first()
    if document is None:
        raise Missing(_("There is no such document."))
    proxy.require(document.patient_id, by=by)
    if document.processing_status != Processing.ERROR:
        raise Conflict(_("Only a document that could not be read can be tried again."))
    document.processing_status, document.error_reason = Processing.PENDING, ""
    document.attempts = document.pages_done = 0
    document.save()
    queue(document)
    return document


def read(document_id) -> bool:
    """Read a document as the worker does; False where another worker has it or it is done.

    Safe to run twice and to be killed at any point: an unfinished reading is taken up again. What
    is not the document's fault (the decoder cannot be started) is raised, and tried again later.
    """
    document = _claim(document_id)
    if document is None:
        return False
    try:
        reading = ocr.read_document(
            opened(document),
            languages=settings.OCR_LANGUAGES,
            on_progress=lambda done, total: _progress(document, done, total),
        )
    except (ocr.Unreadable, keyring.SealBroken, storage.NotStored) as failure:
        _finish_with_error(document, failure)
        return True
    _finish(document, reading)
    return True


def unread() -> QuerySet[Document]:
    """Documents that wait, or whose reading was cut off, in the acting facility."""
    stale = Q(processing_status=Processing.PROCESSING, claimed_at__lt=timezone.now() - CLAIM)
    waiting = Q(processing_status=Processing.PENDING)
    return Document.objects.filter(stale | waiting).order_by("created_at")


def clean_name(filename: str) -> str:
    """The file's name without folders, control characters and marks that turn the text around."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(c for c in name if c.isprintable())  # bidirectional marks are not
    return name.strip()[:200] or "document"


def folder_of(facility_id: UUID) -> str:
    """The folder of the store in which a facility's documents lie, and nothing else."""
    return f"documents/{facility_id}"


def _place(document: Document) -> bytes:
    return f"file|{document.storage_name}|{document.pk}|{document.facility_id}".encode()


@transaction.atomic
def _claim(document_id) -> Document | None:
    document = Document.objects.filter(pk=document_id).select_for_update(skip_locked=True).first()
    if document is None:
        return None
    fresh = document.claimed_at and document.claimed_at > timezone.now() - CLAIM
    if document.processing_status == Processing.PROCESSING and fresh:
        return None
    if document.processing_status not in {Processing.PENDING, Processing.PROCESSING}:
        return None
    if document.attempts >= MOST_ATTEMPTS:
        document.processing_status, document.error_reason = Processing.ERROR, "too_many_attempts"
        document.save()
        return None
    document.processing_status, document.claimed_at = Processing.PROCESSING, timezone.now()
    document.attempts += 1
    document.pages_done = 0
    document.save()
    return document


@transaction.atomic
def _progress(document: Document, done: int, total: int) -> None:
    Document.objects.filter(pk=document.pk).update(
        pages_done=done, pages_total=total, claimed_at=timezone.now()
    )


@transaction.atomic
def _finish(document: Document, reading) -> None:
    document = Document.objects.select_for_update().get(pk=document.pk)
    document.pages.all().delete()
    pages = [
        DocumentPage(
            facility_id=document.facility_id,
            document=document,
            patient_id=document.patient_id,
            number=number,
            text=page.text,
            lines=[[line.text, round(line.confidence, 3), line.box] for line in page.lines],
            confidence=page.confidence,
            **document.kept,
        )
        for number, page in enumerate(reading.pages, start=1)
    ]
    DocumentPage.objects.bulk_create(pages)
    document.processing_status, document.error_reason = Processing.COMPLETED, ""
    document.pages_done = document.pages_total = len(pages)
    document.ocr_confidence, document.processed_at = reading.confidence, timezone.now()
    document.save()
    arguments = {"document_id": str(document.pk), "facility_id": str(document.facility_id)}
    for name in settings.DOCUMENT_READ_TASKS:
        transaction.on_commit(
            lambda name=name: current_app.send_task(name, kwargs=arguments, retry=False),
            robust=True,
        )


@transaction.atomic
def _finish_with_error(document: Document, failure: Exception) -> None:
    document = Document.objects.select_for_update().get(pk=document.pk)
    document.processing_status = Processing.ERROR
    broken = not isinstance(failure, ocr.Unreadable)
    document.error_reason = "not_intact" if broken else str(failure.reason)
    document.processed_at = timezone.now()
    document.save()
