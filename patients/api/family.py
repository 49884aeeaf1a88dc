"""Relatives of a patient, and what was agreed that they see."""

from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.serializing import SOME_ID, StrictModelSerializer, StrictSerializer
from clinic.errors import Missing, invalid
from clinic.security.permissions import CONFIDENTIAL_KINDS, SHARED, Category, Permission
from patients import consent, enrolment, family
from patients.api.nested import OfPatient
from patients.models import Consent, FamilyMember, Patient

SENSITIVE = "sensitive"  # all kinds of confidential content together
NAMES = [(c.value, c.label) for c in SHARED] + [(SENSITIVE, _("All that is confidential"))]


def named(categories: list[str]) -> list[str]:
    """Categories as they are answered: with `sensitive` where all kinds are among them."""
    whole = set(CONFIDENTIAL_KINDS) <= set(categories)
    return [*categories, SENSITIVE] if whole else list(categories)


def meant(names: list[str]) -> list[str]:
    """Categories as they are asked for, `sensitive` told apart."""
    kinds = [kind.value for kind in CONFIDENTIAL_KINDS] if SENSITIVE in names else []
    return list(dict.fromkeys([*(n for n in names if n != SENSITIVE), *kinds]))


class FamilyMemberBody(StrictModelSerializer):
    """A relative beside a patient, and what she may do for her. `user` is null until she has taken
    up her invitation."""

    example = {"email": "jane@example.org", "name": "Jane Doe", "relationship": "spouse",
               "categories": ["medications"]}  # fmt: skip

    patient = fields.Id(source="patient_id", read_only=True)
    user = fields.Id(source="user_id", read_only=True, allow_null=True)
    email = fields.Email(write_only=True)
    name = fields.Text(max_length=200)
    permission_level = fields.Choice(choices=FamilyMember.PermissionLevel.choices, required=False)
    categories = fields.Names(choices=NAMES, required=False, write_only=True)
    expires_at = fields.Moment(required=False, allow_null=True, write_only=True)
    is_minor = fields.Flag(read_only=True)
    guardian_consent = fields.Flag(read_only=True)

    class Meta:
        model = FamilyMember
        fields = (
            "id", "patient", "user", "email", "name", "relationship", "permission_level",
            "categories", "expires_at", "is_minor", "is_guardian", "guardian_consent", "version",
            "created_at",
        )  # fmt: skip


class MemberChange(StrictSerializer):
    """What can be changed of a relative."""

    example = {"permission_level": "full"}

    permission_level = fields.Choice(choices=FamilyMember.PermissionLevel.choices)


class Family(OfPatient):
    """The patient's relatives, invited ones too."""

    required = {
        "list": Permission.PATIENT_VIEW,
        "create": Permission.PATIENT_VIEW,
        "partial_update": Permission.SHARING_MANAGE,
        "destroy": Permission.PATIENT_VIEW,
    }
    serializer_class = FamilyMemberBody
    bodies = {"partial_update": MemberChange}
    matched = frozenset()

    def visible(self):
        return family.members(self.patient)

    @idempotent
    def create(self, request, patient_id):
        """Invite a relative by e-mail, as who decides for the patient; the desk invites a minor's
        guardian (`is_guardian`), whose papers it has seen."""
        patient, body = self.patient, self.validated()
        level = body.pop("permission_level", None)
        if body.pop("is_guardian", False):
            for name in ("categories", "expires_at"):
                if body.pop(name, None):
                    raise invalid(name, _("A guardian sees by law what is not kept private."))
            member = family.invite_guardian(patient=patient, by=request.user, **body)
        else:
            body["categories"] = meant(body.get("categories", []))
            if level:
                body["level"] = level
            member = family.invite(patient=patient, by=request.user, **body)
        return self.created(self.visible().get(pk=member.pk))

    def partial_update(self, request, patient_id, pk):
        """Say whether the relative acts for the patient, sees what was agreed to, or nothing."""
        member = self.get_object()
        level = self.validated().get("permission_level", member.permission_level)
        family.set_level(member=member, level=level, by=request.user)
        return Response(self.shape(self.visible().get(pk=member.pk)))

    def destroy(self, request, patient_id, pk):
        """Take the relative from beside the patient; what was open to her closes at once."""
        member = self.get_object()
        if member.is_guardian and request.actor.may(Permission.FAMILY_MANAGE):
            family.end_guardian(member=member, by=request.user)
        else:
            family.leave(member=member, by=request.user)
        return Response(status=204)


