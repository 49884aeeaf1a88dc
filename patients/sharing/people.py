"""The grants, consents and roles of everybody around a patient, as far as they count now."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from clinic.models import RoleAssignment
from clinic.security.permissions import Category
from patients.models import AccessGrant, Consent, FamilyMember, Patient

Source = AccessGrant.Source
Ends = dict[Category, datetime | None]


class People:
    """The grants, consents and roles of everybody around the patient: three queries."""

    def __init__(self, patient: Patient, relations: list):
        grants = AccessGrant.grants.current().filter(content_object=patient)
        grants = grants.exclude(source=Source.SELF).filter(user__is_active=True)
        rows = grants.select_related("user", "permission").order_by("granted_at", "pk")
        self.grants: list[AccessGrant] = list(rows)
        users = {grant.user_id for grant in self.grants} | {one.clinician_id for one in relations}
        self.roles = RoleAssignment.objects.titles(users)
        texts = Consent.objects.filter(patient=patient).defer("text")
        guarded = Q(basis=Consent.Basis.GUARDIAN)
        self.consents: dict[UUID, list[Consent]] = {}
        for one in texts.filter(Q(revoked_at=None) | guarded).order_by("number"):
            self.consents.setdefault(one.family_member_id, []).append(one)

    def ends(self, user_id: UUID, source: Source) -> Ends:
        return {
            Category(grant.permission.codename): grant.expires_at
            for grant in self.grants
            if grant.user_id == user_id and grant.source == source
        }

    def by_source(self, source: Source) -> dict[UUID, list[AccessGrant]]:
        held: dict[UUID, list[AccessGrant]] = {}
        for grant in self.grants:
            if grant.source == source:
                held.setdefault(grant.user_id, []).append(grant)
        return held

    def standing(self, member: FamilyMember) -> Consent | None:
        rows = self.consents.get(member.pk, ())
        return next((one for one in rows if not one.revoked_at and not one.is_over), None)

    def was_guardian(self, member: FamilyMember) -> bool:
        rows = self.consents.get(member.pk, ())
        return any(one.basis == Consent.Basis.GUARDIAN for one in rows)
