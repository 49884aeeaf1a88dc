"""The day by specialist."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic import charts
from clinic.backoffice import Page
from clinic.models import Specialist
from clinic.security import trail
from clinic.security.permissions import Permission
from scheduling import availability, calendar
from scheduling.models import Appointment

Status = Appointment.Status


def day_in(text: str | None) -> date | None:
    """The date that an address names, like 2026-11-24; None for anything else."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 1900 < found.year < 2200 else None


def day_address(day: date) -> str:
    return f"{reverse('admin:day')}?{urlencode({'day': day.isoformat()})}"


def note_seen(visits: Iterable[Appointment], how: str = "list") -> None:
    """A visit names its patient, so that showing it is a reading."""
    trail.read("scheduling.appointment", [(v.pk, v.patient_id) for v in visits], how=how)


class DayPage(Page):
    """The visits of a day, a column for each specialist who works or is seen."""

    required = Permission.CALENDAR_VIEW
    title = _("Day calendar")
    template_name = "admin/scheduling/day.html"

    def get_context_data(self, **kwargs):
        today = timezone.localdate()
        day = day_in(self.request.GET.get("day")) or today
        visits = list(calendar.day(self.request.user, day))
        note_seen(visits)
        standing = [visit for visit in visits if visit.status != Status.CANCELED]
        return super().get_context_data(
            day=day,
            is_today=day == today,
            before=day_address(day - timedelta(days=1)),
            after=day_address(day + timedelta(days=1)),
            today_href=reverse("admin:day"),
            calendar=charts.day_calendar(columns(day, visits)),
            total=len(standing),
            attention=sum(visit.status == Status.PENDING for visit in standing),
            **kwargs,
        )


def columns(day: date, visits: list[Appointment]) -> list[charts.Column]:
    """Who works on the day or has a visit, by name."""
    known = {specialist.pk: specialist for specialist in calendar.specialists()}
    known |= {visit.specialist_id: visit.specialist for visit in visits}
    hours = calendar.hours_by_specialist(known.values())
    found = []
    for specialist in known.values():
        works = [(h.start, h.end) for h in availability.hours_on(day, hours[specialist.pk])]
        theirs = [shown(v, day) for v in visits if v.specialist_id == specialist.pk]
        if works or theirs:
            found.append(charts.Column(who=specialist, visits=theirs, hours=works))
    return sorted(found, key=_by_name)


def shown(visit: Appointment, day: date) -> charts.Visit:
    """A visit on the clinic's clock; one that began the day before is shown from midnight."""
    start, end = (timezone.localtime(t) for t in (visit.start_datetime, visit.end_datetime))
    if start.date() < day:
        start = datetime.combine(day, datetime.min.time(), start.tzinfo)
    return charts.Visit(start=start.time(), end=end.time(), what=visit)


def _by_name(column: charts.Column) -> str:
    specialist: Specialist = column.who
    return specialist.display_name.casefold()
