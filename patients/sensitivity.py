"""How carefully pieces of a chart are kept: checked where they are written, and marked anew."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid, invalid
from clinic.security import tenancy
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
    those whom she does not know of. Who keeps it less carefully opens it to others for good: that
    is for its author, for who decides for the patient, and in the clinic for who was given what it
    needs. What is open for an emergency counts for neither. Raises `Invalid`.
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
        kind = ""
    elif kind not in CONFIDENTIAL_KINDS:
        raise invalid("confidential_kind", _("Say as what it is confidential."))
    before = _needed(row.sensitivity, row.confidential_kind, category)
    after = _needed(level, kind, category)
    if before != after and not author:
        _require(before, after, patient=patient, by=by)
    content |= {"sensitivity": level, "confidential_kind": kind}


def _needed(level: str, kind: str, category: Category) -> Category | None:
    """What must be granted of a patient to see what is kept so, besides what a role reads."""
    if kind:
        return Category(kind)
    return category if level == Sensitivity.RESTRICTED else None


def _require(before: Category | None, after: Category | None, *, patient: Patient, by) -> None:
    held = access.granted(by, patient, under_glass=False)
    if before:
        actor = tenancy.current()
        if patient.pk not in actor.stewarded and (actor.is_portal or before not in held):
            raise invalid("sensitivity", _("You cannot open this to others."))
    if after is None or after in held:
        return
    if after in CONFIDENTIAL_KINDS:
        message = _("You need a permission for this kind of content of the patient.")
        raise Invalid(message, fields={"confidential_kind": [message]})
    raise invalid("sensitivity", _("Only who treats the patient restricts it."))
