"""The audit trail, explored: who did what to whom, when, and what needs a look."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic import charts
from clinic.backoffice import Page
from clinic.backoffice.fields import day_field
from clinic.models import LogEntry
from clinic.security import trail
from clinic.security.permissions import Permission
from clinic.templatetags.written import day_month, recent_moment, short_weekdays, weekday
from compliance import registry, review, wording
from compliance.review import Search

A_PAGE = 100
USUAL_DAYS = 7
MOST_DAYS = 31
FLAGS = {
    "refused": gettext_lazy("Refused"),
    "login": gettext_lazy("Signed in"),
    "login_failed": gettext_lazy("Could not sign in"),
    "logout": gettext_lazy("Signed out"),
    "new_address": gettext_lazy("Letter to a new address"),
    "another_address": gettext_lazy("Taken up with another address"),
    "colleague": gettext_lazy("Colleague in the portal"),
    "seal_broken": gettext_lazy("Broken seal"),
    "break_glass": gettext_lazy("Emergency access"),
    "break_glass_refused": gettext_lazy("Refused emergency access"),
    "revoked": gettext_lazy("Revoked token"),
    "totp_added": gettext_lazy("Set up the second step"),
    "totp_removed": gettext_lazy("Turned off the second step"),
    "recovery_codes_added": gettext_lazy("Made new recovery codes"),
    "recovery_codes_removed": gettext_lazy("Recovery codes ended"),
}


class TrailForm(forms.Form):
    """What to look for. `from` and `to` are days of the clinic's calendar."""

    who = forms.CharField(label=gettext_lazy("Person’s e-mail"), required=False, max_length=200)
    patient = forms.CharField(label=gettext_lazy("Patient"), required=False, max_length=50)
    action = forms.ChoiceField(
        label=gettext_lazy("What they did"),
        required=False,
        choices=[
            ("", gettext_lazy("Anything")),
            (str(review.Action.ACCESS), gettext_lazy("Read")),
            (str(review.Action.CREATE), gettext_lazy("Added")),
            (str(review.Action.UPDATE), gettext_lazy("Changed")),
            (str(review.Action.DELETE), gettext_lazy("Took away")),
            (review.REFUSED, gettext_lazy("Was refused")),
            (review.TO_REVIEW, gettext_lazy("To review")),
        ],
    )
    resource = forms.ChoiceField(label=gettext_lazy("To what"), required=False)
    flag = forms.ChoiceField(
        label=gettext_lazy("Flag"), required=False,
        choices=[("", gettext_lazy("Any")), *FLAGS.items()],
    )  # fmt: skip

    request = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        nouns = [(name, wording.noun(name, plural=True)) for name in registry.audited()]
        nouns.sort(key=lambda pair: pair[1])
        self.fields["resource"].choices = [("", _("Anything")), *nouns]
        for name, label in (("from", _("From")), ("to", _("To"))):
            self.fields[name] = day_field(label, required=False)

    def clean(self):
        cleaned = super().clean()
        start, end = cleaned.get("from"), cleaned.get("to")
        if start and end and not timedelta(0) <= end - start < timedelta(days=MOST_DAYS):
            self.add_error("to", _("Choose at most %(days)d days, the first one first.") % {
                "days": MOST_DAYS})  # fmt: skip
        return cleaned

    def search(self) -> Search:
        """What was asked for; without days, the last week up to the day named, or today."""
        said = self.cleaned_data if self.is_valid() else {}
        usual = timedelta(days=USUAL_DAYS - 1)
        today = timezone.localdate()
        end = said.get("to") or (min(said["from"] + usual, today) if said.get("from") else today)
        start = said.get("from") or end - usual
        words = {name: said.get(name, "").strip() for name in
                 ("who", "patient", "action", "resource", "flag", "request")}  # fmt: skip
        return Search(start=start, end=max(start, end), **words)


