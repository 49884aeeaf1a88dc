"""Opening a clinic by the command, with its first administrator."""

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from clinic.models import Facility, RoleAssignment, User
from clinic.security import tenancy

GIVEN = {
    "name": "Lake Clinic", "timezone": "Europe/Lisbon", "language": "pt-br",
    "administrator": "Ada@lake.example", "first_name": "Ada", "last_name": "Reis",
}  # fmt: skip


def clinics() -> set[str]:
    with tenancy.platform(), transaction.atomic():
        return set(Facility.objects.values_list("slug", flat=True))


def test_a_clinic_is_opened_with_its_administrator(db, capsys):
    call_command("found_clinic", "lake", **GIVEN)
    assert "Lake Clinic is open. Ada@lake.example" in capsys.readouterr().out
    with tenancy.platform(), transaction.atomic():
        lake = Facility.objects.get(slug="lake")
    assert (lake.timezone, lake.language) == ("Europe/Lisbon", "pt-br")
    ada = User.objects.get(email="ada@lake.example")
    assert not ada.has_usable_password()
    with tenancy.system(lake):
        (held,) = RoleAssignment.objects.filter(facility=lake)
        assert (held.user, held.role, held.is_active) == (ada, "administrator", True)


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
