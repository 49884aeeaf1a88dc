"""Who looked at the record."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from clinic import charts
from clinic.errors import Refused
from clinic.forms import add_refusal
from clinic.models import LogEntry
from clinic.security import trail
from clinic.security.permissions import Category, Permission
from clinic.security.tenancy import Purpose
from clinic.templatetags.written import day_month
from patients import looks, questions
from patients.looks import Week
from patients.portal.person import PersonPage

LOOKS_A_PAGE = 12
MOST_ASKED = 100
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
        asked = list(questions.visible_to(request.user).filter(patient=self.patient)[:MOST_ASKED])
        by_look = {one.look: one for one in reversed(asked)}
        weeks = looks.by_week(self.patient, request.user, weeks=WEEKS, own=own)
        trail.read(LogEntry._meta.label_lower, [(self.patient.pk, self.patient.pk)], how="list")
        return self.page(
            "portal/access.html",
            {
                "looks": page,
                "rows": [(look, by_look.get(look.look)) for look in page.object_list],
                "questions": asked,
                "own": own,
                "chart": chart_of(weeks, own=own),
                "takeaway": takeaway_of(weeks),
                "emergencies": sum(week.of([Purpose.EMERGENCY]) for week in weeks[-LATELY:]),
            },
        )


class QuestionForm(forms.Form):
    """What is asked of the clinic about a look."""

    question = forms.CharField(
        label=gettext_lazy("Your question"),
        help_text=gettext_lazy("Somebody of the clinic reads it and answers here."),
        max_length=questions.LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class AskAboutLook(PersonPage):
    """Ask the clinic about one look."""

    permission = Permission.ACCESS_LOG_VIEW
    needs = (Category.ACCESS_LOG,)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(self.look(request.GET.get("look", "")), QuestionForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        look, form = self.look(request.POST.get("look", "")), QuestionForm(request.POST)
        if form.is_valid():
            try:
                questions.ask(
                    patient=self.patient,
                    look=look.look,
                    question=form.cleaned_data["question"],
                    by=request.user,
                )
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(request, _("Your question is with the clinic."))
                return redirect("portal:access")
        return self.show(look, form, status=400)

    def look(self, name: str) -> looks.Look:
        row = looks.looks_at(self.patient, self.request.user, own=False).filter(look=name).first()
        if not name or row is None:
            raise Http404
        [told] = looks.in_words([row], self.patient, self.request.user)
        return told

    def show(self, look: looks.Look, form: QuestionForm, status: int = 200) -> HttpResponse:
        return self.page("portal/ask_about_look.html", {"look": look, "form": form}, status=status)


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
        most = _("Most were by the care team.")  # in an f-string it would not reach the catalogues
        return f"{count} {most}"
    return count
