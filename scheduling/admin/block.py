"""One stretch of weekly hours with all that it says: changed or taken back on one date, from a date
on, or altogether."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.functional import cached_property
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from clinic import specialists
from clinic.backoffice import FormPage
from clinic.backoffice.fields import clock_field, day_field
from clinic.errors import Invalid
from clinic.models import Specialist
from clinic.security.permissions import Permission
from scheduling import calendar, hours
from scheduling.hours import Scope
from scheduling.models import AvailabilityBlock

SAID = (
    "day_of_week", "start_time", "end_time", "room", "location", "slot_minutes", "buffer_minutes",
    "valid_from", "valid_until",
)  # fmt: skip


class BlockForm(forms.Form):
    """What hours say; with `scope` and `on`, which of those that come every week are meant."""

    day_of_week = forms.TypedChoiceField(
        label=_("Day"), coerce=int,
        choices=[(day + 1, name) for day, name in WEEKDAYS.items()],
    )  # fmt: skip
    start_time = clock_field(pgettext_lazy("time", "From"))
    end_time = clock_field(pgettext_lazy("time", "Until"))
    room = forms.ChoiceField(label=_("Room"), required=False)
    location = forms.CharField(label=_("Place"), required=False, max_length=100)
    kinds = forms.MultipleChoiceField(
        label=_("Kinds of visits"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all."),
    )  # fmt: skip
    slot_minutes = forms.IntegerField(
        label=_("A visit begins every so many minutes"), required=False,
        help_text=_("Empty: as long as the visit takes."),
    )  # fmt: skip
    buffer_minutes = forms.IntegerField(label=_("Minutes kept free between visits"), initial=0)
    valid_from = day_field(_("Valid from"), required=False)
    valid_until = day_field(_("Valid until"), required=False)
    scope = forms.ChoiceField(
        label=_("Which of these hours?"), choices=Scope.choices, initial=Scope.ALL,
        widget=forms.RadioSelect,
    )  # fmt: skip
    on = day_field(_("The date that is meant"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, rooms, kinds, is_new: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.rooms = {str(one.pk): one for one in rooms}
        self.fields["room"].choices = [("", _("None")), *((one.pk, one.name) for one in rooms)]
        self.fields["kinds"].choices = [(one.pk, one.name) for one in kinds]
        if is_new:
            for name in ("scope", "on", "version"):
                del self.fields[name]

    def hours(self) -> dict[str, Any]:
        said = {name: self.cleaned_data[name] for name in SAID}
        return said | {"room": self.rooms.get(said["room"])}


class BlockPage(FormPage):
    """Change or take back hours; without a block, add some."""

    required = Permission.AVAILABILITY_MANAGE
    title = _("Hours")
    template_name = "admin/scheduling/block.html"
    form_class = BlockForm

    @cached_property
    def specialist(self) -> Specialist:
        found = specialists.known().filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        hours.require_setting(found)
        return found

    @cached_property
    def block(self) -> AvailabilityBlock | None:
        if "block_id" not in self.kwargs:
            return None
        rows = hours.blocks().filter(specialist=self.specialist, exception_date=None)
        block = rows.filter(pk=self.kwargs["block_id"]).first()
        if block is None:
            raise Http404
        return block

    def form_arguments(self) -> dict[str, Any]:
        block, initial = self.block, {}
        if block:
            initial = {name: getattr(block, name) for name in SAID if name != "room"}
            initial |= {"room": block.room_id, "version": block.version}
            initial["kinds"] = [one.appointment_type_id for one in block.kinds.all()]
        return {
            "initial": initial, "rooms": list(calendar.rooms()), "kinds": list(calendar.types()),
            "is_new": block is None,
        }  # fmt: skip

    def get_context_data(self, **kwargs):
        return super().get_context_data(specialist=self.specialist, stretch=self.block, **kwargs)

    def carry_out(self, form: BlockForm) -> None:
        said, user = form.cleaned_data, self.request.user
        try:
            if self.block is None:
                hours.set_hours(
                    specialist=self.specialist, appointment_types=said["kinds"], by=user,
                    **form.hours(),
                )  # fmt: skip
            elif "remove" in self.request.POST:
                hours.remove(block=self.block, by=user, **which(said))
            else:
                changed = {n: v for n, v in form.hours().items() if n != "day_of_week"}
                if said["scope"] != Scope.ALL:
                    changed = {n: v for n, v in changed.items() if not n.startswith("valid")}
                hours.change(
                    block=self.block, appointment_types=said["kinds"], by=user, **which(said),
                    **(changed | day_of(said, self.block)),
                )  # fmt: skip
        except Invalid as wrong:
            named = {ASKED.get(name, name): texts for name, texts in wrong.fields.items()}
            raise Invalid(wrong.message, fields=named) from wrong
        messages.success(self.request, gettext("The hours are saved."))

    def done(self) -> str:
        return reverse("admin:hours", args=[self.specialist.pk])


ASKED = {"appointment_types": "kinds", "start_fold": "start_time", "end_fold": "end_time"}


def which(said: dict[str, Any]) -> dict[str, Any]:
    return {"scope": Scope(said["scope"]), "on": said["on"], "version": said["version"]}


def day_of(said: dict[str, Any], block: AvailabilityBlock) -> dict[str, Any]:
    """Hours are moved to another day of the week only all together."""
    if said["day_of_week"] == block.day_of_week:
        return {}
    if said["scope"] != Scope.ALL:
        raise Invalid(
            _("Some details need to be corrected."),
            fields={"day_of_week": [_("Choose “All” to move these hours to another day.")]},
        )
    return {"day_of_week": said["day_of_week"]}
