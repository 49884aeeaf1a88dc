"""Days and times as the clinic types them: 24 hours, whatever the browser's language is."""

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
CLOCK_FORMATS = ["%H:%M", "%H.%M", "%H", "%H%M"]  # "18" is six o’clock, not 1:08


def day_field(label: Any, **options: Any) -> forms.DateField:
    """A day, picked in the browser's own calendar, of the years that a clinic plans in."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    within = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
    return forms.DateField(label=label, widget=widget, validators=within, **options)


def clock_field(label: Any, *, css: str = "", **options: Any) -> forms.TimeField:
    """A time of the day, typed: a browser's own field would show 12 hours where it likes."""
    attrs = {"inputmode": "numeric", "maxlength": 5, "autocomplete": "off", "size": 5}
    widget = forms.TimeInput(attrs=attrs | ({"class": css} if css else {}), format="%H:%M")
    messages = {"invalid": _("Enter a time with 24 hours, like 09:30 or 14:00.")}
    return forms.TimeField(
        label=label, widget=widget, input_formats=CLOCK_FORMATS, error_messages=messages, **options
    )
