"""Finding a patient."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import Page
from clinic.security import blindindex, trail
from clinic.security.permissions import Permission
from patients import cover, search
from patients.models import Patient

LONGEST_QUERY = 200


class FindForm(forms.Form):
    """What the front desk knows of a patient."""

    q = forms.CharField(label=_("Find a patient"), required=False, max_length=LONGEST_QUERY)


class FindPage(Page):
    """Patients by name, number or date of birth, in the order of a register."""

    required = Permission.PATIENT_VIEW
    title = _("Find a patient")
    template_name = "admin/patients/find.html"

    def get_context_data(self, **kwargs):
        query = self.request.GET.get("q", "").strip()[:LONGEST_QUERY]
        patients, too_many = found(self.request.user, query) if query else ([], 0)
        times = self.next_visits(patients)
        return super().get_context_data(
            form=FindForm(initial={"q": query}),
            query=query,
            results=[
                {"patient": p, "phone": cover.phone(p), "next_visit": times.get(p.pk)}
                for p in patients
            ],
            too_many=too_many,
            too_short=not patients and not too_many and is_too_short(query),
            **kwargs,
        )

    def next_visits(self, patients: Iterable[Patient]) -> dict[UUID, datetime]:
        """When each is expected; scheduling knows."""
        return {}


def found(user, query: str) -> tuple[list[Patient], int]:
    """The patients whom the words fit, noted as found; or none of them and how many there are,
    where there are too many to sort."""
    matches = search.find(user, query)
    rows = search.by_name(matches)
    if len(rows) > search.MOST_SORTED:
        return [], matches.count()
    trail.read("patients.patient", [(row.pk, row.pk) for row in rows], how="search")
    return rows, 0


def is_too_short(query: str) -> bool:
    """Whether a word is shorter than what names are found by."""
    words = blindindex.words(query)
    return bool(words) and any(
        len(word) < blindindex.SHORTEST_PREFIX and not word.isdigit() for word in words
    )
