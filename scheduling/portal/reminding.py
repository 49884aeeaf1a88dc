"""The form of a reminder, for phones: what is said in it is judged by the verbs."""

import re
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.templatetags.written import short_weekdays
from scheduling.medicines.clocks import Clock
from scheduling.models import MedicationReminder

Pattern = MedicationReminder.Pattern
# The portal sets no rules; who has one set elsewhere can change the rest of it.
OFFERED = (Pattern.TIMES, Pattern.HOURS, Pattern.AS_NEEDED)
CLOCK = re.compile(r"(\d{1,2})[:hH.](\d{2})", re.ASCII)


class Times(forms.CharField):
    """Times of the day in one line."""

    default_error_messages = {"time": _("Write times like 8:00, 20:00.")}

    def to_python(self, value) -> list[time]:
        found = []
        for text in re.split(r"[,;\s]+", (super().to_python(value) or "").strip()):
            match = CLOCK.fullmatch(text)
            if not text:
                continue
            if not match or int(match[1]) > 23 or int(match[2]) > 59:
                raise forms.ValidationError(self.error_messages["time"], code="time")
            found.append(time(int(match[1]), int(match[2])))
        return found

    def prepare_value(self, value) -> str:
        if isinstance(value, list):
            return ", ".join(f"{one:%H:%M}" for one in value)
        return value


class ReminderForm(forms.Form):
    """When a medicine is taken."""

    pattern = forms.ChoiceField(label=_("When do you take it?"), widget=forms.RadioSelect)
    times = Times(
        label=_("Times"), required=False, help_text=_("For example 8:00, 20:00."), max_length=300
    )
    days = forms.TypedMultipleChoiceField(
        label=_("On these days"), required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    every_hours = forms.IntegerField(
        label=_("Hours between two doses"), required=False, min_value=1, max_value=168,
        help_text=_("Only for “Every so many hours”."),
    )  # fmt: skip
    first_dose = Times(
        label=_("First dose at"), required=False, max_length=10,
        help_text=_("Only for “Every so many hours”. Without it: now."),
    )  # fmt: skip
    amount = forms.CharField(
        label=_("How much"), required=False, max_length=100, help_text=_("For example 1 tablet.")
    )
    meal = forms.ChoiceField(
        label=_("Meal"), required=False,
        choices=[("", _("It does not matter")), *MedicationReminder.Meal.choices],
    )  # fmt: skip
    last_day = forms.DateField(
        label=_("Last day"), required=False, help_text=_("Without it: until you stop it."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    sends_messages = forms.BooleanField(
        label=_("Send me a message when it is due"), required=False, initial=True
    )

    def __init__(self, *args, clock: Clock, reminder: MedicationReminder | None = None, **kwargs):
        self.clock, self.reminder = clock, reminder
        kwargs["initial"] = self.of(reminder)
        super().__init__(*args, **kwargs)
        offered = OFFERED
        if reminder and reminder.pattern not in OFFERED:
            offered = (Pattern(reminder.pattern),)
        self.fields["pattern"].choices = [(one.value, one.label) for one in offered]
        self.fields["days"].choices = list(enumerate(short_weekdays(), 1))

    @staticmethod
    def of(reminder: MedicationReminder | None) -> dict[str, Any]:
        if reminder is None:
            return {"pattern": Pattern.TIMES, "days": list(range(1, 8)), "sends_messages": True}
        names = (
            "pattern", "times", "days", "every_hours", "amount", "meal", "last_day",
            "sends_messages",
        )  # fmt: skip
        return {name: getattr(reminder, name) for name in names}

    def said(self) -> dict[str, Any]:
        """What a verb is told: no more than the pattern asks for."""
        said = dict(self.cleaned_data)
        first = said.pop("first_dose")
        if said["pattern"] == Pattern.HOURS and first:
            said["first_dose"] = self.next_at(first[0])
        if said["pattern"] != Pattern.TIMES:
            del said["days"]
        if said["pattern"] != Pattern.HOURS:
            said["every_hours"] = None
        return said

    def next_at(self, at: time) -> datetime:
        """The next time at which her clock shows it."""
        now = timezone.now()
        today = self.clock.shown(now).date()
        first = self.clock.first(datetime.combine(today, at))
        if first >= now - timedelta(minutes=1):
            return first
        return self.clock.first(datetime.combine(today + timedelta(days=1), at))

    def refuse(self, refused: Refused) -> None:
        add_refusal(self, refused)
