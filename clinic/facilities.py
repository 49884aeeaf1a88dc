"""The clinic's own details."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from clinic import staffing
from clinic.errors import Missing, from_validation, invalid
from clinic.models import Facility, User
from clinic.models.base import uuid7
from clinic.security import tenancy
from clinic.security.permissions import Permission

DETAILS = (
    "name", "facility_type", "npi", "tax_id", "timezone", "language", "phone", "emergency_number",
    "address_line1", "city", "state", "zip_code", "country", "currency", "reminder_hours",
    "quiet_from", "quiet_until",
)  # fmt: skip

ACCESS = ("care_reach", "second_factor_roles")


@transaction.atomic
def found(*, slug: str, name: str, **details) -> Facility:
    """Open a clinic. Nobody stands above clinics, so a command does it, not a person.

    Raises `Invalid` naming the fields that cannot be, a slug that is taken among them.
    """
    facility = Facility(id=uuid7(), slug=slug, name=name, **details)
    try:
        facility.clean_fields()
        with tenancy.system(facility), transaction.atomic():
            facility.save(force_insert=True)
    except ValidationError as error:
        raise from_validation(error) from error
    except IntegrityError as error:
        raise invalid("slug", _("There is a clinic of this name.")) from error
    return facility


@transaction.atomic
def correct(*, facility: Facility, by: User, **details) -> Facility:
    """Change the name, the address or another of `DETAILS` of the clinic acted in.

    Visits keep their instants when the time zone changes, weekly hours their wall-clock times.
    Raises `Invalid` naming the fields that cannot be.
    """
    return _change(facility, DETAILS, details)


@transaction.atomic
def set_access(*, facility: Facility, by: User, **settings) -> Facility:
    """Say whom physicians and nurses reach, and of which roles a second step at sign-in is asked
    (`ACCESS`). It holds from everybody's next request on.

    Needs a second step of whoever says it. Raises `Invalid` naming what cannot be.
    """
    staffing.require_manager(by)
    return _change(facility, ACCESS, settings)


def _change(facility: Facility, known: tuple[str, ...], details: dict) -> Facility:
    """The clinic acted in, with these of its fields changed."""
    actor = tenancy.current()
    actor.require(Permission.FACILITY_MANAGE)
    row = Facility.objects.select_for_update().filter(pk=facility.pk).first()
    if row is None or row.pk != actor.facility_id:
        raise Missing(_("There is no such clinic."))
    if unknown := set(details) - set(known):
        raise invalid(unknown.pop(), _("This field cannot be set."))
    for name, value in details.items():
        setattr(row, name, value)
    try:
        row.clean_fields(exclude=[f.name for f in row._meta.fields if f.name not in details])
    except ValidationError as error:
        raise from_validation(error) from error
    row.save(update_fields=[*details, "updated_at"])
    return row
