"""How carefully a piece of a chart is kept, as forms ask it: one question for level and kind."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.errors import Invalid
from clinic.security.permissions import CONFIDENTIAL_KINDS, Category, Sensitivity
from patients.models import Kept
from patients.sensitivity import FIELDS

PREFIX = "confidential:"
LEVELS = (
    (Sensitivity.INTERNAL.value, _("As usual: whoever reads the chart")),
    (Sensitivity.RESTRICTED.value, _("Restricted: only who treats the patient")),
    (Sensitivity.PUBLIC.value, _("Public: it may be shown to anybody")),
)


def choices(kinds: Collection[Category] = CONFIDENTIAL_KINDS) -> list[tuple[Any, Any]]:
    """What can be chosen, where these kinds of confidential content can be."""
    confidential = [(f"{PREFIX}{k.value}", k.label) for k in CONFIDENTIAL_KINDS if k in kinds]
    group = [(_("Confidential: only with a permission of its own"), confidential)]
    return [*LEVELS, *(group if confidential else [])]


def kept_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("How is it kept?"),
        choices=choices(),
        initial=Sensitivity.INTERNAL.value,
        required=False,
    )


def chosen(value: str) -> dict[str, str]:
    """The answer as the verbs take it. Without one what is new is kept as usual, and what is there
    as it was."""
    if not value:
        return {}
    if value.startswith(PREFIX):
        kind = value.removeprefix(PREFIX)
        return {"sensitivity": Sensitivity.CONFIDENTIAL.value, "confidential_kind": kind}
    return {"sensitivity": value, "confidential_kind": ""}


def value_of(row: Kept) -> str:
    """How a row is kept, as the field shows it."""
    return PREFIX + row.confidential_kind if row.is_confidential else row.sensitivity


@contextmanager
def asked() -> Iterator[None]:
    """What a verb says of level or kind stands at the one question of the form."""
    try:
        yield
    except Invalid as wrong:
        texts = [text for name in FIELDS for text in wrong.fields.get(name, [])]
        if not texts:
            raise
        raise Invalid(texts[0], fields={"kept": texts[:1]}) from wrong
