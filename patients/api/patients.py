"""Patients: who they are."""

from collections import defaultdict
from dataclasses import replace
from functools import cache
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.quick import Later, QuickReading
from clinic.api.resource import Resource
from clinic.api.serializing import StrictSerializer, question
from clinic.security.fields import Sealed
from clinic.security.permissions import Category, Permission
from patients import access, cover, registration, search
from patients.api.shapes import patient_shape
from patients.models import Allergy, Gender, Patient

LONGEST_NAME, LONGEST_QUERY = 100, 200


class PatientBody(StrictSerializer):
    """A patient, as she is sent and answered; `allergies` is for readers of clinical content, and
    numbers, address and insurance are for the clinic that treats her and for who decides for
    her."""

    sometimes = cover.PRIVATE | {"allergies"}
    example = {
        "first_name": "Maria", "last_name": "Souza", "date_of_birth": "1984-03-27",
        "gender": "female", "phone": "+1 555 010 2233", "email": "maria@example.org",
        "emergency_contact": {"name": "Pedro Souza", "phone": "+1 555 010 2234"},
    }  # fmt: skip

    id = fields.Id(read_only=True)
    mrn = fields.Text(
        max_length=50, required=False, help_text=_("Given by the clinic where none is sent.")
    )
    first_name = fields.Text(max_length=LONGEST_NAME)
    last_name = fields.Text(max_length=LONGEST_NAME)
    date_of_birth = fields.Day()
    gender = fields.Choice(choices=Gender.choices, required=False)
    ssn = fields.Text(max_length=20, allow_blank=True, required=False)
    cpf = fields.Text(max_length=20, allow_blank=True, required=False)
    phone = fields.Text(max_length=30, allow_blank=True, required=False)
    email = fields.Email(max_length=254, allow_blank=True, required=False)
    address = fields.Details(required=False)
    emergency_contact = fields.Details(required=False)
    insurance_info = fields.Details(required=False)
    preferred_language = fields.Text(max_length=10, required=False)
    deceased_on = fields.Day(allow_null=True, required=False)
    is_active = fields.Flag(required=False)
    allergies = fields.Texts(
        read_only=True, help_text=_("What is known; written at patients/{id}/allergies/.")
    )
    version = fields.Whole(read_only=True)
    created_at = fields.Moment(read_only=True)
    updated_at = fields.Moment(read_only=True)


class PatientCorrection(PatientBody):
    """What of a patient can be corrected: all but the record number."""

    example = {"phone": "+1 555 010 9988"}

    mrn = fields.Text(read_only=True)


# The allergies of each patient of the page: row and sealed name by turns.
ALLERGIES = """ARRAY(SELECT unnest(ARRAY[a.id::text, a.allergen]) FROM (
 SELECT id, allergen FROM patients_allergy WHERE is_active AND patient_id = page.id ORDER BY id
) AS a)"""


class Patients(QuickReading, Resource):
    """Patients of the facility within the actor's reach."""

    model = Patient
    quick = frozenset({"list", "retrieve"})
    patient_column = "id"
    beside = ALLERGIES
    allergies: dict | None = None
    required = {
        "list": Permission.PATIENT_VIEW,
        "retrieve": Permission.PATIENT_VIEW,
        "create": Permission.PATIENT_REGISTER,
        "partial_update": Permission.PATIENT_REGISTER,
    }
    asked = {
        "list": question(
            "PatientQuestion",
            q=fields.Text(
                max_length=LONGEST_QUERY,
                allow_blank=True,
                required=False,
                help_text=_(
                    "Name prefixes in any order, accents ignored; or a record number, phone, "
                    "e-mail, SSN, CPF or date of birth."
                ),
            ),
            is_active=fields.AskedFlag(required=False),
        )
    }
    bodies = {"partial_update": PatientCorrection}
    serializer_class = PatientBody

    def visible(self):
        query = self.question.get("q", "").strip()
        if not self.is_quick:
            rows = search.find(self.request.user, query)
        else:
            rows = self.searched(query) if query else _in_reach()
            how = "detail" if self.action == "retrieve" else "search" if query else "list"
            rows = self.noting(rows, how=how, shown=self.shown())
        if "is_active" in self.question:
            rows = rows.filter(is_active=self.question["is_active"])
        return rows

    def searched(self, query: str):
        """Who fits the query."""
        asked = search.tokens(query, facility_id=self.facility_hint())
        self.values = (asked.facility_id, asked.exact, *asked.names)
        self.form = len(asked.names), bool(asked.exact)
        return _fitting(*self.form)

    def take(self, items, beside):
        """Hold the allergies that came in the same round trip."""
        self.allergies = defaultdict(list)
        for patient, written in zip(items, beside, strict=True):
            for pk, allergen in zip(written[::2], written[1::2], strict=True):
                row = Allergy(pk=UUID(pk), facility_id=patient.facility_id, patient=patient)
                row.allergen = Sealed(allergen)
                self.allergies[patient.pk].append(row.allergen)

    def about(self, answer):
        return replace(
            super().about(answer), patient_id=answer["id"], clinical="allergies" in answer
        )

    def shape(self, item):
        return self.shapes([item])[0]

    def shapes(self, items):
        shapes = [patient_shape(patient) for patient in items]
        read = access.read_clinically([patient.pk for patient in items], Category.MEDICATIONS)
        if read:
            known = self.allergies
            if known is None:
                known = allergies_of(items, self.request.user)
            for shape in shapes:
                if shape["id"] in read:
                    shape["allergies"] = known[shape["id"]]
        return shapes

    @idempotent
    def create(self, request):
        """Register a patient."""
        patient = registration.register(by=request.user, **self.validated())
        self.allergies = defaultdict(list)  # nothing is known yet of a new patient
        return self.created(patient)

    def partial_update(self, request, pk):
        """Correct who a patient is said to be."""
        patient = self.get_object()
        changes = self.validated()
        version = self.expected_version(patient)
        return Response(
            self.shape(
                registration.correct(patient=patient, version=version, by=request.user, **changes)
            )
        )


@cache
def _in_reach():
    """The queryset that every quick reading begins with, built once: it holds nobody's rows."""
    return access.in_context(Patient.objects.all(), Category.VIEW)


@cache
def _fitting(names: int, exact: bool):
    """The queryset of a search for so many names, and for exact tokens or none."""
    facility_id, any_of, *all_of = (Later(place) for place in range(names + 2))
    return _in_reach().filter(search.Fits(facility_id, all_of, any_of if exact else None))


def allergies_of(patients: list[Patient], user) -> dict:
    """What each patient is allergic to, as far as the person may see it, in one query."""
    known: dict = {patient.pk: [] for patient in patients}
    rows = Allergy.objects.active().filter(patient_id__in=list(known)).order_by("id")
    for allergy in access.visible(rows, user, category=Category.MEDICATIONS):
        known[allergy.patient_id].append(allergy.allergen)
    return known