class ConsentBody(StrictModelSerializer):
    """What was agreed that a relative sees, and the text agreed to. A change is a new one, which
    revokes the one before."""

    example = {"family_member": SOME_ID, "categories": ["appointments", "medications"]}

    patient = fields.Id(source="patient_id", read_only=True)
    family_member = fields.Id(source="family_member_id")
    number = fields.Whole(read_only=True, help_text=_("The version, counted from 1."))
    basis = fields.Choice(choices=Consent.Basis.choices, read_only=True)
    categories = fields.Names(choices=NAMES)
    text = fields.Text(read_only=True)
    given_by = fields.Id(source="given_by_id", read_only=True, allow_null=True)
    revoked_at = fields.Moment(read_only=True, allow_null=True)

    class Meta:
        model = Consent
        fields = (
            "id", "patient", "family_member", "number", "basis", "categories", "text", "given_by",
            "expires_at", "revoked_at", "created_at",
        )  # fmt: skip


class Consents(OfPatient):
    """Consents about the patient, all versions, the newest first."""

    required = {
        "list": Permission.SHARING_MANAGE,
        "retrieve": Permission.SHARING_MANAGE,
        "create": Permission.SHARING_MANAGE,
        "destroy": Permission.SHARING_MANAGE,
    }
    kept_under = Category.SHARING
    serializer_class = ConsentBody

    def visible(self):
        return consent.visible_to(self.request.user, self.patient)

    def shape(self, item):
        told = super().shape(item)
        return told | {"categories": named(told["categories"])}

    @idempotent
    def create(self, request, patient_id):
        """Agree that a relative sees these parts of the record."""
        patient, body = self.patient, self.validated()
        member = family.members(patient).filter(pk=body.pop("family_member_id")).first()
        if member is None:
            raise invalid("family_member", _("There is no such family member."))
        body["categories"] = meant(body["categories"])
        return self.created(consent.give(member=member, by=request.user, **body))

    def destroy(self, request, patient_id, pk):
        """Revoke a consent; it holds from the relative's next request on."""
        consent.revoke(consent=self.get_object(), by=request.user)
        return Response(status=204)


class AccountBody(StrictSerializer):
    """The patient's own account in the portal."""

    example = {"email": "john@example.org"}

    email = fields.Email(required=False, write_only=True)
    user = fields.Id(read_only=True, allow_null=True)
    invited_until = fields.Moment(read_only=True, allow_null=True)


class PortalAccount(OfPatient):
    """Whether the patient has an account in the portal; inviting her to one."""

    required = {"retrieve": Permission.FAMILY_MANAGE, "create": Permission.FAMILY_MANAGE}
    serializer_class = AccountBody
    model = Patient
    pagination_class = None
    noted = False

    def told(self) -> dict:
        patient = self.patients().select_related("invitation").filter(pk=self.patient.pk).first()
        if patient is None:
            raise Missing(_("There is no such patient."))
        invitation = patient.invitation
        until = invitation.expires_at if invitation and invitation.is_open else None
        return {"user": patient.user_id, "invited_until": until}

    def retrieve(self, request, patient_id):
        """The patient's own account, or her open invitation."""
        return Response(self.told())

    @idempotent
    def create(self, request, patient_id):
        """Invite the patient by e-mail, to the address given or the one on file."""
        patient, body = self.patient, self.validated()
        enrolment.invite(patient=patient, email=body.get("email", ""), by=request.user)
        return Response(self.told(), status=201)
