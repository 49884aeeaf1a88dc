"""Documents: sent in, read by the worker, downloaded."""

from django.conf import settings
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import Nothing, StrictModelSerializer, StrictSerializer, question, ready
from clinic.errors import TooLarge
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Permission, Sensitivity
from patients import access
from patients.api.nested import patient_reference
from patients.models import Patient
from records import documents
from records.models import Document
from records.ocr import kinds

KINDS = [(kind.value, kind.label) for kind in CONFIDENTIAL_KINDS]
FORM_BYTES = 64 * 1024  # what a form may weigh beside its file


def patients_with_documents():
    return access.visible(Patient.objects.all(), None, category=Category.DOCUMENTS, column="pk")


class UploadParser(MultiPartParser):
    """A form with one file, refused by its length before it is read."""

    def parse(self, stream, media_type=None, parser_context=None):
        meta = parser_context["request"].META
        if int(meta.get("CONTENT_LENGTH") or 0) > settings.UPLOAD_BYTES + FORM_BYTES:
            raise TooLarge(_("The file is larger than 25 MB."))
        parsed = super().parse(stream, media_type, parser_context)
        for name, file in parsed.files.items():
            if "\ufffd" in file.name:
                raise serializers.ValidationError({name: [_("The file's name is not UTF-8.")]})
        return parsed


class Upload(StrictSerializer):
    """A file about a patient."""

    file = serializers.FileField(
        allow_empty_file=True, help_text=_("PDF, PNG, JPEG, TIFF or plain text; at most 25 MB.")
    )
    document_type = fields.Choice(choices=Document.Type.choices, required=False)
    patient = patient_reference(rows=patients_with_documents)
    sensitivity = fields.Choice(choices=Sensitivity.choices, required=False)
    confidential_kind = fields.Choice(choices=KINDS, required=False, allow_blank=True)


class Classification(StrictSerializer):
    """What kind of document it is, and how carefully it is kept."""

    example = {"sensitivity": "confidential", "confidential_kind": "mental_health"}

    document_type = fields.Choice(choices=Document.Type.choices, required=False)
    sensitivity = fields.Choice(choices=Sensitivity.choices, required=False)
    confidential_kind = fields.Choice(choices=KINDS, required=False, allow_blank=True)


class DocumentBody(StrictModelSerializer):
    """A document, with its text."""

    patient = fields.Id(source="patient_id", read_only=True)
    uploaded_by = fields.Id(source="uploaded_by_id", read_only=True, allow_null=True)
    progress = serializers.FloatField(
        read_only=True, min_value=0, max_value=1, help_text=_("How much has been read, 0 to 1.")
    )
    file_size = serializers.IntegerField(read_only=True)
    extracted_metadata = fields.Details(read_only=True)
    ocr_text = fields.Text(read_only=True, source="text")
    confidential_kind = fields.Choice(choices=KINDS, read_only=True, allow_blank=True)

    class Meta:
        model = Document
        fields = (
            "id", "patient", "original_filename", "document_type", "mime_type", "file_size",
            "checksum", "uploaded_by", "sensitivity", "confidential_kind",
            "processing_status", "progress", "pages_total", "pages_done",
            "error_reason", "ocr_text", "ocr_confidence", "extracted_metadata", "processed_at",
            "version", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class ListedDocumentBody(DocumentBody):
    """A document in a list: without its text."""

    ocr_text = None

    class Meta(DocumentBody.Meta):
        fields = tuple(name for name in DocumentBody.Meta.fields if name != "ocr_text")


class Documents(Resource):
    """Documents of patients in reach."""

    required = {
        "list": Permission.DOCUMENT_VIEW,
        "retrieve": Permission.DOCUMENT_VIEW,
        "create": Permission.DOCUMENT_UPLOAD,
        "partial_update": Permission.DOCUMENT_UPLOAD,
        "content": Permission.DOCUMENT_VIEW,
        "retry": Permission.DOCUMENT_UPLOAD,
    }
    matched = frozenset({"partial_update"})
    asked = {
        "list": question(
            "DocumentQuestion",
            patient=fields.Id(required=False),
            document_type=fields.Choice(choices=Document.Type.choices, required=False),
            processing_status=fields.Choice(choices=Document.Processing.choices, required=False),
        )
    }
    bodies = {"create": Upload, "partial_update": Classification, "retry": Nothing}
    answers = {
        "list": ListedDocumentBody,
        "content": {(200, *kinds.KINDS): {"type": "string", "format": "binary"}},
    }
    serializer_class = DocumentBody
    category = Category.DOCUMENTS

    def get_parsers(self):
        if getattr(self, "action_map", {}).get("post") == "create":
            return [UploadParser()]
        return super().get_parsers()

    def perform_content_negotiation(self, request, force=False):
        return super().perform_content_negotiation(request, force or self.action == "content")

    def visible(self):
        return documents.visible_to(self.request.user).select_related(None).filter(**self.question)

    def shapes(self, items):
        return [ready(ListedDocumentBody).to_representation(item) for item in items]

    def shape(self, item):
        item.text = "\n\n".join(page.text for page in item.pages.order_by("number"))
        return super().shape(item)

    @idempotent
    def create(self, request):
        """Send in a file. The worker reads it; `processing_status` and `progress` tell how far."""
        body = self.validated()
        file = body.pop("file")
        document = documents.upload(data=file.read(), filename=file.name, by=request.user, **body)
        return self.created(document)

    def partial_update(self, request, pk):
        """Say what kind of document it is, and how carefully it is kept."""
        document = self.get_object()
        version = self.expected_version(document)
        document = documents.classify(
            document=document, version=version, by=request.user, **self.validated()
        )
        return Response(self.shape(document))

    @action(detail=True, methods=["get"])
    def content(self, request, pk):
        """The file as it was sent in, always as a download."""
        document = self.get_object()
        answer = HttpResponse(
            documents.content(document=document, by=request.user), content_type=document.mime_type
        )
        answer["Content-Disposition"] = content_disposition_header(True, document.original_filename)
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    @action(detail=True, methods=["post"])
    @idempotent
    def retry(self, request, pk):
        """Read a document again that could not be read."""
        self.validated()
        document = documents.retry(document=self.get_object(), by=request.user)
        return Response(self.shape(document))
