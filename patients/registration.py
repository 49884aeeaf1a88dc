"""Registering patients and correcting who they are."""

import re
from datetime import date

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import words
from clinic.errors import Conflict, Invalid, Stale, invalid
from clinic.security import blindindex, tenancy
from clinic.security.permissions import Denied, Permission, Reach
from patients import access, ages, care_team, family
from patients.models import AccessGrant, Patient

OLDEST = 130  # years
IDENTITY_FIELDS = (
    "first_name", "last_name", "date_of_birth", "gender", "ssn", "cpf", "phone", "email",
    "address", "emergency_contact", "insurance_info", "preferred_language", "deceased_on",
    "is_active", "channels",
)  # fmt: skip
# Record numbers leave out the letters I and O, which are read as 1 and 0.
MRN_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
MRN = re.compile(r"[A-Za-z0-9._/-]{1,50}", re.ASCII)


class NumberTaken(Conflict):
    """Another patient of this facility has the SSN or CPF."""


@transaction.atomic
def register(*, by, mrn: str = "", fhir_id: str = "", **identity) -> Patient:
    """Register a patient in the acting facility and make her findable.

    `identity` holds any of `IDENTITY_FIELDS`; names and date of birth are required. A record number
    is given where none comes. Raises `Invalid` and `NumberTaken`, and stores nothing then.
    """
    actor = tenancy.current()
    actor.require(Permission.PATIENT_REGISTER)
    check(identity, new=True)
    if actor.reach == Reach.GRANTED:  # she treats whom she registers, and sees her by that alone
        with tenancy.whole_facility(clinical=True):
            patient = _register(mrn, fhir_id, identity)
            access.grant(
                patient=patient, user=by, source=AccessGrant.Source.CARE_TEAM,
                categories=care_team.USUAL, by=by,
            )  # fmt: skip
            return patient
    return _register(mrn, fhir_id, identity)


def _register(mrn: str, fhir_id: str, identity: dict) -> Patient:
    if mrn and not MRN.fullmatch(mrn):
        raise invalid("mrn", _("A record number has up to 50 letters, digits, dots and dashes."))
    facility_id = tenancy.current().facility_id
    while True:
        number = mrn or next_mrn(facility_id)
        patient = Patient(facility_id=facility_id, mrn=number, fhir_id=fhir_id, **identity)
        try:
            _save(patient, insert=True)
        except NumberTaken as taken:
            if mrn or "mrn" not in taken.fields:
                raise  # else somebody chose the number that was next: the one after it will do
        else:
            return patient


@transaction.atomic
def correct(*, patient: Patient, by, version: int | None = None, **identity) -> Patient:
    """Change who the patient is said to be. An emergency access opens that to nobody. Raises
    `Denied`, and `Stale` where `version` is an old one."""
    tenancy.current().require(Permission.PATIENT_REGISTER)
    if access.is_under_glass(patient):
        raise Denied(Permission.PATIENT_REGISTER)
    check(identity)
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    if version is not None and patient.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    was_born = patient.date_of_birth
    _hold_majority(patient, identity.get("date_of_birth"))
    for name, value in identity.items():
        setattr(patient, name, value)
    _save(patient, insert=False)
    if patient.date_of_birth != was_born:
        family.follow_age(patient)
    return patient


def _hold_majority(patient: Patient, born: date | None) -> None:
    """Raise `Invalid` where somebody of age would become a minor, for whom others decide, unless an
    administrator says so."""
    if born is None or tenancy.current().may(Permission.STAFF_MANAGE) or ages.is_minor(patient):
        return
    if timezone.now() < ages.of_age_at(born, patient.facility):
        message = _("By this day she would be a minor again. An administrator can correct it.")
        raise invalid("date_of_birth", message)


