"""Who looked at the record."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic import charts
from clinic.models import LogEntry
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from clinic.security.tenancy import Purpose
from clinic.templatetags.written import day_month
from patients import looks
from patients.looks import Week
from patients.portal.person import PersonPage

LOOKS_A_PAGE = 12
WEEKS = 6
LATELY = 4  # weeks in which an emergency look is pointed out


class WhoLooked(PersonPage):
    """The looks at the record, newest first, and how many there were each week.

    One's own are left out unless asked for: they are many, and nobody wonders about them.
    """

    permission = Permission.ACCESS_LOG_VIEW
    needs = (Category.ACCESS_LOG,)

    def get(self, request: HttpRequest) -> HttpResponse:
        own = "own" in request.GET
        rows = looks.looks_at(self.patient, request.user, own=own)
        page = Paginator(rows, LOOKS_A_PAGE).get_page(request.GET.get("page"))
        page.object_list = looks.in_words(list(page.object_list), self.patient, request.user)
        weeks = looks.by_week(self.patient, request.user, weeks=WEEKS, own=own)
        trail.read(LogEntry._meta.label_lower, [(self.patient.pk, self.patient.pk)], how="list")
        return self.page(
            "portal/access.html",
            {
                "looks": page,
                "own": own,
                "chart": chart_of(weeks, own=own),
                "takeaway": takeaway_of(weeks),
                "emergencies": sum(week.of([Purpose.EMERGENCY]) for week in weeks[-LATELY:]),
            },
        )


def chart_of(weeks: list[Week], *, own: bool) -> charts.BarChart:
    """Looks by the care team, the family and oneself; emergencies are counted below the axis."""
    kinds = {_("Care team"): looks.CARE, _("Family"): (Purpose.FAMILY,)}
    if own or any(week.of([Purpose.OWN]) for week in weeks):
        kinds[_("Own record")] = (Purpose.OWN,)
    labels = {week.start: day_month(week.start) for week in weeks}
    rows = [(labels[w.start], [w.of(purposes) for purposes in kinds.values()]) for w in weeks]
    urgent = {labels[w.start]: n for w in weeks if (n := w.of([Purpose.EMERGENCY]))}
    name = _("Emergency") if urgent else ""
    return charts.bar_chart(rows, list(kinds), notes=urgent, note_name=name)


def takeaway_of(weeks: list[Week]) -> str:
    """“15 looks since 12 Oct. Most were by the care team.”, of the weeks in the chart."""
    total = sum(sum(week.counts.values()) for week in weeks)
    care = sum(week.of(looks.CARE) for week in weeks)
    count = ngettext("%(count)d look since %(day)s.", "%(count)d looks since %(day)s.", total)
    count %= {"count": total, "day": day_month(weeks[0].start)}
    if total and care * 2 > total:
        return f"{count} {_('Most were by the care team.')}"
    return count
