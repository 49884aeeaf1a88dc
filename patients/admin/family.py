"""Family and portal, as the desk sets them up: the patient's own account, and guardians."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage
from clinic.security import trail
from clinic.security.permissions import Permission
from patients import ages, circle, enrolment, family, jurisdiction
from patients.admin.access import relatives
from patients.admin.chart import PatientPage
from patients.models import AccessGrant, FamilyMember

Relationship = FamilyMember.Relationship


class EmailForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"), max_length=254,
        error_messages={"required": _("Enter the e-mail address.")},
    )  # fmt: skip


class FamilyPage(FormPage, PatientPage):
    """Whether the patient has an account, who guards her, and until when; the form invites her."""

    required = Permission.FAMILY_MANAGE
    title = _("Family and portal")
    template_name = "admin/patients/family.html"
    form_class = EmailForm

    def form_arguments(self):
        return {"initial": {"email": self.patient.email}}

    def get_context_data(self, **kwargs):
        patient = self.patient
        minor, facility = ages.is_minor(patient), patient.facility
        trail.read("patients.familymember", [(patient.pk, patient.pk)], how="list")
        return super().get_context_data(
            patient=patient,
            account=next(iter(circle.of(patient, AccessGrant.Source.SELF)), None),
            invitation=self.invitation(),
            relatives=relatives(patient),
            is_minor=minor,
            of_age=ages.birthday(patient.date_of_birth, facility.majority_age),
            own=self.own() if minor else [],
            can_invite=not minor or enrolment.has_guardians_consent(patient),
            **kwargs,
        )

    def invitation(self):
        """The letter that waits to be answered."""
        found = self.patient.invitation if self.patient.invitation_id else None
        return found if found and found.is_open else None

    def own(self) -> list[dict[str, Any]]:
        """What of a minor's care is her own: each kind, from which age and day, and if already."""
        patient = self.patient
        today = timezone.localdate()
        days = [
            (kind, years, ages.birthday(patient.date_of_birth, years))
            for kind, years in jurisdiction.in_years(patient.facility)
            if years is not None
        ]
        return [
            {"label": kind.label, "years": years, "day": day, "already": day <= today}
            for kind, years, day in days
        ]

    def carry_out(self, form):
        enrolment.invite(
            patient=self.patient, email=form.cleaned_data["email"], by=self.request.user
        )
        messages.success(self.request, gettext("The invitation is on its way by e-mail."))

    def done(self) -> str:
        return reverse("admin:patient_family", args=[self.patient.pk])


class GuardianForm(forms.Form):
    """Who guards a minor; the papers are seen at the desk."""

    name = forms.CharField(
        label=_("Name"), max_length=200, error_messages={"required": _("Enter the name.")}
    )
    relationship = forms.ChoiceField(
        label=_("What is she to the patient?"),
        choices=[(r.value, r.label) for r in Relationship if r in family.GUARDIANS],
    )
    email = forms.EmailField(
        label=_("E-mail"), max_length=254,
        error_messages={"required": _("Enter the e-mail address.")},
    )  # fmt: skip
    papers = forms.BooleanField(
        label=_("I have seen the papers that say so"),
        error_messages={"required": _("See the papers first, then tick this.")},
    )


class DeskPage(FormPage, PatientPage):
    """A form of the desk about a patient's family."""

    required = Permission.FAMILY_MANAGE
    template_name = "admin/patients/form.html"

    def done(self) -> str:
        return reverse("admin:patient_family", args=[self.patient.pk])

    def shown(self) -> dict[str, Any]:
        raise NotImplementedError

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            patient=self.patient, back=self.done(), **self.shown(), **kwargs
        )


class GuardianPage(DeskPage):
    """Inviting a minor's guardian."""

    title = _("Invite a guardian")
    form_class = GuardianForm

    def shown(self):
        patient = self.patient
        lead = _(
            "She sees the chart until the patient is of age, on %(day)s, except what is the"
            " patient’s own. Nothing is open before she has taken up the invitation."
        )
        day = ages.birthday(patient.date_of_birth, patient.facility.majority_age)
        return {
            "lead": lead % {"day": date_format(day)},
            "submit": _("Invite the guardian"), "icon": "send", "danger": False,
        }  # fmt: skip

    def carry_out(self, form):
        said = form.cleaned_data
        family.invite_guardian(
            patient=self.patient, email=said["email"], name=said["name"],
            relationship=said["relationship"], by=self.request.user,
        )  # fmt: skip
        messages.success(self.request, gettext("The invitation is on its way by e-mail."))


class EndGuardianPage(DeskPage):
    """Ending a guardianship, once more asked."""

    title = _("End the guardianship")
    form_class = forms.Form

    @cached_property
    def member(self) -> FamilyMember:
        rows = family.members(self.patient).filter(is_guardian=True)
        found = rows.filter(pk=self.kwargs["guardian_id"]).first()
        if found is None:
            raise Http404
        return found

    def shown(self):
        lead = _("%(name)s sees nothing of the chart from the next request on.")
        return {
            "lead": lead % {"name": self.member.name},
            "submit": _("End the guardianship"), "icon": "x", "danger": True,
        }  # fmt: skip

    def carry_out(self, form):
        family.end_guardian(member=self.member, by=self.request.user)
        messages.success(self.request, gettext("The guardianship has ended."))
