"""How carefully pieces of a chart are kept: checked where they are written, and marked anew."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid, invalid
from clinic.models import IdempotencyKey
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Sensitivity
from patients import access
from patients.models import Kept, Patient

FIELDS = ("sensitivity", "confidential_kind")


def check(
    row: Kept, content: dict[str, Any], *, patient: Patient, category: Category, author: bool, by
) -> None:
    """Settle in `content` how a row will be kept, `row` being how it is kept now.

    What is confidential says of which kind, what is not says none. Who marks something as
    confidential is its author or holds a permission of that kind, who restricts it its author or
    treats the patient (a grant of its `category`): else she would hide it from herself, and from
    those whom she does not know of. Raises `Invalid`.
    """
    if not content.keys() & set(FIELDS):
        return
    level = content.get("sensitivity", row.sensitivity)
    kind = content.get("confidential_kind", row.confidential_kind)
    if level not in Sensitivity.values:
        raise invalid("sensitivity", _("Choose how it is kept."))
    if level != Sensitivity.CONFIDENTIAL:
        if content.get("confidential_kind"):
            raise invalid("confidential_kind", _("Only what is confidential has a kind."))
        if _hides(row, level) and not author and category not in access.granted(by, patient):
            raise invalid("sensitivity", _("Only who treats the patient restricts it."))
        kind = ""
    elif kind not in CONFIDENTIAL_KINDS:
        raise invalid("confidential_kind", _("Say as what it is confidential."))
    elif not author and Category(kind) not in access.categories_of(by, patient):
        message = _("You need a permission for this kind of content of the patient.")
        raise Invalid(message, fields={"confidential_kind": [message]})
    content |= {"sensitivity": level, "confidential_kind": kind}


def _hides(row: Kept, level: str) -> bool:
    return level == Sensitivity.RESTRICTED != row.sensitivity


def forget_answers(row: Kept) -> None:
    """What was answered about the row when it was kept otherwise is not replayed any more."""
    IdempotencyKey.objects.filter(object_id=row.pk).delete()
