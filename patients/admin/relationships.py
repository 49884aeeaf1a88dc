"""My patients: who has asked me to treat them, with whom I have agreed, and who was referred."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, Page
from clinic.backoffice.fields import day_field
from clinic.errors import Refused
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from patients import referrals, relationships
from patients.models import CareRelationship

Status = CareRelationship.Status


class RelationshipsPage(Page):
    """What patients ask of the acting clinician, what they have agreed to, and who was referred.

    A POST answers what is asked, by the key of the relationship: `agree` or `decline`.
    """

    required = Permission.CHART_VIEW
    title = _("My patients")
    template_name = "admin/patients/relationships.html"

    @cached_property
    def mine(self) -> list[CareRelationship]:
        return relationships.of_clinician(self.request.user)

    def get_context_data(self, **kwargs):
        referred = referrals.to(self.request.user)
        shown = [row.patient for row in self.mine] + [row.content_object for row in referred]
        trail.read("patients.patient", [(one.pk, one.pk) for one in shown], how="list")
        return super().get_context_data(
            asking=[row for row in self.mine if row.status == Status.PENDING],
            agreed=[
                {"relation": row, "labels": [Category(name).label for name in row.categories]}
                for row in self.mine
                if row.status == Status.ACTIVE
            ],
            referred=referred,
            **kwargs,
        )

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        agrees = "agree" in request.POST
        relation = one_of_mine(self.mine, request.POST.get("agree" if agrees else "decline"))
        try:
            if agrees:
                relationships.agree(relation=relation, by=request.user)
                messages.success(request, gettext("You have agreed. The chart is open to you."))
            else:
                relationships.end(relation=relation, by=request.user)
                messages.success(request, gettext("You have declined."))
        except Refused as refused:
            messages.error(request, refused.message)
        return redirect("admin:relationships")


def one_of_mine(mine: list[CareRelationship], named) -> CareRelationship:
    """The relationship of that key; what is another's does not exist."""
    found = next((row for row in mine if str(row.pk) == str(named)), None)
    if found is None:
        raise Http404
    return found


class EndRelationshipPage(FormPage):
    """Ending what was agreed with a patient, once more asked."""

    required = Permission.CHART_VIEW
    title = _("End the treatment")
    template_name = "admin/patients/form.html"
    form_class = forms.Form

    @cached_property
    def relation(self) -> CareRelationship:
        mine = relationships.of_clinician(self.request.user)
        return one_of_mine([r for r in mine if r.status == Status.ACTIVE], self.kwargs["pk"])

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            patient=self.relation.patient,
            lead=_("What the patient opened to you is closed at once. She can invite you again."),
            submit=_("End the treatment"), icon="x", danger=True, back=self.done(), **kwargs,
        )  # fmt: skip

    def carry_out(self, form):
        relationships.end(relation=self.relation, by=self.request.user)
        messages.success(self.request, gettext("It has ended. Nothing is open to you by it."))

    def done(self) -> str:
        return reverse("admin:relationships")


class InviteForm(forms.Form):
    """A patient, named exactly as only who knows her can."""

    mrn = forms.CharField(
        label=_("Record number"),
        max_length=50,
        error_messages={"required": _("Enter the number from the chart, like AA000001.")},
    )
    last_name = forms.CharField(
        label=_("Last name"), max_length=100, error_messages={"required": _("Enter the name.")}
    )
    date_of_birth = day_field(
        _("Date of birth"), error_messages={"required": _("Enter the date of birth.")}
    )
    message = forms.CharField(
        label=_("A few words to her"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class InvitePatientPage(FormPage):
    """Asking a patient to be treated by the acting clinician."""

    required = Permission.CARE_TEAM_MANAGE
    title = _("Invite a patient")
    template_name = "admin/form.html"
    form_class = InviteForm
    extra_context: dict[str, Any] = {
        "lead": _(
            "If there is such a patient with access to the portal, she finds your invitation there"
            " and decides. For her privacy you are not told before she has agreed."
        ),
        "submit": _("Invite the patient"),
        "icon": "send",
        "back": reverse_lazy("admin:relationships"),
    }

    def carry_out(self, form):
        relationships.invite_patient(by=self.request.user, **form.cleaned_data)
        messages.success(
            self.request,
            gettext("If there is such a patient, she will find your invitation in the portal."),
        )

    def done(self) -> str:
        return reverse("admin:relationships")