class TrailPage(Page):
    """Entries by the filter, with what to look at first. Reading the trail is on the trail."""

    required = Permission.TRAIL_VIEW
    title = gettext_lazy("Audit trail")
    template_name = "admin/clinic/trail.html"

    @cached_property
    def search(self) -> Search:
        return self.form.search()

    @cached_property
    def form(self) -> TrailForm:
        """The filter as it was sent; days that were left open are filled in."""
        said = {name: self.request.GET.get(name, "") for name in TrailForm().fields}
        search = TrailForm(said).search()
        said["from"] = said["from"] or search.start.isoformat()
        said["to"] = said["to"] or search.end.isoformat()
        return TrailForm(said)

    def get_context_data(self, **kwargs):
        rows = review.entries(self.search)
        page = Paginator(rows, A_PAGE).get_page(self.request.GET.get("page"))
        page.object_list = wording.lines(page.object_list, together=not self.search.request)
        trail.note("clinic.logentry", details={"how": "list", "page": page.number})
        days = review.by_day(rows, self.search.days)
        return super().get_context_data(
            form=self.form,
            entries=page,
            figures=self.figures(rows),
            chart=activity(days),
            takeaway=takeaway(days),
            heat=opened(rows),
            top=top(rows),
            **kwargs,
        )

    def figures(self, rows: QuerySet[LogEntry]) -> list[dict[str, Any]]:
        counts = review.totals(rows)
        links, sealed_at = review.last_sealed()
        when = recent_moment(timezone.localtime(sealed_at)) if sealed_at else ""
        sealed = _("Last sealed: %(when)s") % {"when": when}
        return [
            {"label": _("Looks and changes"), "value": counts["all"], "note": self.period()},
            _figure(_("Refused"), counts["refused"], _("Not allowed"), "warn"),
            _figure(_("To review"), counts["review"], _("Look at these"), "warn"),
            {
                "label": _("Sealed entries"),
                "value": links,
                "note": sealed if sealed_at else _("Not sealed yet"),
            },
        ]

    def period(self) -> str:
        return _("%(start)s to %(end)s") % {
            "start": day_month(self.search.start), "end": day_month(self.search.end)
        }  # fmt: skip


def activity(days: list[tuple[date, int, int, int]]) -> charts.BarChart:
    """Readings and changes of each day, refusals as marks below."""
    label = day_month if len(days) > 7 else weekday
    rows = [(label(day), [reads, changes]) for day, reads, changes, _refused in days]
    notes = {label(day): refused for day, _reads, _changes, refused in days if refused}
    return charts.bar_chart(
        rows, [_("Looks"), _("Changes")], notes=notes, note_name=_("Refused") if notes else ""
    )


def takeaway(days: list[tuple[date, int, int, int]]) -> str:
    day, reads, changes, _refused = max(days, key=lambda one: one[1] + one[2])
    if not reads + changes:
        return _("Nothing happened in these days.")
    return _("The busiest day was %(day)s, with %(count)d looks and changes.") % {
        "day": day_month(day), "count": reads + changes,
    }  # fmt: skip


def opened(rows: QuerySet[LogEntry]) -> charts.HeatMap:
    starts = review.HOUR_STARTS
    parts = [f"{a}–{b}" for a, b in zip(starts, (*starts[1:], 24), strict=True)]
    week = zip(short_weekdays(), review.by_hour(rows), strict=True)
    return charts.heat_map(parts, list(week))


def top(rows: QuerySet[LogEntry]) -> list[dict[str, Any]]:
    counts = review.busiest(rows)
    names, most = wording.people_named(counts), max(counts.values(), default=1)
    return [
        {"name": names.get(pk, _("A person who is gone")), "count": count,
         "percent": round(100 * count / most)}
        for pk, count in counts.most_common()
    ]  # fmt: skip


def _figure(label: str, value: int, note: str, tone: str) -> dict[str, Any]:
    return {
        "label": label, "value": value,
        "note": note if value else _("None"), "tone": tone if value else "ok",
    }  # fmt: skip
