"""Practitioner and Organization: the chart keeps their names, and finds a user by NPI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from records.fhir.bundle import Entry, SetAside
from records.fhir.element import Element
from records.fhir.facts import Named
from records.fhir.resources.datatypes import read_full_name

if TYPE_CHECKING:
    from records.fhir.reader import Reader

NPI = "http://hl7.org/fhir/sid/us-npi"


def read_practitioner(entry: Entry, reader: Reader) -> Named:
    """A practitioner's name and number. Raises SetAside where there is no name."""
    resource = entry.resource
    name = read_full_name(resource.children("name"))
    if not name:
        raise SetAside(_("it has no name"))
    return Named(display=name, npi=find_npi(resource.children("identifier")))


def read_organization(entry: Entry, reader: Reader) -> Named:
    """An organization's name. Raises SetAside where there is none."""
    name = entry.resource.text("name", limit=200)
    if not name:
        raise SetAside(_("it has no name"))
    return Named(display=name)


def find_npi(identifiers: list[Element]) -> str:
    """The National Provider Identifier among `identifiers`; it finds somebody and is not kept."""
    values = (item.peek("value") for item in identifiers if item.peek("system") == NPI)
    return next((value for value in values if isinstance(value, str)), "")
