"""The review of emergency accesses: what is due, and one of them with all that was looked at."""

from collections.abc import Iterable
from dataclasses import replace

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, Page
from clinic.errors import Missing
from clinic.security import tenancy, trail
from clinic.security.permissions import Permission
from clinic.security.tenancy import Purpose
from compliance import breakglass, wording
from compliance.models import EmergencyAccess

A_PAGE, MOST_LOOKS = 50, 200
DONE = "reviewed"


def note(rows: Iterable[EmergencyAccess], *, how: str) -> None:
    """Note the reading; it is done to run the clinic, and treats nobody."""
    with tenancy.acting(replace(tenancy.current(), purpose=Purpose.OPERATIONS)):
        seen = [(row.pk, row.patient_id) for row in rows]
        trail.read(EmergencyAccess._meta.label_lower, seen, how=how)


class QueuePage(Page):
    """Those that wait for a review, the one that is due first leading; or those that were."""

    required = Permission.EMERGENCY_REVIEW
    title = _("Emergency accesses")
    template_name = "admin/compliance/emergencies.html"

    def get_context_data(self, **kwargs):
        rows, is_done = breakglass.visible_to(self.request.user), self.is_done
        waiting = rows.to_review()
        shown = (
            rows.exclude(reviewed_at=None).order_by("-reviewed_at")
            if is_done
            else waiting.order_by("review_due_at", "pk")
        )
        page = Paginator(shown, A_PAGE).get_page(self.request.GET.get("page"))
        note(page.object_list, how="list")
        return super().get_context_data(
            emergencies=page,
            is_done=is_done,
            waiting=waiting.count(),
            late=rows.late().count(),
            **kwargs,
        )

    @property
    def is_done(self) -> bool:
        return self.request.GET.get("show") == DONE


class ReviewForm(forms.Form):
    """What the review found."""

    outcome = forms.ChoiceField(
        label=_("What did the review find?"),
        choices=EmergencyAccess.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what the review found.")},
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What was found, and what follows. Not needed where it was justified."),
    )


class ReviewPage(FormPage):
    """One emergency access: why, what was opened, each look under it, and the outcome."""

    required = Permission.EMERGENCY_REVIEW
    title = _("Review an emergency access")
    template_name = "admin/compliance/emergency_review.html"
    form_class = ReviewForm

    @cached_property
    def emergency(self) -> EmergencyAccess:
        rows = breakglass.visible_to(self.request.user)
        row = rows.filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise Missing(_("There is no such emergency access."))
        return row

    def carry_out(self, form):
        breakglass.review(emergency=self.emergency, by=self.request.user, **form.cleaned_data)

    def done(self):
        messages.success(self.request, gettext("The review is recorded."))
        return reverse("admin:emergencies")

    def get_context_data(self, **kwargs):
        row = self.emergency
        note([row], how="detail")
        looks = breakglass.seen_under(row)[: MOST_LOOKS + 1]
        return super().get_context_data(
            emergency=row,
            is_own=row.user_id == self.request.user.pk,
            looks=wording.lines(looks[:MOST_LOOKS], together=False),
            has_more_looks=len(looks) > MOST_LOOKS,
            **kwargs,
        )


pages = [
    ("emergencies/", QueuePage, "emergencies"),
    ("emergencies/<uuid:pk>/", ReviewPage, "emergency_review"),
]
