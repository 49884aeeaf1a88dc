"""What forms of all surfaces share."""

from django.forms import BaseForm

from clinic.errors import Refused


def add_refusal(form: BaseForm, refused: Refused) -> None:
    """Show on the form what a verb refused: beside the fields it names, or above them all."""
    known = {name: texts for name, texts in refused.fields.items() if name in form.fields}
    for name, texts in known.items():
        for text in texts:
            form.add_error(name, text)
    if not known:
        form.add_error(None, refused.message)
