"""Patient."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.security import blindindex
from patients import registration
from records.fhir.bundle import Entry, SetAside
from records.fhir.element import Element
from records.fhir.facts import PatientFacts
from records.fhir.resources.datatypes import (
    Json,
    compact,
    read_full_name,
    read_name,
    read_status,
    read_telecom,
    read_words,
    write_status,
    write_telecom,
    write_time,
)

if TYPE_CHECKING:
    from records.fhir.reader import Reader

GENDERS = ("male", "female", "other", "unknown")
SSN = ("http://hl7.org/fhir/sid/us-ssn", "SS")
CPF = ("urn:oid:2.16.840.1.113883.13.237", "")
NOT_VALID = gettext_lazy("not a number of this kind")
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
LANGUAGE = "urn:ietf:bcp:47"


def read(entry: Entry, reader: Reader) -> PatientFacts:
    """Who the patient is. Raises SetAside where there is no name."""
    resource = entry.resource
    first_name, last_name = read_name(resource.children("name"))
    if not (first_name or last_name):
        raise SetAside(_("the patient has no name"))
    identifiers = resource.children("identifier")
    telecoms = resource.children("telecom")
    return PatientFacts(
        fhir_id=entry.fhir_id,
        first_name=first_name,
        last_name=last_name,
        date_of_birth=resource.day("birthDate", reader.zone),
        gender=resource.one_of("gender", GENDERS) or "unknown",
        ssn=_number(identifiers, *SSN, is_valid=_is_ssn),
        cpf=_number(identifiers, *CPF, is_valid=registration.valid_cpf),
        phone=read_telecom(telecoms, "phone", ("mobile", "home", "work"), limit=30),
        email=read_telecom(telecoms, "email", ("home", "work"), limit=254),
        address=_address(resource.children("address")),
        emergency_contact=_contact(resource.children("contact")),
        preferred_language=_language(resource.children("communication")),
        deceased_on=resource.day("deceasedDateTime", reader.zone),
    )


def write(facts: PatientFacts) -> Json:
    """The Patient resource."""
    telecoms = (write_telecom("phone", facts.phone), write_telecom("email", facts.email))
    language = write_status(facts.preferred_language, LANGUAGE)
    return compact(
        resourceType="Patient",
        id=facts.fhir_id,
        identifier=[*_written_number(facts.ssn, *SSN), *_written_number(facts.cpf, *CPF)],
        name=[compact(use="official", family=facts.last_name, given=facts.first_name.split())],
        telecom=list(filter(None, telecoms)),
        gender=facts.gender,
        birthDate=write_time(facts.date_of_birth),
        address=[_written_address(facts.address)] if facts.address else None,
        communication=[{"language": language}] if language else None,
        deceasedDateTime=write_time(facts.deceased_on),
        contact=[_written_contact(facts.emergency_contact)] if facts.emergency_contact else None,
    )


def _number(
    identifiers: list[Element], system: str, type_code: str, *, is_valid: Callable[[str], bool]
) -> str:
    """The value of the identifier of `system`, or without a system of that type."""
    for identifier in identifiers:
        codings = identifier.child("type").children("coding")
        typed = type_code and any(coding.peek("code") == type_code for coding in codings)
        ours = identifier.peek("system") == system or (typed and "system" not in identifier)
        if not ours or not (value := identifier.text("value", limit=20)):
            continue
        if is_valid(value):
            identifier.keep("system")
            read_status(identifier.child("type"), IDENTIFIER_TYPE)
            return value
        identifier.refuse("value", NOT_VALID)
    return ""


def _is_ssn(value: str) -> bool:
    return len(blindindex.digits(value)) == 9


def _address(addresses: list[Element]) -> dict[str, str]:
    current = [address for address in addresses if address.peek("use") not in ("old", "billing")]
    for address in sorted(current, key=lambda address: address.peek("use") != "home"):
        line1, *others = address.texts("line") or ("",)
        found = compact(
            line1=line1,
            line2=", ".join(others),
            city=address.text("city"),
            state=address.text("state"),
            zip_code=address.text("postalCode"),
            country=address.text("country"),
        )
        if found:
            return found
    return {}


def _language(communications: list[Element]) -> str:
    for communication in sorted(communications, key=lambda c: c.peek("preferred") is not True):
        language = communication.child("language")
        if len(tag := read_status(language, LANGUAGE)) <= 10 and tag:
            return tag
        language.forget()
    return ""


def _contact(contacts: list[Element]) -> dict[str, str]:
    for contact in contacts:
        if name := read_full_name([contact.child("name")]):
            relationships = (read_words(concept) for concept in contact.children("relationship"))
            return compact(
                name=name,
                relationship=next(filter(None, relationships), ""),
                phone=read_telecom(contact.children("telecom"), "phone", ("mobile", "home"), 30),
            )
    return {}


def _written_number(value: str, system: str, type_code: str) -> list[Json]:
    kind = write_status(type_code, IDENTIFIER_TYPE)
    return [compact(type=kind, system=system, value=value)] if value else []


def _written_address(address: dict[str, str]) -> Json:
    lines = [address.get("line1", ""), address.get("line2", "")]
    return compact(
        line=list(filter(None, lines)),
        city=address.get("city"),
        state=address.get("state"),
        postalCode=address.get("zip_code"),
        country=address.get("country"),
    )


def _written_contact(contact: dict[str, str]) -> Json:
    relationship = contact.get("relationship")
    phone = write_telecom("phone", contact.get("phone", ""))
    return compact(
        name={"text": contact["name"]} if contact.get("name") else None,
        relationship=[{"text": relationship}] if relationship else None,
        telecom=[phone] if phone else None,
    )
