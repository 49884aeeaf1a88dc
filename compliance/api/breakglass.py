"""Emergency access for programs: opened, widened, given back, reviewed."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import Throttled
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, Nothing, StrictSerializer, question
from clinic.security import tenancy
from clinic.security.permissions import Category, Permission
from compliance import breakglass
from compliance.breakglass import Proof, Sought
from compliance.models import EmergencyAccess

LONGEST_REASON, LONGEST_NOTE, LONGEST_CODE = 2000, 5000, 40
WHY = "She lies unconscious in the waiting room."


class Categories(serializers.ListField):
    """Parts of a chart."""

    def __init__(self, choices, **kwargs):
        kwargs.setdefault("max_length", len(Category))
        super().__init__(child=fields.Choice(choices=choices), **kwargs)


class EmergencyBody(StrictSerializer):
    """An emergency access, as it is asked for and answered: `patient` by id, or `mrn`."""

    sometimes = frozenset({"review_note"})
    example = {"patient": SOME_ID, "category": "unconscious", "reason": WHY, "otp": "287082"}

    id = fields.Id(read_only=True)
    patient = fields.Id(source="patient_id", required=False)
    mrn = fields.Text(max_length=50, required=False, write_only=True)
    user = fields.Id(source="user_id", read_only=True)
    category = fields.Choice(choices=EmergencyAccess.Reason.choices)
    reason = fields.Text(
        max_length=LONGEST_REASON, help_text=_("Why it cannot wait, in at least 20 characters.")
    )
    otp = fields.Text(
        max_length=LONGEST_CODE,
        write_only=True,
        help_text=_("A new code of the authenticator app, or a recovery code. It works once."),
    )
    lacking = Categories(
        choices=list(breakglass.MORE),
        required=False,
        write_only=True,
        help_text=_("What one lacks of a patient whom one reaches already."),
    )
    scope = Categories(choices=list(Category), read_only=True)
    opened_at = fields.Moment(read_only=True)
    expires_at = fields.Moment(read_only=True)
    ended_at = fields.Moment(read_only=True, allow_null=True)
    widened_at = fields.Moment(read_only=True, allow_null=True)
    review_due_at = fields.Moment(read_only=True)
    reviewed_at = fields.Moment(read_only=True, allow_null=True)
    reviewed_by = fields.Id(source="reviewed_by_id", read_only=True, allow_null=True)
    outcome = fields.Choice(
        choices=EmergencyAccess.Outcome.choices, read_only=True, allow_blank=True
    )
    review_note = fields.Text(read_only=True, help_text=_("For who reviews."))
    version = fields.Whole(read_only=True)


class More(StrictSerializer):
    """What else is needed."""

    example = {"categories": ["records"], "reason": WHY, "otp": "287082"}

    categories = Categories(choices=list(breakglass.MORE), min_length=1)
    reason = fields.Text(max_length=LONGEST_REASON)
    otp = fields.Text(max_length=LONGEST_CODE)


class Finding(StrictSerializer):
    """What a review found."""

    example = {"outcome": "justified"}

    outcome = fields.Choice(choices=EmergencyAccess.Outcome.choices)
    note = fields.Text(max_length=LONGEST_NOTE, allow_blank=True, required=False)


class BreakGlass(Resource):
    """Emergency accesses: one's own and, for who reviews them, all of the clinic."""

    model = EmergencyAccess
    # Who may list is a matter of two permissions: `breakglass.visible_to` knows.
    required = {
        "list": Permission.ACCOUNT_USE,
        "retrieve": Permission.ACCOUNT_USE,
        "create": Permission.EMERGENCY_OPEN,
        "widen": Permission.EMERGENCY_OPEN,
        "give_back": Permission.EMERGENCY_OPEN,
        "review": Permission.EMERGENCY_REVIEW,
    }
    asked = {
        "list": question(
            "EmergencyQuestion",
            reviewed=fields.AskedFlag(
                required=False, help_text=_("Only those with an outcome, or only those without.")
            ),
        )
    }
    bodies = {"widen": More, "give_back": Nothing, "review": Finding}
    serializer_class = EmergencyBody

    def visible(self):
        rows = breakglass.visible_to(self.request.user)
        if "reviewed" in self.question:
            rows = rows.filter(reviewed_at__isnull=not self.question["reviewed"])
        return rows

    def about(self, answer):
        """It tells of one's own act, which one may read when the patient is closed again."""
        return replace(super().about(answer), patient_id=None)

    def shape(self, item):
        shape = super().shape(item)
        if not tenancy.current().may(Permission.EMERGENCY_REVIEW):
            del shape["review_note"]
        return shape

    @idempotent
    def create(self, request):
        """Open the emergency summary of a patient for an hour."""
        body = self.validated()
        sought = Sought(patient_id=body.get("patient_id"), mrn=body.get("mrn", ""))
        opened = _in_turn(
            breakglass.open,
            sought=sought,
            category=body["category"],
            reason=body["reason"],
            lacking=map(Category, body.get("lacking", [])),
            proof=Proof(code=body["otp"]),
            by=request.user,
        )
        return self.created(opened)

    @action(detail=True, methods=["post"])
    @idempotent
    def widen(self, request, pk):
        """Open more of the patient, until the same end."""
        body = self.validated()
        proof = Proof(code=body.pop("otp"))
        row = self.get_object()
        done = _in_turn(breakglass.widen, emergency=row, proof=proof, by=request.user, **body)
        return Response(self.shape(done))

    @action(detail=True, methods=["post"], url_path="give-back")
    @idempotent
    def give_back(self, request, pk):
        """End the access before its time."""
        self.validated()
        row = breakglass.give_back(emergency=self.get_object(), by=request.user)
        return Response(self.shape(row))

    @action(detail=True, methods=["post"])
    @idempotent
    def review(self, request, pk):
        """Record what the review found. Nobody reviews herself."""
        body = self.validated()
        row = breakglass.review(emergency=self.get_object(), by=request.user, **body)
        return Response(self.shape(row))


def _in_turn(verb, **asked) -> EmergencyAccess:
    """What is tried too often answers 429."""
    try:
        return verb(**asked)
    except breakglass.TooOften as refused:
        raise Throttled(wait=refused.wait) from refused
