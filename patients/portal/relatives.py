"""Relatives beside a patient: inviting one, what she sees and does, and what was agreed to."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Permission
from patients import ages, consent, family
from patients.models import Consent, FamilyMember
from patients.portal.deciding import (
    Confirmed,
    DecidesPage,
    SharedForm,
    chosen,
    day_before,
    day_field,
    end_of,
)
from patients.portal.person import PersonPage
from patients.sharing import last_moment_of

Level = FamilyMember.PermissionLevel
LEVELS = {
    Level.LIMITED: _("Sees what you choose below"),
    Level.FULL: _("Acts for you, too: books visits, adds documents, asks questions"),
    Level.NONE: _("Sees nothing for now"),
}


class RelativeForm(SharedForm):
    """What a relative may do and see, and until when."""

    permission_level = forms.ChoiceField(
        label=_("What this person may do"), widget=forms.RadioSelect, initial=Level.LIMITED
    )
    expires_at = day_field(_("Last day"))

    field_order = ("permission_level", "categories", "confidential", "expires_at")

    def __init__(self, *args, patient, **options):
        super().__init__(*args, patient=patient, **options)
        levels = dict(LEVELS)
        if ages.is_minor(patient):
            del levels[Level.FULL]
        self.fields["permission_level"].choices = list(levels.items())


class InvitationForm(RelativeForm):
    """Who is invited, besides."""

    name = forms.CharField(
        label=_("Name"), max_length=200, error_messages={"required": _("Enter the name.")}
    )
    email = forms.CharField(
        label=_("E-mail"), help_text=_("We send the invitation there."), max_length=254,
        error_messages={"required": _("Enter the e-mail address.")},
    )  # fmt: skip
    relationship = forms.ChoiceField(
        label=_("What this person is to the patient"), choices=FamilyMember.Relationship.choices
    )

    field_order = ("name", "email", "relationship", *RelativeForm.field_order)

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        levels = self.fields["permission_level"]
        levels.choices = [choice for choice in levels.choices if choice[0] != Level.NONE]


class InviteRelative(DecidesPage):
    """Invite a relative by e-mail, with what she will see."""

    def open(self) -> HttpResponse:
        return self.show(InvitationForm(patient=self.patient))

    def sent(self) -> HttpResponse:
        form = InvitationForm(self.request.POST, patient=self.patient)
        if form.is_valid():
            given = form.cleaned_data
            try:
                family.invite(
                    patient=self.patient,
                    email=given["email"],
                    name=given["name"],
                    relationship=given["relationship"],
                    level=given["permission_level"],
                    categories=form.wanted,
                    expires_at=end_of(given["expires_at"], self.facility),
                    by=self.request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                text = gettext("The invitation is on its way to %(name)s.")
                messages.success(self.request, text % {"name": given["name"]})
                return redirect("portal:sharing")
        return self.show(form, status=400)

    def show(self, form: InvitationForm, status: int = 200) -> HttpResponse:
        return self.page("portal/relative_invite.html", {"form": form}, status=status)


class RelativePage(DecidesPage):
    """A page about one relative of the person shown."""

    def member(self, pk: UUID) -> FamilyMember:
        return get_object_or_404(family.members(self.patient), pk=pk)


class Relative(RelativePage):
    """What one relative may do and see, and all that was ever agreed to."""

    def open(self, pk: UUID) -> HttpResponse:
        member = self.member(pk)
        standing = consent.standing_of(member)
        shown = standing if standing and not standing.is_over else self.latest(member)
        initial = {
            "permission_level": member.permission_level,
            "expires_at": shown and day_before(shown.expires_at, self.facility),
            **chosen(shown.categories if shown else ()),
        }
        if member.permission_level == Level.NONE:  # as before, and nothing that is confidential
            initial |= {"permission_level": Level.LIMITED, "expires_at": None, "confidential": []}
        return self.show(member, RelativeForm(initial=initial, patient=self.patient))

    def sent(self, pk: UUID) -> HttpResponse:
        member = self.member(pk)
        form = RelativeForm(self.request.POST, patient=self.patient)
        if form.is_valid():
            try:
                family.agree(
                    member=member,
                    level=form.cleaned_data["permission_level"],
                    categories=form.wanted,
                    expires_at=end_of(form.cleaned_data["expires_at"], self.facility),
                    by=self.request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(self.request, gettext("It is changed, and holds from now on."))
                return redirect("portal:sharing")
        return self.show(member, form, status=400)

    def latest(self, member: FamilyMember) -> Consent | None:
        return self.versions(member).first()

    def versions(self, member: FamilyMember):
        rows = consent.visible_to(self.request.user, self.patient).filter(family_member=member)
        return rows.order_by("-number")

    def show(self, member: FamilyMember, form: RelativeForm, status: int = 200) -> HttpResponse:
        versions = [(one, last_moment_of(one.expires_at)) for one in self.versions(member)]
        context = {
            "member": member,
            "form": None if member.is_guardian else form,
            "versions": versions,
            "standing": consent.standing_of(member),
        }
        return self.page("portal/relative.html", context, status=status)


class CloseRelative(RelativePage, Confirmed):
    """Close everything to a relative; she stays in the family."""

    thing = RelativePage.member

    def question(self, member: FamilyMember) -> dict[str, Any]:
        return {
            "title": gettext("Close everything to %(name)s?") % {"name": member.name},
            "body": gettext(
                "It holds at once, also for pages that are open. You can open it again later."
            ),
            "confirm": gettext("Yes, close everything"),
        }

    def act(self, member: FamilyMember) -> str:
        consent.revoke(consent=consent.standing_of(member), by=self.request.user)
        return gettext("%(name)s sees nothing any more.") % {"name": member.name}

    def sent(self, pk: UUID) -> HttpResponse:
        if consent.standing_of(self.thing(pk)) is None:
            return redirect(self.back)  # there is nothing to close
        return super().sent(pk=pk)


class RemoveRelative(RelativePage, Confirmed):
    """Take a relative from beside the patient, or withdraw her invitation."""

    thing = RelativePage.member

    def question(self, member: FamilyMember) -> dict[str, Any]:
        if member.user_id is None:
            return {
                "title": gettext("Withdraw the invitation of %(name)s?") % {"name": member.name},
                "body": gettext("The link in the letter stops working."),
                "confirm": gettext("Yes, withdraw it"),
            }
        return {
            "title": gettext("Remove %(name)s?") % {"name": member.name},
            "body": gettext(
                "Everything closes at once. To share again you would have to invite anew."
            ),
            "confirm": gettext("Yes, remove"),
        }

    def act(self, member: FamilyMember) -> str:
        family.leave(member=member, by=self.request.user)
        return gettext("%(name)s stands beside this record no more.") % {"name": member.name}


class Agreed(PersonPage):
    """The text of one version, as it was agreed to; for who decides, and for the relative."""

    permission = Permission.SHARING_MANAGE

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        mine = Consent.objects.filter(
            facility_id=self.facility.pk, family_member__user=request.user
        )
        about = consent.visible_to(request.user, self.patient)
        version = about.filter(pk=pk).first() or get_object_or_404(
            mine.select_related("family_member", "given_by", "revoked_by"), pk=pk
        )
        return self.page("portal/agreed.html", {"version": version})
