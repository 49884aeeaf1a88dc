"""Finding patients by what the front desk knows: names, numbers, an address, a date of birth."""

import re
from datetime import UTC, date, datetime

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from clinic.security import blindindex, tenancy
from patients import access
from patients.models import Patient

MOST_SORTED = 500  # names are sealed: up to this many are opened and sorted, beyond ask to refine
DAY_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y")


def find(user, query: str) -> QuerySet[Patient]:
    """The visible patients whom `query` fits.

    Words are prefixes of names, in any order, accents and case ignored (three letters or more; a
    shorter word must be the whole name). A number is a phone, SSN, CPF or record number; an `@` an
    e-mail; a date the day of birth.
    """
    patients, facility_id = access.visible_to(user), tenancy.current().facility_id
    if facility_id is None:
        return patients.none()
    return matching(patients, query, facility_id=facility_id)


def matching(patients: QuerySet[Patient], query: str, *, facility_id) -> QuerySet[Patient]:
    """Those of the facility's patients whom the query fits."""
    query = query.strip()
    if not query:
        return patients
    matches = Q(mrn__iexact=re.sub(r"\s", "", query))
    if exact := _exact(query, facility_id):
        matches |= Q(pk__in=_with_any(facility_id, exact))
    names = blindindex.name_query(query, facility_id=facility_id)
    if names and not any(character.isdigit() for character in query) and "@" not in query:
        matches |= Q(pk__in=_with_all(facility_id, names))
    return patients.filter(matches)


def by_name(patients: QuerySet[Patient]) -> list[Patient]:
    """Up to `MOST_SORTED` of the patients, in the order of a register."""
    rows = list(patients[: MOST_SORTED + 1])
    fold = blindindex.fold
    return sorted(rows, key=lambda p: (fold(p.last_name), fold(p.first_name), p.mrn))


def _exact(query: str, facility_id) -> list[bytes]:
    digits = blindindex.digits(query)
    tokens = blindindex.exact_tokens(
        facility_id=facility_id,
        emails=[query] if "@" in query else [],
        ssn=digits if len(digits) == 9 else "",
        cpf=digits if len(digits) == 11 else "",
    )
    if len(digits) >= 7 and not re.search(r"[A-Za-z]", query):
        tokens |= {blindindex.token("phone", f, facility_id=facility_id) for f in
                   blindindex.phone_forms(digits)}  # fmt: skip
    for born in _dates(query):
        tokens |= blindindex.exact_tokens(facility_id=facility_id, born=born)
    return list(tokens)


def _dates(query: str) -> set[date]:
    found = set()
    for form in DAY_FORMATS:
        try:
            found.add(datetime.strptime(query, form).replace(tzinfo=UTC).date())
        except ValueError:
            continue
    return found


def _with_any(facility_id, tokens: list[bytes]) -> RawSQL:
    return RawSQL(
        "SELECT patient_id FROM patients_searchtoken"
        " WHERE facility_id = %s AND token = ANY (%s::bytea[])",
        [facility_id, tokens],
    )


def _with_all(facility_id, tokens: list[bytes]) -> RawSQL:
    """Patients who have every token: one index range each, intersected."""
    one = "SELECT patient_id FROM patients_searchtoken WHERE facility_id = %s AND token = %s::bytea"
    parameters = [value for token in tokens for value in (facility_id, token)]
    return RawSQL(" INTERSECT ".join([one] * len(tokens)), parameters)
