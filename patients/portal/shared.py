"""What others share with the account that looks, and the family as such."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing, Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Permission
from patients import family, family_account, sharing
from patients.models import FamilyMember
from patients.portal.deciding import Confirmed
from patients.portal.person import PersonPage
from patients.sharing import Cell


@dataclass(frozen=True)
class Shared:
    """What one patient shares with the account; `name` is the family's where the patient is out of
    sight, because nothing is open."""

    member: FamilyMember
    name: str
    cells: list[Cell] = field(default_factory=list)
    others: list[FamilyMember] = field(default_factory=list)


class SharedWithMe(PersonPage):
    """Who shares what with this account, until when; and the way out."""

    permission = Permission.ACCOUNT_USE

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page("portal/shared.html", {"shared": [self.told(m) for m in self.mine()]})

    def mine(self) -> list[FamilyMember]:
        rows = FamilyMember.objects.filter(
            user=self.request.user, ended_at=None, facility_id=self.facility.pk
        )
        return list(rows.select_related("account").order_by("pk"))

    def told(self, member: FamilyMember) -> Shared:
        seen = {person.pk: person for person in self.portal.people}.get(member.patient_id)
        if seen is None:
            return Shared(member, gettext("Family %(name)s") % {"name": member.account.name})
        others = family.members(seen.patient).exclude(user=self.request.user)
        return Shared(member, seen.name, sharing.open_to(member), list(others))


class Leave(Confirmed):
    """Give back what somebody shares with the account."""

    permission = Permission.ACCOUNT_USE
    back = "portal:shared"

    def require_deciding(self) -> None:
        """It is her own to give back."""

    def thing(self, pk: UUID) -> FamilyMember:
        rows = FamilyMember.objects.filter(user=self.request.user, ended_at=None)
        return get_object_or_404(rows, pk=pk, facility_id=self.facility.pk)

    def question(self, member: FamilyMember) -> dict[str, Any]:
        return {
            "title": gettext("Leave this family record?"),
            "body": gettext(
                "You see nothing of it any more, at once. Only a new invitation brings it back."
            ),
            "confirm": gettext("Yes, leave"),
        }

    def act(self, member: FamilyMember) -> str:
        family.leave(member=member, by=self.request.user)
        return gettext("You have left.")


class FamilyForm(forms.Form):
    """The family's name, and what its members know of one another."""

    name = forms.CharField(label=_("Name of the family"), max_length=family_account.LONGEST_NAME)
    members_see_members = forms.BooleanField(
        label=_("Relatives may see who else is in the family"),
        help_text=_("They see names and relationships, never a record by this."),
        required=False,
    )


class Family(PersonPage):
    """The family account: its name, how many it has, who speaks for it."""

    permission = Permission.SHARING_MANAGE

    def get(self, request: HttpRequest) -> HttpResponse:
        account = self.account()
        initial = {
            "name": account.name,
            "members_see_members": account.privacy_settings.get(family.MEMBERS_SEE_MEMBERS, False),
        }
        return self.show(account, FamilyForm(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        account, form = self.account(), FamilyForm(request.POST)
        if form.is_valid():
            try:
                family_account.rename(
                    account=account, name=form.cleaned_data["name"], by=request.user
                )
                family_account.set_privacy(
                    account=account,
                    settings={family.MEMBERS_SEE_MEMBERS: form.cleaned_data["members_see_members"]},
                    by=request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(request, gettext("The family is changed."))
                return redirect("portal:family")
        return self.show(account, form, status=400)

    def account(self):
        account = family.known_account(self.patient)
        if account is None:
            raise Missing(_("There is no such family."))
        return account

    def show(self, account, form: FamilyForm, status: int = 200) -> HttpResponse:
        context = {
            "account": account,
            "form": form,
            "size": family.size(account),
            "members": family.members(self.patient),
            "speaks": account.primary_member_id == self.request.user.pk,
        }
        return self.page("portal/family.html", context, status=status)
