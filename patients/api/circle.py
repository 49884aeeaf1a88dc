"""The people of the clinic around a patient: care team, referrals, and whoever looked."""

from dataclasses import replace
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.fields import UUID_TEXT
from clinic.api.idempotent import idempotent
from clinic.api.serializing import SOME_ID, StrictSerializer
from clinic.models import User
from clinic.security import trail
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Permission
from clinic.security.tenancy import Purpose
from patients import care_team, circle, looks, referrals
from patients.api.nested import OfPatient
from patients.models import AccessGrant


class MemberBody(StrictSerializer):
    """A person of the care team; `categories` are what of the chart is open to her."""

    example = {"user": SOME_ID, "reason": "Acupuncture for back pain"}

    user = fields.Reference(rows=care_team.staff, source="user_id")
    name = fields.Text(read_only=True)
    categories = fields.Names(choices=Category.choices, required=False)
    reason = fields.Text(max_length=300, allow_blank=True, required=False)
    since = fields.Moment(read_only=True)
    expires_at = fields.Moment(required=False, allow_null=True)


class Circle(OfPatient):
    """To whom the patient is open. What is told of it is read with her records and, where it names
    kinds of confidential content, with those kinds."""

    model = AccessGrant
    kept_under = Category.RECORDS
    pagination_class = None
    noted = False

    def about(self, answer):
        named = tuple(kind.value for kind in CONFIDENTIAL_KINDS if kind in answer["categories"])
        return replace(super().about(answer), kept_as=named)


class CareTeam(Circle):
    """Grants of the care team, one entry a person."""

    required = {
        "list": Permission.CHART_VIEW,
        "create": Permission.CARE_TEAM_MANAGE,
        "destroy": Permission.CARE_TEAM_MANAGE,
    }
    serializer_class = MemberBody

    def list(self, request, patient_id):
        patient = self.patient
        members = care_team.members(patient)
        trail.read("patients.accessgrant", [(patient.pk, patient.pk)], how="list")
        return Response({"results": [shape(m) for m in members], "next": None, "previous": None})

    @idempotent
    def create(self, request, patient_id):
        """Open the patient's chart to a person of the clinic."""
        patient, body = self.patient, self.validated()
        user = body.pop("user_id")
        member = care_team.join(patient=patient, user=user, by=request.user, **body)
        return Response(shape(member), status=201)

    def destroy(self, request, patient_id, pk):
        """Close the chart to a person of the care team, named by her id."""
        patient = self.patient
        if not UUID_TEXT.fullmatch(pk):
            raise Http404
        care_team.leave(patient=patient, user_id=pk, by=request.user)
        return Response(status=204)


def shape(member: circle.Holder) -> dict:
    """A member of the care team as answered."""
    return {
        "user": member.user_id,
        "name": member.name,
        "categories": member.categories,
        "reason": member.reason,
        "since": member.since,
        "expires_at": member.expires_at,
    }


class ReferralBody(StrictSerializer):
    """A colleague to whom the patient was referred, and what she sees until when."""

    example = {"to": SOME_ID, "reason": "Back pain", "until": "2027-01-31T18:00:00-05:00"}

    to = fields.Reference(rows=care_team.staff)
    name = fields.Text(read_only=True)
    categories = fields.Names(choices=Category.choices, required=False)
    reason = fields.Text(max_length=300)
    since = fields.Moment(read_only=True)
    until = fields.Moment()


class Referrals(Circle):
    """Referrals in force, one entry a colleague; each ends by itself."""

    required = {
        "list": Permission.CHART_VIEW,
        "create": Permission.CARE_TEAM_MANAGE,
        "destroy": Permission.CHART_VIEW,
    }
    serializer_class = ReferralBody

    def list(self, request, patient_id):
        patient = self.patient
        trail.read("patients.accessgrant", [(patient.pk, patient.pk)], how="list")
        rows = [referral(one) for one in referrals.of_patient(patient)]
        return Response({"results": rows, "next": None, "previous": None})

    @idempotent
    def create(self, request, patient_id):
        """Refer the patient to a colleague of the clinic, within a year."""
        patient, body = self.patient, self.validated()
        to = body["to"]
        referrals.refer(patient=patient, by=request.user, **body)
        made = next(one for one in referrals.of_patient(patient) if one.user_id == to.pk)
        return Response(referral(made), status=201)

    def destroy(self, request, patient_id, pk):
        """End the referral to a colleague, named by her id."""
        patient = self.patient
        if not UUID_TEXT.fullmatch(pk):
            raise Http404
        referrals.end(patient=patient, user=User(pk=UUID(pk)), by=request.user)
        return Response(status=204)


def referral(holder: circle.Holder) -> dict:
    """A referral as answered."""
    told = shape(holder)
    return {
        "to": told["user"],
        "name": told["name"],
        "categories": told["categories"],
        "reason": told["reason"],
        "since": told["since"],
        "until": told["expires_at"],
    }


class LookBody(StrictSerializer):
    """One look at a record; `look` names it in a question about it."""

    look = fields.Text(read_only=True)
    at = fields.Moment(read_only=True)
    who = fields.Text(read_only=True)
    role = fields.Text(read_only=True)
    what = fields.Text(read_only=True)
    why = fields.Text(read_only=True, help_text=_("Where more is known than the purpose."))
    purpose = fields.Choice(choices=Purpose.choices, read_only=True, allow_blank=True)


class AccessLog(OfPatient):
    """Who looked at the record, when and why, newest first."""

    required = {"list": Permission.ACCESS_LOG_VIEW}
    category = Category.ACCESS_LOG
    serializer_class = LookBody
    ordering = "-last"

    def visible(self):
        return looks.looks_at(self.patient, self.request.user)

    def list(self, request, patient_id):
        patient = self.patient
        page = self.paginate_queryset(self.visible())
        trail.read("clinic.logentry", [(patient.pk, patient.pk)], how="list")
        told = looks.in_words(page, patient, request.user)
        return self.get_paginated_response(
            [{name: getattr(look, name) for name in LookBody().fields} for look in told]
        )
