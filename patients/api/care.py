"""Invited care: clinicians whom a patient asks to treat her, or who ask her; and questions of
patients about who looked."""

from django.utils.translation import gettext_lazy as _
from rest_framework.decorators import action
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, Nothing, StrictModelSerializer, StrictSerializer
from clinic.errors import invalid
from clinic.security.permissions import Category, Permission
from patients import questions, relationships
from patients.api.family import NAMES, meant, named
from patients.api.nested import OfPatient
from patients.models import CareRelationship, LookQuestion


class RelationBody(StrictModelSerializer):
    """A clinician whom the patient invited, or who asked her; `status` pending, active, inactive
    or blocked."""

    example = {"clinician": SOME_ID, "categories": ["records"], "message": "For my knee."}

    patient = fields.Id(source="patient_id", read_only=True)
    clinician = fields.Id(source="clinician_id")
    name = fields.Text(source="clinician.get_full_name", read_only=True)
    status = fields.Choice(choices=CareRelationship.Status.choices, read_only=True)
    invited_by = fields.Choice(choices=CareRelationship.Side.choices, read_only=True)
    categories = fields.Names(choices=NAMES, required=False)
    message = fields.Text(max_length=500, allow_blank=True, required=False)

    class Meta:
        model = CareRelationship
        fields = (
            "id", "patient", "clinician", "name", "status", "invited_by", "categories", "message",
            "answered_at", "ended_at", "version", "created_at",
        )  # fmt: skip
        read_only_fields = ("answered_at", "ended_at")


class Opened(StrictSerializer):
    """What is open to the clinician."""

    example = {"categories": ["records", "documents"]}

    categories = fields.Names(choices=NAMES, required=False)


class Blocking(StrictSerializer):
    """Whom the patient closes the record to."""

    example = {"clinician": SOME_ID}

    clinician = fields.Id()


class Relationships(OfPatient):
    """The patient's side of invited care."""

    required = dict.fromkeys(
        ("list", "create", "partial_update", "agree", "end", "block", "unblock"),
        Permission.SHARING_MANAGE,
    )
    kept_under = Category.SHARING
    serializer_class = RelationBody
    bodies = {"partial_update": Opened, "agree": Opened, "end": Nothing, "block": Blocking,
              "unblock": Nothing}  # fmt: skip

    def visible(self):
        return relationships.of_patient(self.patient)

    def shape(self, item):
        told = super().shape(item)
        return told | {"categories": named(told["categories"])}

    def clinician(self, pk):
        found = relationships.clinicians().filter(pk=pk).first()
        if found is None:
            raise invalid("clinician", _("There is no such person in this clinic."))
        return found

    @idempotent
    def create(self, request, patient_id):
        """Ask a clinician to treat the patient; it opens once she agrees."""
        patient, body = self.patient, self.validated()
        clinician = self.clinician(body.pop("clinician_id"))
        if "categories" in body:
            body["categories"] = meant(body["categories"])
        relation = relationships.invite_clinician(
            patient=patient, clinician=clinician, by=request.user, **body
        )
        return self.created(relation)

    def partial_update(self, request, patient_id, pk):
        """Open or close parts of the record to the clinician; with none left it ends."""
        relation, body = self.get_object(), self.validated()
        wanted = meant(body.get("categories", relation.categories))
        relationships.set_categories(relation=relation, categories=wanted, by=request.user)
        return Response(self.shape(self.get_object()))

    @action(detail=True, methods=["post"])
    @idempotent
    def agree(self, request, patient_id, pk):
        """Agree to what a clinician asked, with the parts that open to her."""
        relation, body = self.get_object(), self.validated()
        wanted = meant(body["categories"]) if "categories" in body else None
        relationships.agree(relation=relation, categories=wanted, by=request.user)
        return Response(self.shape(self.get_object()))

    @action(detail=True, methods=["post"])
    @idempotent
    def end(self, request, patient_id, pk):
        """End what was agreed, or decline what was asked."""
        self.validated()
        relationships.end(relation=self.get_object(), by=request.user)
        return Response(self.shape(self.get_object()))

    @action(detail=False, methods=["post"])
    @idempotent
    def block(self, request, patient_id):
        """Close the record to a person of the clinic, whatever her role reaches; an emergency stays
        possible."""
        patient, body = self.patient, self.validated()
        relation = relationships.block(
            patient=patient, clinician=self.clinician(body["clinician"]), by=request.user
        )
        return Response(self.shape(self.visible().get(pk=relation.pk)))

    @action(detail=True, methods=["post"])
    @idempotent
    def unblock(self, request, patient_id, pk):
        """Let the clinic's ordinary rules hold for that person again."""
        self.validated()
        relationships.unblock(relation=self.get_object(), by=request.user)
        return Response(self.shape(self.get_object()))


