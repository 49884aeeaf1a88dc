"""Who works here, in which roles, and what a role may do."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic import staffing
from clinic.admin import role_table
from clinic.backoffice import Page, facility_of
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.models import RoleAssignment
from clinic.security.permissions import ROLE_TABLE, STAFF_ROLES, Permission, Role

STAFF_CHOICES = [(role.value, role.label) for role in ROLE_TABLE if role in STAFF_ROLES]


class RoleForm(forms.Form):
    """A role of the staff, and where in the house it is held."""

    role = forms.ChoiceField(label=_("Role"), choices=STAFF_CHOICES)
    department = forms.CharField(label=_("Department"), max_length=100, required=False)


def staff() -> QuerySet[RoleAssignment]:
    """The roles of the staff that are held in the clinic acted in."""
    return RoleAssignment.objects.here().of_staff().select_related("user")


class RolesPage(Page):
    """The role table as it is enforced, and who holds which role."""

    required = Permission.STAFF_VIEW
    title = _("People and roles")
    template_name = "admin/clinic/roles.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            people=self.people(),
            shows_second_factor=self.may_oversee,
            roles=role_table.columns(facility_of(self.request)),
            groups=role_table.rows(),
            **kwargs,
        )

    @property
    def may_oversee(self) -> bool:
        actor = self.request.actor
        return actor.may(Permission.STAFF_MANAGE) or actor.may(Permission.TRAIL_VIEW)

    def people(self) -> list[dict[str, Any]]:
        held = list(staff())
        secured = with_second_factor({one.user_id for one in held}) if self.may_oversee else set()
        may_change = self.request.actor.may(Permission.STAFF_MANAGE)
        people: dict[UUID, dict[str, Any]] = {}
        for one in held:
            person = people.setdefault(
                one.user_id,
                {
                    "name": one.user.get_full_name(),
                    "email": one.user.email,
                    "roles": [],
                    "second_factor": one.user_id in secured,
                    "href": reverse("admin:person", args=[one.user_id]) if may_change else "",
                },
            )
            person["roles"].append(one.get_role_display())
        return sorted(people.values(), key=lambda person: person["name"].casefold())


class PersonPage(Page):
    """One person's roles here: giving one more, taking one away, and which is the main one."""

    required = Permission.STAFF_MANAGE
    title = _("Roles of a person")
    template_name = "admin/clinic/person.html"

    def get_context_data(self, **kwargs):
        held = self.held(kwargs["pk"])
        kwargs.setdefault("form", RoleForm())
        return super().get_context_data(person=held[0].user, held=held, **kwargs)

    def held(self, pk: UUID) -> list[RoleAssignment]:
        found = list(staff().filter(user_id=pk))
        if not found:
            raise Http404
        return found

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        held, form = self.held(pk), RoleForm(request.POST)
        if "dismiss" in request.POST:
            return self.dismiss(held, request.POST["dismiss"])
        if "primary" in request.POST:
            return self.make_primary(held, request.POST["primary"])
        if form.is_valid():
            try:
                staffing.assign(
                    user=held[0].user, facility=facility_of(request), by=request.user,
                    role=Role(form.cleaned_data["role"]),
                    department=form.cleaned_data["department"],
                )  # fmt: skip
                messages.success(request, gettext("The role is given."))
                return redirect("admin:person", pk)
            except Refused as refused:
                add_refusal(form, refused)
        return self.render_to_response(self.get_context_data(pk=pk, form=form), status=400)

    @staticmethod
    def chosen(held: list[RoleAssignment], which: str) -> RoleAssignment:
        assignment = next((one for one in held if str(one.pk) == which), None)
        if assignment is None:
            raise Http404
        return assignment

    def make_primary(self, held: list[RoleAssignment], which: str) -> HttpResponse:
        assignment = self.chosen(held, which)
        try:
            staffing.make_primary(assignment=assignment, by=self.request.user)
            messages.success(self.request, gettext("The main role is changed."))
        except Refused as refused:
            messages.error(self.request, refused.message)
        return redirect("admin:person", assignment.user_id)

    def dismiss(self, held: list[RoleAssignment], which: str) -> HttpResponse:
        assignment = self.chosen(held, which)
        try:
            staffing.dismiss(assignment=assignment, by=self.request.user)
            messages.success(self.request, gettext("The role is taken away."))
        except Refused as refused:
            messages.error(self.request, refused.message)
            return redirect("admin:person", assignment.user_id)
        return (
            redirect("admin:person", assignment.user_id)
            if len(held) > 1
            else redirect("admin:roles")
        )


def with_second_factor(user_ids: Iterable[UUID]) -> set[UUID]:
    """Those who cannot sign in with a password alone."""
    factors = Authenticator.objects.filter(user_id__in=user_ids)
    factors = factors.exclude(type=Authenticator.Type.RECOVERY_CODES)
    return set(factors.values_list("user_id", flat=True))
