"""Finding patients by what the front desk knows: names, numbers, an address, a date of birth."""

import re
from datetime import UTC, date, datetime

from django.db import models
from django.db.models import F, Func, QuerySet

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
    found, parameters = [], []
    if exact := _exact(query, facility_id):
        found.append(WITH_ANY)
        parameters += [facility_id, exact]
    names = blindindex.name_query(query, facility_id=facility_id)
    if names and not any(character.isdigit() for character in query) and "@" not in query:
        found.append(" INTERSECT ".join([WITH_ONE] * len(names)))
        parameters += [value for token in names for value in (facility_id, token)]
    return patients.filter(Fits(found, re.sub(r"\s", "", query), parameters))


# Patients who have any of the tokens; and those who have one: an index range each, intersected.
TOKENS = "SELECT patient_id FROM patients_searchtoken WHERE facility_id = %s"
WITH_ANY = f"{TOKENS} AND token = ANY (%s::bytea[])"
WITH_ONE = f"{TOKENS} AND token = %s::bytea"


class Fits(Func):
    """Whether a patient has the record number, or is among those whom one of the queries finds."""

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, queries: list[str], mrn: str, parameters: list, **extra):
        super().__init__(F("pk"), F("mrn"), **extra)
        self.queries, self.parameters = queries, [mrn, *parameters]

    def as_sql(self, compiler, connection, **context):
        (pk, _none), (mrn, _none) = (compiler.compile(each) for each in self.source_expressions)
        tests = [f"upper({mrn}) = upper(%s)", *(f"{pk} IN ({query})" for query in self.queries)]
        return f"({' OR '.join(tests)})", self.parameters


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
