"""Minors and guardians: the law of the clinic's place, as the clinic sets it."""

from django import forms
from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, facility_of
from clinic.models import Facility
from clinic.models.facility import MOST_YEARS
from clinic.security.permissions import CONFIDENTIAL_KINDS, Permission
from patients import jurisdiction


class MinorsForm(forms.Form):
    """The age of majority, and for each kind of confidential care from which age it is private."""

    majority_age = forms.IntegerField(
        label=_("Age of majority"),
        min_value=jurisdiction.YOUNGEST,
        max_value=MOST_YEARS,
        help_text=_("On that birthday the access of guardians ends, and the patient decides."),
    )

    def __init__(self, *args, facility: Facility, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["majority_age"].initial = facility.majority_age
        for kind, years in jurisdiction.in_years(facility):
            self.fields[kind.value] = forms.IntegerField(
                label=kind.label, required=False, min_value=0, max_value=MOST_YEARS, initial=years
            )

    @property
    def kinds(self) -> list[forms.BoundField]:
        return [self[kind.value] for kind in CONFIDENTIAL_KINDS]

    def private_from(self) -> dict[str, int]:
        said = {kind.value: self.cleaned_data[kind.value] for kind in CONFIDENTIAL_KINDS}
        return {kind: years for kind, years in said.items() if years is not None}


class MinorsPage(FormPage):
    """When patients come of age, and what is private from guardians before."""

    required = Permission.STAFF_MANAGE
    title = _("Minors and guardians")
    template_name = "admin/patients/minors.html"
    form_class = MinorsForm

    def form_arguments(self):
        return {"facility": facility_of(self.request)}

    def get_context_data(self, **kwargs):
        way = jurisdiction.progress(facility_of(self.request))
        return super().get_context_data(progress=way, **kwargs)

    def carry_out(self, form):
        jurisdiction.set_law(
            facility=facility_of(self.request), majority_age=form.cleaned_data["majority_age"],
            private_from=form.private_from(), by=self.request.user,
        )  # fmt: skip
        messages.success(self.request, gettext("It is saved, and holds for all guardians."))

    def done(self) -> str:
        return reverse("admin:minors")
