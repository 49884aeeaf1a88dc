"""How many patients miss their visits and how much of the hours is used, as pictures."""

from collections.abc import Mapping
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from clinic import charts
from clinic.backoffice import Page, facility_of
from clinic.security.permissions import Permission
from scheduling import calendar, figures
from scheduling.figures import RANGES, Figure, Figures

USUAL = 12
FEW = 5  # visits: of fewer no share is pointed out


class FiguresPage(Page):
    """The figures of 4, 12 or 52 weeks."""

    required = Permission.CALENDAR_VIEW
    title = _("Missed visits and use")
    template_name = "admin/scheduling/figures.html"

    @cached_property
    def weeks(self) -> int:
        asked = self.request.GET.get("weeks", "")
        return int(asked) if asked in {str(number) for number in RANGES} else USUAL

    def get_context_data(self, **kwargs):
        zone = facility_of(self.request).zone
        found = figures.of_weeks(self.request.user, self.weeks, zone=zone)
        people = {one.pk: one.display_name for one in calendar.specialists()}
        kinds = {kind.pk: kind.name for kind in calendar.types()}
        other = gettext("No longer here")
        by_name = {people.get(pk, other): one for pk, one in found.by_specialist.items()}
        by_kind = {kinds.get(pk, other): one for pk, one in found.by_kind.items()}
        return super().get_context_data(
            found=found,
            weeks=self.weeks,
            ranges=RANGES,
            takeaway=takeaway(found),
            missed=[
                (_("Missed, by specialist"), "who-missed", missed(by_name), most_missed(by_name),
                 _("Specialist")),
                (_("Missed, by kind of visit"), "what-missed", missed(by_kind),
                 most_missed(by_kind), _("Kind of visit")),
            ],
            used=charts.row_chart(
                [(name, one.use, hours_told(one)) for name, one in sorted(by_name.items())]
            ),
            use_takeaway=least_used(by_name),
            missed_hours=hours_map(found, lambda one: round(100 * (one.missed_share or 0))),
            used_hours=hours_map(found, lambda one: round(100 * (one.use or 0))),
            **kwargs,
        )  # fmt: skip


def missed(named: Mapping[str, Figure]) -> charts.RowChart:
    return charts.row_chart([
        (name, one.missed_share, gettext("%(missed)d of %(due)d") % {
            "missed": one.missed, "due": one.due,
        })
        for name, one in sorted(named.items()) if one.due
    ])  # fmt: skip


def hours_told(one: Figure) -> str:
    said = {"booked": round(one.booked_minutes / 60), "offered": round(one.offered_minutes / 60)}
    return gettext("%(booked)d of %(offered)d hours") % said


def hours_map(found: Figures, measure) -> charts.HeatMap | None:
    """The measure in percent by day of the week and hour, for the hours in which anything is."""
    if not found.by_hour:
        return None
    first = min(hour for _day, hour in found.by_hour)
    last = max(hour for _day, hour in found.by_hour)
    hours = range(first, last + 1)
    rows = [
        (str(WEEKDAYS[day - 1]),
         [measure(found.by_hour.get((day, hour), Figure())) for hour in hours])
        for day in range(1, 8) if any((day, hour) in found.by_hour for hour in hours)
    ]  # fmt: skip
    return charts.heat_map([f"{hour}" for hour in hours], rows)


def percent(share: float) -> str:
    return f"{round(100 * share)} %"


def takeaway(found: Figures) -> str:
    one = found.all
    if not one.due:
        return gettext("No visit was due in this time.")
    said = {"missed": one.missed, "due": one.due, "share": percent(one.missed_share or 0)}
    return ngettext(
        "%(missed)d of %(due)d visit was missed: %(share)s.",
        "%(missed)d of %(due)d visits were missed: %(share)s.", one.due,
    ) % said  # fmt: skip


def most_missed(named: Mapping[str, Figure]) -> str:
    """Where most are missed, among those with enough visits to say so."""
    known = {name: one for name, one in named.items() if one.due >= FEW and one.missed}
    if not known:
        return gettext("Too few visits were missed to say where it is most.")
    name = max(known, key=lambda name: known[name].missed_share or 0)
    said: dict[str, Any] = {"name": name, "share": percent(known[name].missed_share or 0)}
    return gettext("Most are missed at “%(name)s”: %(share)s.") % said


def least_used(named: Mapping[str, Figure]) -> str:
    known = {name: one for name, one in named.items() if one.offered_minutes}
    if not known:
        return gettext("No hours were offered in this time.")
    name = min(known, key=lambda name: known[name].use or 0)
    said = {"name": name, "share": percent(known[name].use or 0)}
    return gettext("The most room is left with %(name)s: %(share)s of the hours are booked.") % said
