"""Saying who treats a patient: the care team, referrals, and confidential content."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage
from clinic.backoffice.fields import day_field
from clinic.models import User
from clinic.security.permissions import (
    CONFIDENTIAL_KINDS,
    SHARED,
    Category,
    Denied,
    Permission,
)
from patients import access, care_team, circle, referrals, relationships
from patients.admin.chart import PatientPage

TO_BEGIN_WITH = timedelta(days=90)  # a referral, unless another day is chosen


def end_of(day: date | None) -> datetime | None:
    """The last minute of a day on the clinic's clocks."""
    return day and datetime.combine(day, time(23, 59), timezone.get_current_timezone())


class ColleagueForm(forms.Form):
    """A person of the clinic, what is opened to her, and why."""

    user = forms.ChoiceField(label=_("Who"), error_messages={"required": _("Choose a person.")})
    categories = forms.MultipleChoiceField(
        label=_("What is opened"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what is opened.")},
    )
    reason = forms.CharField(label=_("Why"), max_length=300)

    def __init__(self, *args, people, categories, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["user"].choices = [("", _("Choose a person")), *people]
        self.fields["categories"].choices = [(c.value, c.label) for c in categories]


class TeamForm(ColleagueForm):
    until = day_field(
        _("Until"), required=False, help_text=_("Without a day it holds until she is taken off.")
    )


class JoinForm(TeamForm):
    reason = forms.CharField(label=_("Why"), max_length=300, required=False)


class ReferForm(ColleagueForm):
    until = day_field(_("Until"), help_text=_("It ends by itself on that day, within a year."))


class CarePage(FormPage, PatientPage):
    """A form about who treats the patient."""

    required = Permission.CARE_TEAM_MANAGE
    template_name = "admin/patients/form.html"
    lead: Any = ""
    submit: Any = ""
    icon = "check"
    danger = False

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            patient=self.patient, lead=self.lead, submit=self.submit, icon=self.icon,
            danger=self.danger, back=self.done(), **kwargs,
        )  # fmt: skip

    @cached_property
    def held(self) -> frozenset[Category]:
        return access.categories_of(self.request.user, self.patient)

    def people(self) -> list[tuple[str, str]]:
        """Whom the chart can be opened to: those who read charts."""
        return circle.named(relationships.clinicians())

    def colleague(self, form: forms.Form) -> User:
        return relationships.clinicians().get(pk=form.cleaned_data["user"])

    def say(self, text: str, person: User) -> None:
        messages.success(self.request, text % {"name": person.get_full_name()})

    def done(self) -> str:
        return reverse("admin:patient_access", args=[self.patient.pk])


class JoinPage(CarePage):
    """Adding somebody to the care team."""

    title = _("Add to the care team")
    form_class = JoinForm
    lead = _("What is restricted opens to the care team. Confidential content is opened apart.")
    submit, icon = _("Add to the care team"), "user-plus"

    def dispatch(self, request, *args, **kwargs):
        request.actor.require(self.required)
        care_team.require_leading(self.patient, request.user)
        return super().dispatch(request, *args, **kwargs)

    def form_arguments(self):
        usual = [c for c in care_team.USUAL if c in self.held and c != Category.VIEW]
        return {
            "people": self.people(),
            "categories": usual,
            "initial": {"categories": [c.value for c in usual]},
        }

    def carry_out(self, form):
        person, said = self.colleague(form), form.cleaned_data
        care_team.join(
            patient=self.patient, user=person, categories=said["categories"],
            reason=said["reason"], expires_at=end_of(said["until"]), by=self.request.user,
        )  # fmt: skip
        self.say(gettext("%(name)s is in the care team."), person)


class ReferPage(CarePage):
    """Referring the patient to a colleague."""

    title = _("Refer the patient")
    form_class = ReferForm
    lead = _("Your colleague is told, and sees what you open until the day you choose.")
    submit, icon = _("Refer the patient"), "send"

    def dispatch(self, request, *args, **kwargs):
        request.actor.require(self.required)
        care_team.require_treating(self.patient, request.user)
        return super().dispatch(request, *args, **kwargs)

    def form_arguments(self):
        open_to_me = [c for c in SHARED if c in self.held]
        usual = [c.value for c in open_to_me if c not in CONFIDENTIAL_KINDS]
        me = str(self.request.user.pk)
        return {
            "people": [(pk, name) for pk, name in self.people() if pk != me],
            "categories": open_to_me,
            "initial": {
                "categories": usual, "until": timezone.localdate() + TO_BEGIN_WITH,
            },
        }  # fmt: skip

    def carry_out(self, form):
        person, said = self.colleague(form), form.cleaned_data
        referrals.refer(
            patient=self.patient, to=person, reason=said["reason"], until=end_of(said["until"]),
            categories=said["categories"], by=self.request.user,
        )  # fmt: skip
        self.say(gettext("The patient is referred to %(name)s."), person)


class ConfidePage(CarePage):
    """Opening confidential content to somebody who treats the patient."""

    title = _("Open confidential content")
    form_class = TeamForm
    lead = _("The patient is told to whom it was opened. It is closed with the care team.")
    submit, icon = _("Open confidential content"), "lock"

    def dispatch(self, request, *args, **kwargs):
        request.actor.require(self.required)
        if not self.kinds:
            raise Denied(self.required)
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def kinds(self) -> list[Category]:
        """What the person reads herself; who oversees the clinic opens it to others unread."""
        oversees = self.may(Permission.STAFF_MANAGE)
        return [kind for kind in CONFIDENTIAL_KINDS if oversees or kind in self.held]

    def form_arguments(self):
        me = str(self.request.user.pk)
        return {
            "people": [(pk, name) for pk, name in self.people() if pk != me],
            "categories": self.kinds,
        }

    def carry_out(self, form):
        person, said = self.colleague(form), form.cleaned_data
        care_team.confide(
            patient=self.patient, user=person, kinds=said["categories"], reason=said["reason"],
            until=end_of(said["until"]), by=self.request.user,
        )  # fmt: skip
        self.say(gettext("Confidential content is open to %(name)s."), person)


class EndingPage(CarePage):
    """Taking somebody away, once more asked."""

    form_class = forms.Form
    danger = True
    icon = "x"

    @cached_property
    def person(self) -> User:
        found = User.objects.filter(pk=self.kwargs["user_id"]).first()
        if found is None or found.pk not in {one.user_id for one in self.standing()}:
            raise Http404
        return found

    def standing(self) -> list[circle.Holder]:
        raise NotImplementedError

    @property
    def lead(self):
        return self.words % {"name": self.person.get_full_name()}


class LeavePage(EndingPage):
    """Taking somebody off the care team."""

    title = _("Take off the care team")
    submit = _("Take off the care team")
    words = _(
        "The chart is closed to %(name)s from the next request on, as far as no role and nothing"
        " else opens it. Confidential content that was opened to her is closed, too."
    )

    def dispatch(self, request, *args, **kwargs):
        request.actor.require(self.required)
        care_team.require_leading(self.patient, request.user)
        return super().dispatch(request, *args, **kwargs)

    def standing(self):
        return care_team.members(self.patient)

    def carry_out(self, form):
        person = self.person
        care_team.leave(patient=self.patient, user_id=person.pk, by=self.request.user)
        self.say(gettext("%(name)s is no longer in the care team."), person)


class EndReferralPage(EndingPage):
    """Ending a referral before its time."""

    title = _("End the referral")
    submit = _("End the referral")
    words = _("What the referral opened to %(name)s is closed from the next request on.")
    required = Permission.CHART_VIEW  # to whom she was referred may end it, too

    def standing(self):
        return referrals.of_patient(self.patient)

    def carry_out(self, form):
        person = self.person
        referrals.end(patient=self.patient, user=person, by=self.request.user)
        self.say(gettext("The referral to %(name)s has ended."), person)

    def done(self) -> str:
        """Who has ended her own referral may see the patient no more."""
        if not access.visible_to(self.request.user).filter(pk=self.patient.pk).exists():
            return reverse("admin:relationships")
        return super().done()
