"""Who can be booked in the clinic."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, Stale, from_validation, invalid
from clinic.models import RoleAssignment, Specialist, User
from clinic.security import tenancy
from clinic.security.permissions import Permission

DETAILS = (
    "specialty", "title", "room", "professional_license", "license_authority", "bio", "is_active",
)  # fmt: skip


def known() -> QuerySet[Specialist]:
    """All specialists of the clinic, those who have left too."""
    rows = Specialist.objects.filter(facility_id=tenancy.current().facility_id)
    return rows.select_related("user").order_by("id")


def candidates() -> QuerySet[User]:
    """People who work in the clinic and cannot be booked yet."""
    taken = Specialist.objects.filter(facility_id=tenancy.current().facility_id)
    rows = RoleAssignment.objects.here().of_staff().people()
    return rows.exclude(pk__in=taken.values("user_id")).order_by("email")


@transaction.atomic
def present(*, user: User, by: User, **details) -> Specialist:
    """Let a person of the clinic be booked. Raises `Invalid` and `Conflict`."""
    actor = tenancy.current()
    actor.require(Permission.STAFF_MANAGE)
    if not candidates().filter(pk=user.pk).exists():
        message = _("Choose a person who works here and is not a specialist yet.")
        raise Conflict(message, fields={"user": [message]})
    specialist = Specialist(facility_id=actor.facility_id, user=user)
    _describe(specialist, {"specialty": "", **details})
    try:
        with transaction.atomic():
            specialist.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(_("This person is a specialist already.")) from error
    return specialist


@transaction.atomic
def correct(*, specialist: Specialist, version: int | None = None, by: User, **details):
    """Change what is said of a specialist, or end (`is_active=False`) being booked."""
    tenancy.current().require(Permission.STAFF_MANAGE)
    row = known().select_for_update(of=("self",)).filter(pk=specialist.pk).first()
    if row is None:
        raise Missing(_("There is no such specialist."))
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    _describe(row, details)
    row.save()
    return row


def _describe(specialist: Specialist, details: dict) -> None:
    if unknown := set(details) - set(DETAILS):
        raise invalid(unknown.pop(), _("This field cannot be set."))
    for name, value in details.items():
        setattr(specialist, name, value)
    try:
        specialist.clean_fields(exclude=["facility", "user"])
    except ValidationError as error:
        raise from_validation(error) from error
