"""Finding patients by what the front desk knows: names, numbers, an address, a date of birth."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import models
from django.db.models import F, Func, QuerySet

from clinic.security import blindindex, tenancy
from patients import access
from patients.models import Patient

MOST_SORTED = 500  # names are sealed: up to this many are opened and sorted, beyond ask to refine
MOST_WORDS = 6  # of a name; further ones narrow nobody down, and each costs the database
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
    query = query.strip()
    return patients.filter(Fits(*tokens(query, facility_id=facility_id))) if query else patients


def exactly(
    *, date_of_birth: date, last_name: str, first_name: str = "", mrn: str = ""
) -> Patient | None:
    """The one patient within reach who is named exactly: born that day, of that last name, and of
    that record number or first name. None where there is no such patient, or more than one."""
    facility_id = tenancy.current().facility_id
    if facility_id is None or not (mrn.strip() or first_name.strip()):
        return None
    if mrn.strip():
        token = blindindex.exact_tokens(facility_id=facility_id, mrn=mrn.strip())
    else:
        token = blindindex.exact_tokens(facility_id=facility_id, born=date_of_birth)
    rows = access.visible_to(None).filter(Fits(facility_id, [], list(token)))
    fold = blindindex.fold
    found = [
        row
        for row in rows[:MOST_SORTED]
        if row.date_of_birth == date_of_birth
        and fold(row.last_name) == fold(last_name.strip())
        and (not first_name.strip() or fold(row.first_name) == fold(first_name.strip()))
    ]
    return found[0] if len(found) == 1 else None


class Tokens(NamedTuple):
    """What a query asks for in a facility: patients who have all of `names`, or any of `exact`."""

    facility_id: UUID
    names: list[bytes]
    exact: list[bytes]


def tokens(query: str, *, facility_id: UUID) -> Tokens:
    """The keyed tokens of what was typed."""
    names = []
    if not any(character.isdigit() for character in query) and "@" not in query:
        names = blindindex.name_query(query, facility_id=facility_id)[:MOST_WORDS]
    return Tokens(facility_id, names, _exact(query, facility_id))


# Patients who have a token, or any of them: ranges of one index, in the order of patients.
HAS = "{} IN (SELECT patient_id FROM patients_searchtoken WHERE facility_id = %s AND token {})"
HAS_ONE, HAS_ANY = HAS.format("{0}", "= %s::bytea"), HAS.format("{0}", "= ANY (%s::bytea[])")


class Fits(Func):
    """Whether a patient has what `Tokens` ask for."""

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, facility_id, names: Sequence, exact, **extra):
        super().__init__(F("pk"), **extra)
        self.facility_id, self.names, self.exact = facility_id, names, exact

    def as_sql(self, compiler, connection, **context):
        pk, _none = compiler.compile(self.source_expressions[0])
        ways = []
        if self.names:
            ways.append(" AND ".join([HAS_ONE.format(pk)] * len(self.names)))
        if self.exact:
            ways.append(HAS_ANY.format(pk))
        asked = [*self.names, *([self.exact] if self.exact else [])]
        parameters = [value for tokens in asked for value in (self.facility_id, tokens)]
        return f"({' OR '.join(ways) or 'FALSE'})", parameters


def by_name(patients: QuerySet[Patient]) -> list[Patient]:
    """Up to `MOST_SORTED` of the patients, in the order of a register."""
    rows = list(patients[: MOST_SORTED + 1])
    fold = blindindex.fold
    return sorted(rows, key=lambda p: (fold(p.last_name), fold(p.first_name), p.mrn))


def _exact(query: str, facility_id) -> list[bytes]:
    digits, number = blindindex.digits(query), re.sub(r"\s", "", query)
    tokens = blindindex.exact_tokens(
        facility_id=facility_id,
        mrn="" if number.isalpha() else number,  # of letters alone: found as a name is
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
