"""The records that clinicians write of visits."""

from django.utils.translation import gettext_lazy as _
from rest_framework.decorators import action
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, Nothing, StrictModelSerializer, question
from clinic.security.permissions import Category, Permission
from patients import access
from patients.api.nested import patient_reference
from patients.models import Patient
from records import charting
from records.models import MedicalRecord
from scheduling import calendar


def patients_with_records():
    return access.visible(Patient.objects.all(), None, category=Category.RECORDS, column="pk")


def visit_reference(**kwargs) -> fields.Reference:
    """A field that names a visit in reach."""
    message = {"missing": _("There is no such visit.")}
    return fields.Reference(rows=lambda: calendar.visits(None), error_messages=message, **kwargs)


class RecordBody(StrictModelSerializer):
    """What was found, decided and done at a visit. `vital_signs` holds numbers by name: systolic,
    diastolic (mmHg), heart_rate, respiration (a minute), temperature (°C), oxygen (%), weight
    (kg)."""

    example = {
        "patient": SOME_ID, "primary_diagnosis": "Acute sinusitis", "treatment": "Saline rinse",
        "vital_signs": {"systolic": 120, "diastolic": 80, "temperature": 38.2},
    }  # fmt: skip

    patient = patient_reference(rows=patients_with_records)
    appointment = visit_reference(required=False, allow_null=True)
    author = fields.Id(source="author_id", read_only=True)
    visit_date = fields.Moment(required=False)
    secondary_diagnoses = fields.Texts(required=False, longest=1000)
    vital_signs = fields.Details(required=False)
    status = fields.Choice(choices=MedicalRecord.Status.choices, read_only=True)
    signed_at = fields.Moment(read_only=True, allow_null=True)
    signature_valid = fields.Flag(read_only=True, allow_null=True)

    class Meta:
        model = MedicalRecord
        fields = (
            "id", "patient", "appointment", "author", "visit_date", "department",
            "primary_diagnosis", "secondary_diagnoses", "vital_signs", "treatment", "notes",
            "sensitivity", "confidential_kind", "status", "signed_at", "signature_valid",
            "version", "created_at", "updated_at",
        )  # fmt: skip


class RecordChange(RecordBody):
    """A draft stays its patient's and its visit's."""

    example = {"notes": "No fever any more."}

    patient = fields.Reference()
    appointment = fields.Reference(allow_null=True)


class MedicalRecords(Resource):
    """Records of visits."""

    required = {
        "list": Permission.CHART_VIEW,
        "retrieve": Permission.CHART_VIEW,
        "create": Permission.RECORD_WRITE,
        "partial_update": Permission.RECORD_WRITE,
        "sign": Permission.RECORD_WRITE,
    }
    asked = {
        "list": question(
            "RecordQuestion",
            patient=fields.Id(required=False),
            status=fields.Choice(choices=MedicalRecord.Status.choices, required=False),
        )
    }
    bodies = {"partial_update": RecordChange, "sign": Nothing}
    matched = frozenset({"partial_update", "sign"})
    serializer_class = RecordBody
    category = Category.RECORDS
    ordering = ("-visit_date", "-id")

    def visible(self):
        rows = charting.visible_to(self.request.user).select_related(None)
        return rows.filter(**self.question)

    @idempotent
    def create(self, request):
        """Write the record of a visit, as a draft."""
        return self.created(charting.write(by=request.user, **self.validated()))

    def partial_update(self, request, pk):
        """Change one's own draft."""
        return self._revised(**self.validated())

    @action(detail=True, methods=["post"])
    @idempotent
    def sign(self, request, pk):
        """Make one's own draft final; it is not changed any more."""
        self.validated()
        return self._revised(final=True)

    def _revised(self, **content) -> Response:
        record = self.get_object()
        version = self.expected_version(record)
        revised = charting.revise(record=record, version=version, by=self.request.user, **content)
        return Response(self.shape(revised))
