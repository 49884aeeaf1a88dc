"""Why a time cannot be had, and how the database's word for it becomes ours."""

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, OperationalError, transaction
from django.utils.translation import gettext_lazy as _
from psycopg.errors import DeadlockDetected

from clinic.errors import Conflict


class SlotTaken(Conflict):
    """Somebody has that time already."""


class NotOffered(Conflict):
    """The specialist does not work at that time."""


class WrongStatus(Conflict):
    """The visit is not in a state from which this can be done."""


class GroupFull(Conflict):
    """No place is left in the group."""


T = TypeVar("T")
TRIES = 3
TAKEN = {
    "one_visit_at_a_time_for_a_specialist": _("This time has just been taken. Choose another one."),
    "one_visit_at_a_time_for_a_patient": _("The patient has another visit at that time."),
    "one_visit_at_a_time_for_a_room": _("The room is taken at that time. Choose another one."),
    "one_session_at_a_time": _("This time has just been taken. Choose another one."),
    "one_visit_a_place": _("This place has just been taken. Try again."),
}


def constraint_of(error: IntegrityError) -> str:
    """The name of the constraint that stopped a statement."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""


def of_rivals(attempt: Callable[[], T]) -> T:
    """What the attempt answers, in a savepoint of its own. Raises `SlotTaken` where the database's
    exclusion constraints stopped it.

    Two who come at the same moment can each wait for what the other gives up or keeps; the database
    ends one of them as a deadlock. That one tries again once the other is through, and finds out.
    """
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return attempt()
        except IntegrityError as error:
            if message := TAKEN.get(constraint_of(error)):
                raise SlotTaken(message) from error
            raise
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            if not left:
                raise SlotTaken(TAKEN["one_visit_at_a_time_for_a_specialist"]) from error
    raise AssertionError("The last try answers or raises.")