class PatientNamed(StrictSerializer):
    """A patient named exactly, by a clinician who asks to treat her."""

    example = {"mrn": "HB000017", "last_name": "Doe", "date_of_birth": "1981-04-12"}

    mrn = fields.Text(max_length=50)
    last_name = fields.Text(max_length=100)
    date_of_birth = fields.Day()
    message = fields.Text(max_length=500, allow_blank=True, required=False)


class MyRelationships(Resource):
    """The clinician's side: who asked her, and whom she asked."""

    required = {
        "list": Permission.CHART_VIEW,
        "create": Permission.CARE_TEAM_MANAGE,
        "agree": Permission.CHART_VIEW,
        "end": Permission.CHART_VIEW,
    }
    serializer_class = RelationBody
    bodies = {"create": PatientNamed, "agree": Nothing, "end": Nothing}
    answers = {"create": Nothing}

    def visible(self):
        mine = [relation.pk for relation in relationships.of_clinician(self.request.user)]
        return CareRelationship.objects.filter(pk__in=mine).select_related("clinician")

    def shape(self, item):
        told = super().shape(item)
        return told | {"categories": named(told["categories"])}

    @idempotent
    def create(self, request):
        """Ask a patient to be treated by her. The answer is the same whether or not there is such
        a patient."""
        relationships.invite_patient(by=request.user, **self.validated())
        return Response({}, status=201)

    @action(detail=True, methods=["post"])
    @idempotent
    def agree(self, request, pk):
        """Agree to treat the patient who asked."""
        self.validated()
        relationships.agree(relation=self.get_object(), by=request.user)
        return Response(self.shape(self.get_object()))

    @action(detail=True, methods=["post"])
    @idempotent
    def end(self, request, pk):
        """End it, or decline what the patient asked."""
        self.validated()
        relation = relationships.end(relation=self.get_object(), by=request.user)
        return Response(self.shape(relation))


class LookQuestionBody(StrictModelSerializer):
    """A question about one look at the record, and the clinic's answer."""

    example = {"look": "4f1c2d9e8b7a", "question": "I was not there that day. Why was it opened?"}

    patient = fields.Id(source="patient_id", read_only=True)
    look = fields.Text(max_length=255)
    question = fields.Text(max_length=2000)

    class Meta:
        model = LookQuestion
        fields = (
            "id", "patient", "look", "looked_at", "told", "question", "answer", "answered_at",
            "created_at",
        )  # fmt: skip
        read_only_fields = ("looked_at", "told", "answer", "answered_at")


class LookQuestions(OfPatient):
    """What was asked about looks at this record."""

    required = {"list": Permission.ACCESS_LOG_VIEW, "create": Permission.ACCESS_LOG_VIEW}
    category = Category.ACCESS_LOG
    serializer_class = LookQuestionBody

    def visible(self):
        return questions.visible_to(self.request.user).filter(patient=self.patient)

    @idempotent
    def create(self, request, patient_id):
        """Ask the clinic about a look."""
        patient, body = self.patient, self.validated()
        return self.created(questions.ask(patient=patient, by=request.user, **body))


class Answer(StrictSerializer):
    """The clinic's answer to a question."""

    example = {"answer": "A colleague prepared your visit of the next day."}

    answer = fields.Text(max_length=2000)


class QuestionQueue(Resource):
    """All questions about looks, for who answers them."""

    required = {"list": Permission.LOOK_ANSWER, "answer": Permission.LOOK_ANSWER}
    serializer_class = LookQuestionBody
    bodies = {"answer": Answer}

    def visible(self):
        return questions.visible_to(self.request.user)

    @action(detail=True, methods=["post"])
    @idempotent
    def answer(self, request, pk):
        """Answer a question; the patient is told. An answer stands."""
        question, body = self.get_object(), self.validated()
        answered = questions.answer(question=question, answer=body["answer"], by=request.user)
        return Response(self.shape(answered))
