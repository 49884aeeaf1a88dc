"""Patients' questions about who looked: the queue, and answering one."""

from datetime import timedelta
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.backoffice import FormPage, Page
from clinic.security import trail
from clinic.security.permissions import Permission
from patients import questions
from patients.models import LookQuestion

A_PAGE = 25
LATE = timedelta(days=7)  # of waiting


class QuestionsPage(Page):
    """What waits for an answer, the oldest first, and what was answered."""

    required = Permission.LOOK_ANSWER
    title = _("Questions about looks")
    template_name = "admin/patients/questions.html"

    def get_context_data(self, **kwargs):
        user = self.request.user
        answered = questions.visible_to(user).filter(answered_at__isnull=False)
        page = Paginator(answered.order_by("-answered_at"), A_PAGE).get_page(
            self.request.GET.get("page")
        )
        page.object_list = list(page.object_list)
        waiting = list(questions.waiting(user))
        note([*waiting, *page.object_list])
        late = timezone.now() - LATE
        return super().get_context_data(
            waiting=[{"question": one, "late": one.created_at < late} for one in waiting],
            answered=page,
            **kwargs,
        )


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label=_("Your answer"),
        max_length=questions.LONGEST,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("In plain words. The patient reads it in the portal, with your name."),
        error_messages={"required": _("Write something first.")},
    )


class AnswerPage(FormPage):
    """One question, the look that it is about, and the answer."""

    required = Permission.LOOK_ANSWER
    title = _("A question about a look")
    template_name = "admin/patients/question.html"
    form_class = AnswerForm

    @cached_property
    def question(self) -> LookQuestion:
        found = questions.visible_to(self.request.user).filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found

    def get_context_data(self, **kwargs):
        note([self.question], "detail")
        return super().get_context_data(
            question=self.question,
            is_about_me=self.question.looker_id == self.request.user.pk,
            trail_url=self.trail_url(),
            **kwargs,
        )

    def trail_url(self) -> str:
        """The trail on the day of that look: the entries of its request or, where there was none,
        those about the patient."""
        asked = self.question
        day = timezone.localtime(asked.looked_at).date().isoformat()
        named = {"patient": asked.patient.mrn} if asked.look.isdigit() else {"request": asked.look}
        return f"{reverse('admin:trail')}?{urlencode(named | {'from': day, 'to': day})}"

    def carry_out(self, form):
        questions.answer(
            question=self.question, answer=form.cleaned_data["answer"], by=self.request.user
        )
        messages.success(self.request, gettext("The patient is told your answer."))

    def done(self) -> str:
        return reverse("admin:questions")


def note(rows: list[LookQuestion], how: str = "list") -> None:
    trail.read("patients.lookquestion", [(row.pk, row.patient_id) for row in rows], how=how)
