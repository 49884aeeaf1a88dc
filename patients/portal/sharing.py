"""Who can see the record: one page that says it, and changes it with one tap."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.errors import Missing, Refused
from clinic.security.permissions import SHARED, Category, Permission
from patients import consent, family, reach, relationships, sharing
from patients.portal.deciding import DecidesPage
from patients.portal.person import PersonPage

SAID = "said"  # the session's key for what a change without scripts answered


class Sharing(PersonPage):
    """The grid of people and categories, for who decides; else who does, and what one sees."""

    permission = Permission.SHARING_MANAGE

    def get(self, request: HttpRequest) -> HttpResponse:
        if not self.portal.shown.decides:
            mine = family.members(self.patient).filter(user=request.user).first()
            return self.page("portal/sharing_not_mine.html", {"mine": mine, **self.guarded()})
        account = family.known_account(self.patient)
        context = {
            "grid": sharing.grid(self.patient, request.user),
            "plain": sharing.PLAIN,
            "confidential": [one for one in SHARED if one not in sharing.PLAIN],
            "reach": reach.in_words_to_patients(self.facility),
            "account": account,
            "size": family.size(account) if account else 1,
            "said": request.session.pop(SAID, None),
        }
        return self.page("portal/sharing.html", context)

    def guarded(self) -> dict[str, Any]:
        """A minor's own page says who guards her, and what is hers alone."""
        if not self.portal.shown.is_self:
            return {}
        guardians = family.members(self.patient).filter(is_guardian=True)
        return {
            "guardians": list(guardians),
            "private": [one for one in SHARED if one in consent.private_of(self.patient)],
        }


class Change(DecidesPage):
    """One tap: a category is opened or closed to a person, or that is taken back.

    A script gets the person's row and what to say; without one the page is shown again.
    """

    http_method_names = ["post"]

    def sent(self, pk: UUID) -> HttpResponse:
        try:
            said = self.change(pk)
        except Refused as refused:
            if isinstance(refused, Missing):
                raise
            said = {"text": str(refused.message), "tone": "warn"}
        if isinstance(said, HttpResponse):
            return said
        if not self.request.htmx:
            self.request.session[SAID] = said
            return redirect(f"{reverse('portal:sharing')}#row-{pk}")
        return self.answered(pk, said)

    def change(self, pk: UUID) -> dict | HttpResponse:
        raise NotImplementedError

    def answered(self, pk: UUID, said: dict) -> HttpResponse:
        row = sharing.grid(self.patient, self.request.user).row(pk)
        context = {"portal": self.portal, "row": row, "kind": self.kind, "said": said, "swap": True}
        return HttpResponse(
            render_to_string("cr/consent_row.html", context, self.request)
            + render_to_string("portal/sharing_said.html", context, self.request)
        )

    def tapped(self) -> tuple[Category, bool]:
        """The category that was tapped, and whether to open it."""
        for name, opened in (("open", True), ("close", False)):
            if name in self.request.POST:
                category = self.request.POST[name]
                if category not in Category.values:
                    raise Missing(_("There is no such part of the record."))
                return Category(category), opened
        raise Missing(_("There is no such part of the record."))

    def told(self, name: str, category: Category, *, opened: bool) -> str:
        text = (
            _("%(name)s can see this now: %(category)s.")
            if opened
            else _("%(name)s does not see this any more: %(category)s.")
        )
        return text % {"name": name, "category": category.label}


class ChangeRelative(Change):
    """A relative's row. Each tap is a version of its own; the one before can be restored."""

    kind = "relative"

    def change(self, pk: UUID) -> dict:
        member = family.members(self.patient).filter(pk=pk).first()
        if member is None:
            raise Missing(_("There is no such family member."))
        by = self.request.user
        if before := self.request.POST.get("restore"):
            version = _version(before, self.patient, by, member)
            consent.restore(consent=version, by=by)
            return {"text": _("It is as before.")}
        category, opened = self.tapped()
        standing = consent.standing_of(member)
        consent.change(member=member, category=category, opened=opened, by=by)
        undo = {"name": "close", "value": category.value}
        if standing and not standing.is_over:
            undo = {"name": "restore", "value": str(standing.pk)}
        return {
            "text": self.told(member.name, category, opened=opened),
            "undo": undo | {"href": reverse("portal:relative_change", args=[pk])},
        }


class ChangeClinician(Change):
    """An invited clinician's row. To close the last category is to end it: that is asked first."""

    kind = "clinician"

    def change(self, pk: UUID) -> dict | HttpResponse:
        relation = relationships.of_patient(self.patient).filter(pk=pk).first()
        if relation is None:
            raise Missing(_("There is no such relationship."))
        category, opened = self.tapped()
        held = {Category(name) for name in relation.categories}
        wanted = held | {category} if opened else held - {category}
        if not wanted:
            end = reverse("portal:clinician_end", args=[pk])
            if self.request.htmx:
                return HttpResponse(headers={"HX-Redirect": end})
            return redirect(end)
        relationships.set_categories(relation=relation, categories=wanted, by=self.request.user)
        back = "close" if opened else "open"
        return {
            "text": self.told(relation.clinician.get_full_name(), category, opened=opened),
            "undo": {
                "name": back,
                "value": category.value,
                "href": reverse("portal:clinician_change", args=[pk]),
            },
        }


def _version(pk: str, patient, by, member):
    """A version of what was agreed about the relative."""
    try:
        found = consent.visible_to(by, patient).filter(pk=UUID(pk), family_member=member).first()
    except ValueError:
        found = None
    if found is None:
        raise Missing(_("There is no such consent."))
    return found
