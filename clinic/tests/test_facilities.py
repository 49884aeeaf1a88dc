"""Opening a clinic by the command, with its first administrator."""

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from clinic import joining
from clinic.models import Facility, Invitation, RoleAssignment, User
from clinic.security import tenancy

GIVEN = {
    "name": "Lake Clinic", "timezone": "Europe/Lisbon", "language": "pt-br",
    "administrator": "Ada@lake.example", "first_name": "Ada", "last_name": "Reis",
}  # fmt: skip


def clinics() -> set[str]:
    with tenancy.platform(), transaction.atomic():
        return set(Facility.objects.values_list("slug", flat=True))


def test_a_clinic_is_opened_and_its_administrator_invited(db, capsys, settings):
    settings.PUBLIC_URL = "https://chartroom.lake.example"
    call_command("found_clinic", "lake", **GIVEN)
    said, link = capsys.readouterr().out.strip().splitlines()
    assert "Lake Clinic is open" in said and "Ada@lake.example" in said
    assert not User.objects.filter(email="ada@lake.example").exists()
    with tenancy.platform(), transaction.atomic():
        lake = Facility.objects.get(slug="lake")
    start, key = link.split("/accounts/invitation/")
    assert start == "https://chartroom.lake.example"
    password = "a lake of many words"
    ada = joining.accept_anew(
        key=key.strip("/"), first_name="Ada", last_name="Reis", password=password
    )
    with tenancy.system(lake):
        (held,) = RoleAssignment.objects.filter(facility=lake)
        assert (held.user, held.role, held.is_active) == (ada, "administrator", True)
        assert held.is_primary and ada.preferred_language == "en"
        assert Invitation.objects.get().language == "pt-br"


def test_who_works_alone_takes_up_a_second_role_by_a_second_link(db, capsys):
    call_command("found_clinic", "lake", **GIVEN, also="physician")
    _said, *links = capsys.readouterr().out.strip().splitlines()
    first, second = (link.split("/accounts/invitation/")[1].strip("/") for link in links)
    with tenancy.platform(), transaction.atomic():
        lake = Facility.objects.get(slug="lake")
    ada = joining.accept_anew(
        key=first, first_name="Ada", last_name="Reis", password="a lake of many words"
    )
    joining.accept(key=second, by=ada)
    with tenancy.system(lake):
        held = RoleAssignment.objects.filter(user=ada).values_list("role", "is_primary")
        assert set(held) == {("administrator", True), ("physician", False)}


def test_the_clinic_is_opened_as_it_was_told(db):
    call_command("found_clinic", "lake", **GIVEN)
    with tenancy.platform(), transaction.atomic():
        lake = Facility.objects.get(slug="lake")
    with tenancy.platform(), transaction.atomic():
        lake = Facility.objects.get(slug="lake")
    assert (lake.timezone, lake.language) == ("Europe/Lisbon", "pt-br")


@pytest.mark.parametrize(
    ("slug", "change", "field"),
    [
        ("harbor", {}, "slug"), ("no slug", {}, "slug"), ("lake", {"timezone": "Mars"}, "timezone"),
        ("lake", {"name": ""}, "name"), ("lake", {"administrator": "ada"}, "email"),
        ("lake", {"first_name": " "}, "first_name"), ("lake", {"name": "x" * 300}, "name"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_and_nothing_is_stored(cast, slug, change, field):
    before = clinics(), User.objects.count()
    with pytest.raises(CommandError, match=f"{field}: "):
        call_command("found_clinic", slug, **(GIVEN | change))
    assert (clinics(), User.objects.count()) == before
