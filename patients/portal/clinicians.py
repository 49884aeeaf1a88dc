"""People of the clinic whom a patient invites, answers, blocks; and referrals she ends."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused, invalid
from clinic.forms import add_refusal
from clinic.models import User
from patients import circle, referrals, relationships
from patients.models import AccessGrant, CareRelationship
from patients.portal.deciding import Confirmed, DecidesPage, SharedForm, chosen

Status = CareRelationship.Status
LONGEST_MESSAGE = 500


class ClinicianField(forms.ChoiceField):
    """One of the people of the clinic; gives her account."""

    def __init__(self, **options):
        super().__init__(choices=self.listed, **options)

    def listed(self):
        return [("", _("Choose a person")), *circle.named(relationships.clinicians())]

    def clean(self, value) -> User:
        return User.objects.get(pk=super().clean(value))


class AskForm(SharedForm):
    """Whom to ask, what she would see, and a word to her."""

    clinician = ClinicianField(label=_("Person"))
    message = forms.CharField(
        label=_("Message"),
        required=False,
        max_length=LONGEST_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    field_order = ("clinician", "categories", "confidential", "message")


class InviteClinician(DecidesPage):
    """Ask somebody of the clinic to treat the patient."""

    def open(self) -> HttpResponse:
        initial = chosen(relationships.USUAL) | {"clinician": self.request.GET.get("clinician")}
        return self.show(AskForm(initial=initial, patient=self.patient))

    def sent(self) -> HttpResponse:
        form = AskForm(self.request.POST, patient=self.patient)
        if form.is_valid():
            try:
                relationships.invite_clinician(
                    patient=self.patient,
                    clinician=form.cleaned_data["clinician"],
                    categories=form.wanted,
                    message=form.cleaned_data["message"],
                    by=self.request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(self.request, gettext("We asked. It opens once she agrees."))
                return redirect("portal:sharing")
        return self.show(form, status=400)

    def show(self, form: AskForm, status: int = 200) -> HttpResponse:
        return self.page("portal/clinician_invite.html", {"form": form}, status=status)


class ClinicianPage(DecidesPage):
    """A page about one invited person of the clinic."""

    def relation(self, pk: UUID) -> CareRelationship:
        return get_object_or_404(relationships.of_patient(self.patient), pk=pk)


class Clinician(ClinicianPage):
    """Answer who asks to treat the patient, or change what an invited person sees."""

    def open(self, pk: UUID) -> HttpResponse:
        relation = self.standing(pk)
        form = SharedForm(initial=chosen(relation.categories), patient=self.patient)
        return self.show(relation, form)

    def sent(self, pk: UUID) -> HttpResponse:
        relation = self.standing(pk)
        form = SharedForm(self.request.POST, patient=self.patient)
        if form.is_valid():
            try:
                self.settle(relation, form)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(self.request, gettext("It is changed, and holds from now on."))
                return redirect("portal:sharing")
        return self.show(relation, form, status=400)

    def settle(self, relation: CareRelationship, form: SharedForm) -> None:
        if not form.wanted:
            raise invalid("categories", gettext("Choose what may be seen."))
        verb = relationships.agree if asks(relation) else relationships.set_categories
        verb(relation=relation, categories=form.wanted, by=self.request.user)

    def standing(self, pk: UUID) -> CareRelationship:
        rows = relationships.of_patient(self.patient)
        return get_object_or_404(rows.filter(status__in=[Status.PENDING, Status.ACTIVE]), pk=pk)

    def show(self, relation: CareRelationship, form: SharedForm, status: int = 200) -> HttpResponse:
        context = {"relation": relation, "asks": asks(relation), "form": form}
        return self.page("portal/clinician.html", context, status=status)


def asks(relation: CareRelationship) -> bool:
    """Whether it is the patient's to answer."""
    by_clinician = relation.invited_by == CareRelationship.Side.CLINICIAN
    return relation.status == Status.PENDING and by_clinician


class EndClinician(ClinicianPage, Confirmed):
    """End what was agreed with a person of the clinic, or decline what she asked."""

    thing = ClinicianPage.relation

    def question(self, relation: CareRelationship) -> dict[str, Any]:
        name = {"name": relation.clinician.get_full_name()}
        if asks(relation):
            return {
                "title": gettext("Decline %(name)s?") % name,
                "body": gettext("Nothing opens. The person may ask again later."),
                "confirm": gettext("Yes, decline"),
            }
        return {
            "title": gettext("End it with %(name)s?") % name,
            "body": gettext(
                "What you opened closes at once. What the person sees by a role in the clinic is"
                " not changed by this."
            ),
            "confirm": gettext("Yes, end it"),
        }

    def act(self, relation: CareRelationship) -> str:
        relationships.end(relation=relation, by=self.request.user)
        return gettext("It has ended.")


class BlockForm(forms.Form):
    clinician = ClinicianField(label=_("Person"))


class Block(DecidesPage):
    """Close the record to a person of the clinic for good; says first what that means."""

    def open(self) -> HttpResponse:
        return self.show(BlockForm(initial={"clinician": self.request.GET.get("clinician")}))

    def sent(self) -> HttpResponse:
        form = BlockForm(self.request.POST)
        if form.is_valid():
            clinician = form.cleaned_data["clinician"]
            try:
                relationships.block(patient=self.patient, clinician=clinician, by=self.request.user)
            except Refused as refused:
                add_refusal(form, refused)
            else:
                text = gettext("%(name)s is blocked.") % {"name": clinician.get_full_name()}
                messages.success(self.request, text)
                return redirect("portal:sharing")
        return self.show(form, status=400)

    def show(self, form: BlockForm, status: int = 200) -> HttpResponse:
        return self.page("portal/clinician_block.html", {"form": form}, status=status)


class Unblock(ClinicianPage, Confirmed):
    """Let the clinic's ordinary rules hold for a blocked person again."""

    thing = ClinicianPage.relation

    def question(self, relation: CareRelationship) -> dict[str, Any]:
        name = {"name": relation.clinician.get_full_name()}
        return {
            "title": gettext("Unblock %(name)s?") % name,
            "body": gettext(
                "The person sees again what a role in the clinic or the care team opens. What you"
                " had opened by an invitation stays closed."
            ),
            "confirm": gettext("Yes, unblock"),
            "gentle": True,
        }

    def act(self, relation: CareRelationship) -> str:
        relationships.unblock(relation=relation, by=self.request.user)
        name = {"name": relation.clinician.get_full_name()}
        return gettext("%(name)s is not blocked any more.") % name


class EndReferral(Confirmed):
    """End a referral before its time; the address names the person to whom it is."""

    def thing(self, pk: UUID) -> User:
        held = AccessGrant.grants.current().filter(
            content_object=self.patient, user_id=pk, source=AccessGrant.Source.REFERRAL
        )
        return get_object_or_404(User, pk__in=held.values("user_id"))

    def question(self, user: User) -> dict[str, Any]:
        return {
            "title": gettext("End the referral to %(name)s?") % {"name": user.get_full_name()},
            "body": gettext("What it opened closes at once. Tell who referred you, if you can."),
            "confirm": gettext("Yes, end it"),
        }

    def act(self, user: User) -> str:
        referrals.end(patient=self.patient, user=user, by=self.request.user)
        return gettext("The referral has ended.")
