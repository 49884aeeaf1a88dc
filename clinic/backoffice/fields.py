"""Days and times as the clinic types them: 24 hours, whatever the browser's language is."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

CLOCK_FORMATS = ["%H:%M", "%H.%M", "%H%M", "%H"]


def day_field(label: Any, **options: Any) -> forms.DateField:
    """A day, picked in the browser's own calendar."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, **options)


def clock_field(label: Any, *, css: str = "", **options: Any) -> forms.TimeField:
    """A time of the day, typed: a browser's own field would show 12 hours where it likes."""
    attrs = {"inputmode": "numeric", "maxlength": 5, "autocomplete": "off", "size": 5}
    widget = forms.TimeInput(attrs=attrs | ({"class": css} if css else {}), format="%H:%M")
    messages = {"invalid": _("Enter a time with 24 hours, like 09:30 or 14:00.")}
    return forms.TimeField(
        label=label, widget=widget, input_formats=CLOCK_FORMATS, error_messages=messages, **options
    )
