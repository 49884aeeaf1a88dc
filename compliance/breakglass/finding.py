"""Naming a patient out of reach: by what one knows of her, never by looking people up."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from clinic.security import blindindex, tenancy
from patients import search
from patients.models import Patient


@dataclass(frozen=True, kw_only=True)
class Sought:
    """One of three: the id, the record number, or the full name with the date of birth."""

    patient_id: UUID | None = None
    mrn: str = ""
    name: str = ""
    born: date | None = None

    @property
    def how(self) -> str:
        """How she was asked for, for the trail."""
        return "id" if self.patient_id else "number" if self.mrn else "name"


def found(sought: Sought) -> Patient | None:
    """The one patient of the facility acted in who fits; None where nobody does, or several."""
    rows = Patient.objects.filter(facility_id=tenancy.current().facility_id)
    if sought.patient_id:
        rows = rows.filter(pk=sought.patient_id)
    elif sought.mrn:
        rows = rows.filter(mrn__iexact="".join(sought.mrn.split()))
    else:
        rows = _named(rows, sought)
    fitting = list(rows[:2])
    return fitting[0] if len(fitting) == 1 else None


def _named(rows, sought: Sought):
    """Those who were born on the day and are called so: by whole words, of first and last name."""
    words = set(blindindex.words(sought.name))
    if not words or sought.born is None:
        return []
    facility_id = tenancy.current().facility_id
    names = blindindex.name_query(sought.name, facility_id=facility_id)[: search.MOST_WORDS]
    born = blindindex.exact_tokens(facility_id=facility_id, born=sought.born)
    rows = rows.filter(search.Fits(facility_id, names, None))
    rows = rows.filter(search.Fits(facility_id, [], sorted(born)))
    return [patient for patient in rows if _is_called(patient, words)]


def _is_called(patient: Patient, words: set[str]) -> bool:
    first = blindindex.name_words(patient.first_name)
    last = blindindex.name_words(patient.last_name)
    return words <= first | last and bool(words & first) and bool(words & last)
