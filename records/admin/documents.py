"""Documents: the list, adding one, one with its text, and its file."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, Page
from clinic.errors import Refused, invalid
from clinic.security import keyring
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Permission
from patients import access
from patients.admin import keeping
from patients.models import Patient
from records import documents, storage
from records.admin import watching
from records.models import Document
from records.models import DocumentPage as PageOfDocument
from records.uploads import LIMITS, too_large, what_went_wrong
from scheduling.admin.booking import one_of

A_PAGE = 25


class UploadForm(forms.Form):
    """A file, what it is, and whose: chosen on the page before, or by the record number."""

    patient = forms.CharField(
        label=_("Patient’s record number"),
        max_length=50,
        error_messages={"required": _("Enter the number from the chart, like AA000001.")},
    )
    file = forms.FileField(
        label=_("File"), allow_empty_file=True, error_messages={"required": _("Choose a file.")}
    )
    document_type = forms.ChoiceField(
        label=_("What is it?"), choices=Document.Type.choices, initial=Document.Type.OTHER
    )

    kept = keeping.kept_field()

    def __init__(self, *args, patient: Patient | None = None, kinds=CONFIDENTIAL_KINDS, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kept"].choices = keeping.choices(kinds)
        if patient is not None:
            self.fields["patient"].widget = forms.HiddenInput()
            self.fields["patient"].initial = patient.mrn


class DocumentsPage(FormPage):
    """Documents, newest first, of the clinic or of one patient (`?patient=`)."""

    required = Permission.DOCUMENT_VIEW
    title = _("Documents")
    template_name = "admin/records/documents.html"
    fragment = "admin/records/document_list.html"
    form_class = UploadForm
    added: Document

    @cached_property
    def patient(self) -> Patient | None:
        named = self.request.GET.get("patient")
        found = one_of(access.visible_to(self.request.user), named)
        if named and found is None:
            raise Http404
        return found

    @cached_property
    def page(self):
        rows = documents.visible_to(self.request.user).select_related("patient")
        if self.patient:
            rows = rows.filter(patient=self.patient)
        page = Paginator(rows.order_by("-created_at"), A_PAGE).get_page(
            self.request.GET.get("page")
        )
        page.object_list = list(page.object_list)
        return page

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.is_fragment:
            return watching.answer(self, watching.state_of(self.page), self.page.object_list)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        if not self.is_fragment:
            watching.note(self.page.object_list)
        may_add = self.request.actor.may(Permission.DOCUMENT_UPLOAD)
        context = super().get_context_data(
            patient=self.patient, limits=LIMITS, **watching.listed(self.page), **kwargs
        )
        return context if may_add else context | {"form": None}

    def form_arguments(self) -> dict[str, Any]:
        if self.patient is None:
            return {}
        kinds = access.categories_of(self.request.user, self.patient)
        return {"patient": self.patient, "kinds": kinds}

    def get_form(self, data=None, files=None):
        form = super().get_form(data, files)
        if data is not None and too_large(self.request):
            form.fields["file"].error_messages["required"] = _("The file is larger than 25 MB.")
        return form

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        request.actor.require(Permission.DOCUMENT_UPLOAD)
        return super().post(request, *args, **kwargs)

    def carry_out(self, form):
        number = form.cleaned_data["patient"].replace(" ", "")
        patient = access.visible_to(self.request.user).filter(mrn__iexact=number).first()
        if patient is None:
            raise invalid("patient", _("There is no patient with this record number."))
        file = form.cleaned_data["file"]
        try:
            with keeping.asked():
                self.added = documents.upload(
                    patient=patient, data=file.read(), filename=file.name,
                    document_type=form.cleaned_data["document_type"], by=self.request.user,
                    **keeping.chosen(form.cleaned_data["kept"]),
                )  # fmt: skip
            messages.success(self.request, gettext("The document is here and will be read now."))
        except documents.AlreadyThere as there:
            self.added = there.document
            messages.info(self.request, there.message)

    def done(self) -> str:
        return reverse("admin:document", args=[self.added.pk])


class KeptForm(forms.Form):
    """How a document is kept from now on."""

    kept = keeping.kept_field()

    def __init__(self, *args, kinds, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kept"].choices = keeping.choices(kinds)
        self.fields["kept"].required = True


class DocumentPage(Page):
    """One document with the text that was read from it; `?page=&start=&end=` marks a passage."""

    required = Permission.DOCUMENT_VIEW
    title = _("Document")
    template_name = "admin/records/document.html"
    fragment = "admin/records/document_state.html"

    @cached_property
    def document(self) -> Document:
        rows = documents.visible_to(self.request.user).select_related("patient")
        found = rows.filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.is_fragment:
            return watching.answer(
                self, watching.state_of([self.document]), [self.document], "detail"
            )
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            if "kept" in request.POST:
                self.classify(request.POST["kept"])
            else:
                documents.retry(document=self.document, by=request.user)
                messages.success(request, gettext("The document will be read again."))
        except Refused as refused:
            messages.error(request, refused.message)
        return redirect("admin:document", self.document.pk)

    def classify(self, kept: str) -> None:
        form = KeptForm({"kept": kept}, kinds=self.kinds)
        if not form.is_valid():
            raise invalid("kept", _("Choose how it is kept."))
        chosen = keeping.chosen(form.cleaned_data["kept"])
        documents.classify(document=self.document, by=self.request.user, **chosen)
        messages.success(self.request, gettext("How the document is kept is changed."))

    @property
    def kinds(self) -> frozenset[Category]:
        """The kinds of confidential content that the person reads of this patient, and so marks."""
        return access.categories_of(self.request.user, self.document.patient)

    def get_context_data(self, **kwargs):
        document = self.document
        if not self.is_fragment:
            watching.note([document], "detail")
        is_read = document.processing_status == watching.Processing.COMPLETED
        sure = document.ocr_confidence
        return super().get_context_data(
            document=document,
            state=watching.state_of([document]),
            pages=self.pages() if is_read else [],
            confidence_percent=round(sure * 100) if is_read and sure is not None else None,
            file_url=reverse("admin:document_file", args=[document.pk]),
            error=what_went_wrong(document.error_reason),
            retry=self.request.actor.may(Permission.DOCUMENT_UPLOAD),
            kept_form=self.kept_form(),
            **kwargs,
        )

    def kept_form(self) -> KeptForm | None:
        if not self.request.actor.may(Permission.DOCUMENT_UPLOAD):
            return None
        return KeptForm(initial={"kept": keeping.value_of(self.document)}, kinds=self.kinds)

    def pages(self) -> list[dict[str, Any]]:
        marked = passage_in(self.request.GET)
        return [
            {"number": p.number, "confidence": p.confidence, **marked_text(p, marked)}
            for p in self.document.pages.all()
        ]


def passage_in(query) -> tuple[int, int, int] | None:
    """The page, start and end that an address names; None for anything else."""
    try:
        number, start, end = (int(query[name]) for name in ("page", "start", "end"))
    except (KeyError, ValueError):
        return None
    return (number, start, end) if 0 <= start < end else None


def marked_text(page: PageOfDocument, marked: tuple[int, int, int] | None) -> dict[str, str]:
    """The page's text in three parts: before the marked passage, the passage, after it."""
    if marked is None or marked[0] != page.number:
        return {"text": page.text, "before": page.text, "marked": "", "after": ""}
    _number, start, end = marked
    text = page.text
    return {"text": text, "before": text[:start], "marked": text[start:end], "after": text[end:]}


class DocumentFile(Page):
    """The file as it was added, to be kept, never to be shown in the place of a page."""

    required = Permission.DOCUMENT_VIEW

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        document = documents.visible_to(request.user).filter(pk=kwargs["pk"]).first()
        if document is None:
            raise Http404
        try:
            data = documents.content(document=document, by=request.user)
        except (storage.NotStored, keyring.SealBroken):
            messages.error(request, gettext("This file is gone or damaged. Tell an administrator."))
            return redirect("admin:document", document.pk)
        return HttpResponse(
            data,
            content_type=document.mime_type,
            headers={
                "Content-Disposition": content_disposition_header(True, document.original_filename)
            },
        )
