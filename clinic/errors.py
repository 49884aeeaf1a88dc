"""What verbs raise when they refuse. Surfaces turn the kinds into answers, once
(`config.api.errors`, `clinic.portal`)."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class Refused(Exception):
    """A verb refused. `message` is for the person and never empty; `fields` says which inputs were
    wrong."""

    code = "refused"
    more: ClassVar[dict] = {}  # what a program is told besides, beyond the fields

    def __init__(self, message, *, fields: dict[str, list] | None = None):
        if not message:
            raise TypeError("A refusal says why.")
        self.message, self.fields = message, fields or {}
        super().__init__(str(message))


class Invalid(Refused):
    """The input is wrong: nothing was stored."""

    code = "invalid"


class Conflict(Refused):
    """The state of things forbids it: nothing was stored."""

    code = "conflict"


class Missing(Refused):
    """It does not exist, or may not be seen: both read the same."""

    code = "missing"


class Stale(Refused):
    """Someone changed it since it was read."""

    code = "stale"


class TooLarge(Refused):
    """More than is taken in at once; refused before it is read."""

    code = "too_large"


def invalid(field: str, message) -> Invalid:
    """An `Invalid` that names one field."""
    return Invalid(message, fields={field: [message]})


def from_validation(error: ValidationError) -> Invalid:
    """The `Invalid` that says what Django's validation found wrong."""
    message = _("Some details need to be corrected.")
    if hasattr(error, "error_dict"):
        return Invalid(message, fields=dict(error.message_dict))
    return Invalid(" ".join(error.messages))
