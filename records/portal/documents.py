"""Letters, results and other files: adding one, watching how far it is read, reading it."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused, invalid
from clinic.forms import add_refusal
from clinic.security import keyring, trail
from clinic.security.permissions import Category, Permission
from patients.portal import PersonPage
from records import documents, storage
from records.models import Document
from records.uploads import LIMITS, too_large, what_went_wrong

DOCUMENTS_A_PAGE = 15
Processing = Document.Processing
# A list that refreshes itself is one look, for as long as a person may be watching it.
WATCHED, WATCHED_FOR = "documents_watched", timedelta(minutes=10)


class DocumentForm(forms.Form):
    """A file and what kind of document it is."""

    file = forms.FileField(
        label=_("File"), allow_empty_file=True, error_messages={"required": _("Choose a file.")}
    )
    document_type = forms.ChoiceField(
        label=_("What is it?"), choices=Document.Type.choices, initial=Document.Type.OTHER
    )


class DocumentsPage(PersonPage):
    """A page about the documents of the person shown."""

    permission = Permission.DOCUMENT_VIEW
    needs = (Category.DOCUMENTS,)

    def documents(self) -> QuerySet[Document]:
        return documents.visible_to(self.request.user).filter(patient=self.patient)

    def document(self, pk: UUID) -> Document:
        return get_object_or_404(self.documents(), pk=pk)


class Documents(DocumentsPage):
    """All documents, newest first, and the form to add one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        page = self.shown()
        if request.htmx:
            if not self.is_watched():
                self.note(page)
            return self.page("portal/document_list.html", self.listed(page))
        self.note(page)
        return self.show(page, DocumentForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        request.actor.require(Permission.DOCUMENT_UPLOAD)
        form = DocumentForm(request.POST, request.FILES)
        if form.is_valid():
            try:
                added = documents.upload(
                    patient=self.patient,
                    data=form.cleaned_data["file"].read(),
                    filename=form.cleaned_data["file"].name,
                    document_type=form.cleaned_data["document_type"],
                    by=request.user,
                )
            except documents.AlreadyThere as there:
                messages.info(request, there.message)
                return redirect("portal:document", there.document.pk)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(request, gettext("Your document is here. We are reading it now."))
                return redirect("portal:document", added.pk)
        elif too_large(request):
            form.errors.pop("file", None)
            add_refusal(form, invalid("file", _("The file is larger than 25 MB.")))
        page = self.shown()
        self.note(page)
        return self.show(page, form, status=400)

    def shown(self) -> Page:
        rows = self.documents().order_by("-created_at")
        page = Paginator(rows, DOCUMENTS_A_PAGE).get_page(self.request.GET.get("page"))
        page.object_list = list(page.object_list)
        return page

    def show(self, page: Page, form: DocumentForm, status: int = 200) -> HttpResponse:
        context = {**self.listed(page), "form": form, "limits": LIMITS}
        return self.page("portal/documents.html", context, status=status)

    def listed(self, page: Page) -> dict:
        unfinished = {Processing.PENDING, Processing.PROCESSING}
        return {
            "documents": page,
            "unfinished": any(one.processing_status in unfinished for one in page.object_list),
        }

    def note(self, page: Page) -> None:
        seen = [(one.pk, one.patient_id) for one in page.object_list]
        trail.read(Document._meta.label_lower, seen, how="list")
        watch = {"patient": str(self.patient.pk), "page": page.number, "at": str(timezone.now())}
        self.request.session[WATCHED] = watch

    def is_watched(self) -> bool:
        """Whether this list was noted just now: the session tells it, which nobody can forge."""
        watch = self.request.session.get(WATCHED) or {}
        since = parse_datetime(watch.get("at", ""))
        return (
            watch.get("patient") == str(self.patient.pk)
            and str(watch.get("page")) == self.request.GET.get("page", "1")
            and since is not None
            and timezone.now() - since < WATCHED_FOR
        )


class ShownDocument(DocumentsPage):
    """One document with the text that was read from it."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        document = self.document(pk)
        is_read = document.processing_status == Processing.COMPLETED
        if is_read or not request.htmx:
            trail.read(Document._meta.label_lower, [(document.pk, document.patient_id)])
        context = {
            "document": document,
            "pages": list(document.pages.all()) if is_read else [],
            "file_url": reverse("portal:document_file", args=[pk]),
            "error": what_went_wrong(document.error_reason),
            "limits": LIMITS,
        }
        part = "portal/document_state.html" if request.htmx else "portal/document.html"
        return self.page(part, context)


class DocumentFile(DocumentsPage):
    """The file as it was added, to be kept, never to be shown in the place of a page."""

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        document = self.document(pk)
        try:
            data = documents.content(document=document, by=request.user)
        except (storage.NotStored, keyring.SealBroken):
            messages.error(request, gettext("We cannot find this file. Please call the clinic."))
            return redirect("portal:document", pk)
        disposition = content_disposition_header(True, document.original_filename)
        return HttpResponse(
            data,
            content_type=document.mime_type,
            headers={
                "Content-Disposition": disposition,
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )


class DocumentRetry(DocumentsPage):
    """Read a document again that could not be read."""

    permission = Permission.DOCUMENT_UPLOAD
    is_for_acting = True
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        document = self.document(pk)
        try:
            documents.retry(document=document, by=request.user)
        except Refused as refused:
            messages.warning(request, refused.message)
        return redirect("portal:document", pk)
