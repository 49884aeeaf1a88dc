"""Kinds of visits and rooms: what the clinic offers, and where."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing, Stale, from_validation, invalid
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission, Reach
from scheduling.models import AppointmentType, Room

DETAILS = (
    "name", "minutes", "buffer_before", "buffer_after", "bookable_by", "notice_hours",
    "horizon_days", "cancel_hours", "asks_confirmation", "capacity", "price", "place",
    "telehealth_url", "needs_authorization", "preparation", "is_active",
)  # fmt: skip
ROOM_DETAILS = ("name", "is_active")
LONGEST_PREPARATION = 2000


@transaction.atomic
def offer(*, by: User, **details) -> AppointmentType:
    """Offer a new kind of visit; `details` holds any of `DETAILS`. Raises `Invalid` naming the
    field, and `Conflict` where the name is taken."""
    kind = AppointmentType(facility_id=tenancy.current().facility_id)
    return _stored(kind, {"name": "", **details}, DETAILS)


@transaction.atomic
def correct(
    *, kind: AppointmentType, version: int | None = None, by: User, **details
) -> AppointmentType:
    """Change a kind of visit, or end it (`is_active=False`); booked visits stand."""
    row = _locked(AppointmentType, kind.pk, version, _("There is no such kind of visit."))
    return _stored(row, details, DETAILS)


@transaction.atomic
def add_room(*, by: User, **details) -> Room:
    """A room in which visits take place. Raises `Invalid` and `Conflict` (the name is taken)."""
    room = Room(facility_id=tenancy.current().facility_id)
    return _stored(room, {"name": "", **details}, ROOM_DETAILS)


@transaction.atomic
def correct_room(*, room: Room, version: int | None = None, by: User, **details) -> Room:
    """Rename a room, or use it no more (`is_active=False`); booked visits stand."""
    row = _locked(Room, room.pk, version, _("There is no such room."))
    return _stored(row, details, ROOM_DETAILS)


def require_wide() -> None:
    """Raise `Denied` unless the actor sets what holds for the whole clinic."""
    actor = tenancy.current()
    actor.require(Permission.AVAILABILITY_MANAGE)
    if actor.reach != Reach.FACILITY:
        raise Denied(Permission.AVAILABILITY_MANAGE)


def _locked(model: type[models.Model], pk, version: int | None, missing):
    rows = model.objects.filter(facility_id=tenancy.current().facility_id)
    row = rows.select_for_update().filter(pk=pk).first()
    if row is None:
        raise Missing(missing)
    if version is not None and row.version != version:
        raise Stale(_("It was changed since you read it. Read it again."))
    return row


def _stored(row, details: dict, known: tuple[str, ...]):
    require_wide()
    if unknown := set(details) - set(known):
        raise invalid(sorted(unknown)[0], _("This field cannot be set."))
    for name, value in details.items():
        setattr(row, name, value)
    if isinstance(row, AppointmentType):
        _check_preparation(row.preparation)
    try:
        row.clean_fields(exclude=["facility"])
        with transaction.atomic():
            row.save()
    except ValidationError as error:
        raise from_validation(error) from error
    except IntegrityError as error:
        message = _("There is one with this name.")
        raise Conflict(message, fields={"name": [message]}) from error
    return row


def _check_preparation(told) -> None:
    good = isinstance(told, dict) and all(
        isinstance(code, str) and isinstance(text, str) and len(text) <= LONGEST_PREPARATION
        for code, text in told.items()
    )
    if not good:
        raise invalid("preparation", _('Give a text for each language, like {"en": "…"}.'))