def check(identity: dict, *, new: bool = False) -> None:
    """Raise `Invalid` naming every field that cannot be."""
    wrong: dict[str, list] = {}
    for name in ("first_name", "last_name"):
        if (new or name in identity) and not words.shown(str(identity.get(name) or "")):
            wrong[name] = [_("Enter the name.")]
    born, today = identity.get("date_of_birth"), timezone.localdate()
    if new and born is None:
        wrong["date_of_birth"] = [_("Enter the date of birth.")]
    elif isinstance(born, date) and not date(today.year - OLDEST, 1, 1) <= born <= today:
        wrong["date_of_birth"] = [_("Enter a date of birth in the past, like 1974-03-27.")]
    if identity.get("ssn") and len(blindindex.digits(identity["ssn"])) != 9:
        wrong["ssn"] = [_("A social security number has 9 digits.")]
    if identity.get("cpf") and not valid_cpf(identity["cpf"]):
        wrong["cpf"] = [_("Enter a valid CPF: 11 digits, the last two are check digits.")]
    if unknown := set(identity) - set(IDENTITY_FIELDS):
        wrong |= {name: [_("This field cannot be set.")] for name in unknown}
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)


def valid_cpf(text: str) -> bool:
    """Whether both check digits hold (modulo 11; Receita Federal, IN RFB 1548/2015)."""
    number = blindindex.digits(text)
    if len(number) != 11 or len(set(number)) == 1:
        return False
    for size in (9, 10):
        weighted = sum(int(n) * w for n, w in zip(number, range(size + 1, 1, -1), strict=False))
        if weighted * 10 % 11 % 10 != int(number[size]):
            return False
    return True


def next_mrn(facility_id) -> str:
    """The facility's next record number: two letters and six digits, like `AA000001`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE clinic_facility SET next_mrn = next_mrn + 1 WHERE id = %s"
            " RETURNING next_mrn - 1",
            [facility_id],
        )
        number = cursor.fetchone()[0]
    block, rest = divmod(number, 1_000_000)
    size = len(MRN_LETTERS)
    return f"{MRN_LETTERS[block // size % size]}{MRN_LETTERS[block % size]}{rest:06d}"


def _save(patient: Patient, *, insert: bool) -> None:
    facility_id = patient.facility_id
    for kind in ("ssn", "cpf"):
        number = blindindex.digits(getattr(patient, kind) or "")
        index = blindindex.token(kind, number, facility_id=facility_id) if number else None
        setattr(patient, f"{kind}_index", index)
    try:
        with transaction.atomic():
            patient.save(force_insert=insert)
    except IntegrityError as error:
        raise _taken(error) from error
    _index(patient, replace=not insert)


def _taken(error: IntegrityError) -> Exception:
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""
    for field, constraint in (("ssn", "an_ssn"), ("cpf", "a_cpf"), ("mrn", "record_number")):
        if constraint in name:
            message = _("Another patient here has this number.")
            return NumberTaken(message, fields={field: [message]})
    return error


def tokens_of(patient: Patient) -> set[bytes]:
    """Everything that the patient is found by. A record number of letters alone is one of her
    names here: who types it cannot be told from who types a name."""
    facility_id = patient.facility_id
    names = [patient.first_name, patient.last_name]
    if patient.mrn.isalpha():
        names.append(patient.mrn)
    return blindindex.name_tokens(names, facility_id=facility_id) | blindindex.exact_tokens(
        facility_id=facility_id,
        mrn=patient.mrn,
        phones=[patient.phone],
        emails=[patient.email],
        ssn=patient.ssn,
        cpf=patient.cpf,
        born=patient.date_of_birth,
    )


def _index(patient: Patient, *, replace: bool) -> None:
    with connection.cursor() as cursor:
        if replace:
            cursor.execute(
                "DELETE FROM patients_searchtoken WHERE facility_id = %s AND patient_id = %s",
                [patient.facility_id, patient.pk],
            )
        cursor.execute(
            "INSERT INTO patients_searchtoken (facility_id, token, patient_id)"
            " SELECT %s, unnest(%s::bytea[]), %s",
            [patient.facility_id, list(tokens_of(patient)), patient.pk],
        )
