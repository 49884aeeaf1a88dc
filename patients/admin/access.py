"""Who sees this patient: everybody to whom the chart is open, and why."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import facility_of
from clinic.security import trail
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Denied, Permission
from patients import access, care_team, circle, family, reach
from patients.admin.chart import PatientPage
from patients.models import AccessGrant, FamilyMember

Source = AccessGrant.Source


class AccessPage(PatientPage):
    """Care team, clinicians whom the patient invited, referrals, emergencies and relatives.

    The desk sees relatives and who reaches everybody; who treats the patient is care's to know.
    """

    title = _("Who sees this patient")
    template_name = "admin/patients/access.html"

    def get_context_data(self, **kwargs):
        patient, user = self.patient, self.request.user
        held = access.categories_of(user, patient)
        knows = self.may(Permission.CHART_VIEW) and Category.RECORDS in held
        trail.read("patients.accessgrant", [(patient.pk, patient.pk)], how="list")
        return super().get_context_data(
            patient=patient,
            by_role=reach.in_words(facility_of(self.request)),
            groups=self.groups() if knows else [],
            relatives=relatives(patient),
            leads=self.leads(),
            refers=knows and self.may(Permission.CARE_TEAM_MANAGE),
            confides=self.leads() and self.opens_kinds(held),
            **kwargs,
        )

    def leads(self) -> bool:
        """Whether the person says who treats the patient."""
        try:
            care_team.require_leading(self.patient, self.request.user)
        except Denied:
            return False
        return True

    def opens_kinds(self, held: frozenset[Category]) -> bool:
        return bool(held & set(CONFIDENTIAL_KINDS)) or self.may(Permission.STAFF_MANAGE)

    def groups(self) -> list[dict[str, Any]]:
        """The people of the clinic, by the way on which she is open to them."""
        me, leads = self.request.user.pk, self.leads()
        treats = self.may(Permission.CARE_TEAM_MANAGE)
        return [
            {
                "id": "team", "title": _("Care team"), "icon": "stethoscope",
                "holders": self.held_by(Source.CARE_TEAM, "patient_leave", lambda _one: leads),
                "nobody": _("Nobody has been added. The roles above see the patient as they say."),
            },
            {
                "id": "referrals", "title": _("Referrals"), "icon": "send",
                "holders": self.held_by(
                    Source.REFERRAL, "patient_referral",
                    lambda one: treats or one.user_id == me,
                ),
                "nobody": _("The patient is referred to nobody now."),
            },
            {
                "id": "invited", "title": _("Agreed with the patient"), "icon": "users",
                "holders": self.held_by(Source.INVITED),
                "nobody": "",
            },
            {
                "id": "emergency", "title": _("Opened in an emergency"), "icon": "siren",
                "holders": self.held_by(Source.EMERGENCY),
                "nobody": "",
            },
        ]  # fmt: skip

    def held_by(self, source: Source, ends: str = "", may=lambda _one: False):
        """Each with the address of the page that ends it, where the person may."""
        return [
            {
                "one": one,
                "end": reverse(f"admin:{ends}", args=[self.patient.pk, one.user_id])
                if ends and may(one)
                else "",
            }
            for one in circle.of(self.patient, source)
        ]


def relatives(patient) -> list[dict[str, Any]]:
    """Who of the family stands beside the patient, and what is open to her."""
    opened = {one.user_id: one for one in circle.of(patient, Source.FAMILY)}
    return [
        {"member": member, "one": opened.get(member.user_id), "what": _what(member)}
        for member in family.members(patient)
    ]


def _what(member: FamilyMember) -> Any:
    """Why nothing is listed as open to her."""
    if not member.user_id:
        return _("Invited by e-mail. Nothing is open yet.")
    return _("Nothing is open to her.")
