"""Whose record the portal shows: one's own, or that of somebody in the family."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from clinic.models import Facility, User
from clinic.portal import PortalPage
from clinic.security import tenancy
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Permission
from clinic.security.tenancy import Purpose
from clinic.templatetags import written
from patients import access, proxy
from patients.models import FamilyMember, Gender, Patient

CHOSEN = "person"  # the session's key for the patient whose record was chosen
MOST_PEOPLE = 30
TODDLER = 2  # years: below it the age is said in months

Relationship = FamilyMember.Relationship


@dataclass(frozen=True)
class Person:
    """A patient as the account that looks at her knows her. `acts`: it books, adds and asks for
    her; `decides`: it says who else sees her record."""

    patient: Patient
    is_self: bool
    relationship: str = ""
    acts: bool = False
    decides: bool = False

    @property
    def pk(self) -> UUID:
        return self.patient.pk

    @cached_property
    def name(self) -> str:
        return self.patient.full_name

    @cached_property
    def first_name(self) -> str:
        return self.patient.first_name

    @cached_property
    def age(self) -> int | str:
        """Whole years; the words for months or days while there are few of them."""
        years = whole_years(self.patient)
        return years if years >= TODDLER else written.age(self.patient.date_of_birth)

    @cached_property
    def note(self) -> str:
        """“Your son, 12 years”."""
        age = written.age(self.patient.date_of_birth)
        if self.is_self:
            return _("Your own record, %(age)s") % {"age": age}
        return f"{relation_of(self.relationship, self.patient.gender)}, {age}"


@dataclass(frozen=True)
class Portal:
    """What each page of the portal says about where one is: see templates/portal/base.html."""

    facility: Facility
    people: list[Person]
    shown: Person
    may: frozenset[Category]
    still: str = ""  # names what this page shows, for the question whether it is still open

    @property
    def own(self) -> Person | None:
        return next((person for person in self.people if person.is_self), None)


def whole_years(patient: Patient) -> int:
    born, today = patient.date_of_birth, timezone.localdate()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def relation_of(relationship: str, gender: str) -> str:
    """What the patient is to a relative of that relationship: a parent's patient is a child."""
    by_gender = {
        Relationship.PARENT: (_("Your daughter"), _("Your son"), _("Your child")),
        Relationship.SPOUSE: (_("Your wife"), _("Your husband"), _("Your partner")),
        Relationship.CHILD: (_("Your mother"), _("Your father"), _("Your parent")),
        Relationship.SIBLING: (_("Your sister"), _("Your brother"), _("Your sibling")),
        Relationship.GRANDPARENT: (
            _("Your granddaughter"), _("Your grandson"), _("Your grandchild"),
        ),
        Relationship.GUARDIAN: (_("In your care"),) * 3,
    }  # fmt: skip
    words = by_gender.get(relationship)
    if words is None:
        return _("Shared with you")
    return words[{Gender.FEMALE: 0, Gender.MALE: 1}.get(gender, 2)]


def people_of(user: User) -> list[Person]:
    """Those whose records the person may open, her own first."""
    patients = list(access.visible_to(user).active()[:MOST_PEOPLE])
    family = FamilyMember.objects.filter(user=user, patient__in=patients, ended_at=None)
    related = {row.patient_id: row for row in family}
    decided_for = tenancy.current().stewarded
    people = [
        Person(
            one,
            is_self=one.user_id == user.pk,
            relationship=getattr(related.get(one.pk), "relationship", ""),
            acts=proxy.acts(one.pk, getattr(related.get(one.pk), "permission_level", "")),
            decides=one.pk in decided_for,
        )
        for one in patients
    ]
    return sorted(people, key=lambda person: (not person.is_self, person.name))


class PersonPage(PortalPage):
    """A page about one person's record.

    The person chosen is kept in the session, and counts only while a grant stands. `needs` names
    the categories of which the account must hold one; without it the page says so and shows
    nothing; `shows` are those of which it shows something, where they are others. A page
    `is_for_acting` is for who acts for the person. A form names the person it was made for: sent
    after the choice was changed in another window, it does nothing.
    """

    permission = Permission.PATIENT_VIEW
    needs: Collection[Category] = ()
    shows: Collection[Category] = ()
    is_for_acting = False
    portal: Portal

    def answer(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        people = people_of(request.user)
        if not people:
            return render(request, "portal/nobody.html", {"facility": self.facility})
        wanted = request.session.get(CHOSEN, "")
        shown = next((person for person in people if str(person.pk) == wanted), people[0])
        purpose = Purpose.OWN if shown.is_self else Purpose.FAMILY
        with tenancy.acting(replace(request.actor, purpose=purpose)):
            may = access.categories_of(request.user, shown.patient)
            self.portal = Portal(self.facility, people, shown, may, self.what_it_shows(may))
            if (named := named_in(request)) and named != str(shown.pk):
                return self.another_person_is_shown(request)
            if self.needs and not may & set(self.needs):
                return self.page("portal/not_shared.html", {}, status=403)
            if self.is_for_acting and not shown.acts:
                return self.page("portal/acts_not.html", {}, status=403)
            return super().answer(request, *args, **kwargs)

    def another_person_is_shown(self, request: HttpRequest) -> HttpResponse:
        """The choice was changed in another window since this form was made."""
        if request.htmx:
            return HttpResponse(headers={"HX-Redirect": reverse("portal:home")})
        text = _("Nothing was changed: you now look at the record of %(name)s. Choose again.")
        messages.warning(request, text % {"name": self.portal.shown.name})
        return redirect("portal:home")

    def what_it_shows(self, may: frozenset[Category]) -> str:
        """The categories that the page stands on. A confidential piece can be anywhere."""
        wanted = {Category.VIEW, *(self.shows or self.needs), *CONFIDENTIAL_KINDS}
        return ",".join(sorted(wanted & may))

    def page(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """The template with `portal` beside the context."""
        context = {"portal": self.portal, **context}
        return render(self.request, template, context, status=status)

    @property
    def patient(self) -> Patient:
        return self.portal.shown.patient


def named_in(request: HttpRequest) -> str:
    """The person for whom a form was made."""
    return request.POST.get("for", "") or request.GET.get("for", "")


class ChoosePerson(PersonPage):
    """Show the record of somebody else from now on."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, patient_id: UUID) -> HttpResponse:
        if all(person.pk != patient_id for person in self.portal.people):
            raise Http404
        request.session[CHOSEN] = str(patient_id)
        return redirect("portal:home")
