"""A time that is kept for ten minutes: it is checked and booked, or given up. Sent twice it is
booked once."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Invalid
from clinic.forms import add_refusal
from clinic.security import idempotency
from clinic.security.idempotency import About
from clinic.security.permissions import Category, Permission
from clinic.templatetags.portal import portal_url
from clinic.templatetags.written import long_moment
from scheduling import booking, holds
from scheduling.models import Appointment, Hold
from scheduling.offers import Slot
from scheduling.portal import clocks
from scheduling.portal.visits import LONGEST_REASON, VisitsPage


class ReasonForm(forms.Form):
    """What the person wants to say before the visit."""

    reason = forms.CharField(
        label=_("What is it about?"),
        help_text=_("Your care team reads it before the visit. A few words are enough."),
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class KeptTime(VisitsPage):
    """Asks before the time that is kept becomes a visit's. A subclass says what becomes of it."""

    permission = Permission.APPOINTMENT_BOOK
    is_for_acting = True
    template = ""
    form_class: type[forms.Form] = forms.Form
    done = ""  # said when it is

    def get(self, request: HttpRequest, **address: UUID) -> HttpResponse:
        if visit := self.made_already():
            return redirect("portal:visit", visit)
        if self.held is None:
            return self.gone()
        return self.show(self.form_class())

    def post(self, request: HttpRequest, **address: UUID) -> HttpResponse:
        if visit := self.made_already():
            return redirect("portal:visit", visit)
        if self.held is None:
            return self.gone()
        if "release" in request.POST:
            holds.release(hold=self.held, by=request.user)
            return redirect(self.others())
        form = self.form_class(request.POST)
        if not form.is_valid() or self.has_ended():
            return self.show(form)
        try:
            visit = self.make(form)
        except Conflict as conflict:
            messages.warning(request, conflict.message)
            return redirect(self.others())
        except Invalid as invalid:
            add_refusal(form, invalid)
            return self.show(form)
        about = About(
            Appointment._meta.label_lower, visit.pk, visit.patient_id, Category.APPOINTMENTS,
            clinical=False,
        )  # fmt: skip
        idempotency.finish(**self.once, status=302, answer=str(visit.pk), about=about)
        when = long_moment(timezone.localtime(visit.start_datetime))
        messages.success(request, self.done % {"when": when})
        return redirect("portal:visit", visit.pk)

    @cached_property
    def held(self) -> Hold | None:
        """What is kept by this person for this patient."""
        rows = holds.of_person(self.request.user).filter(patient=self.patient)
        named = rows.select_related("specialist__user", "appointment_type", "room")
        return named.filter(pk=self.kwargs["hold"]).first()

    @property
    def once(self) -> dict[str, Any]:
        """What names this form: of a time that is kept one visit becomes, however often it is
        sent."""
        return {"key": f"kept {self.kwargs['hold']}", "method": "POST", "path": "", "body": b""}

    def made_already(self) -> str:
        replay = idempotency.begin(**self.once)
        return replay.answer if replay else ""

    def has_ended(self) -> bool:
        return self.held.expires_at <= timezone.now()

    def gone(self) -> HttpResponse:
        return self.page("portal/book_gone.html", {"others": self.others()}, status=404)

    def others(self) -> str:
        """The address of the times that are free besides."""
        raise NotImplementedError

    def make(self, form: forms.Form) -> Appointment:
        raise NotImplementedError

    def show(self, form: forms.Form) -> HttpResponse:
        hold = self.held
        context = {
            "hold": hold,
            "type": hold.appointment_type,
            "slot": Slot(hold.specialist, hold.start_datetime, hold.end_datetime),
            "form": form,
            "others": self.others(),
            "clocks": clocks.differing(self.request.user, self.facility, hold.start_datetime),
        }
        if self.has_ended():
            return self.page("portal/book_ended.html", context, status=409)
        return self.page(self.template, context, status=400 if form.errors else 200)


class BookKept(KeptTime):
    """Check everything, say what it is about, and book."""

    template = "portal/book_confirm.html"
    form_class = ReasonForm
    done = _("Your visit is booked: %(when)s.")

    def others(self) -> str:
        if self.held is None:
            return portal_url("book")
        day = timezone.localtime(self.held.start_datetime).date()
        return portal_url("book", appointment_type=self.held.appointment_type_id, day=day)

    def make(self, form: ReasonForm) -> Appointment:
        return booking.book(
            patient=self.patient,
            specialist=self.held.specialist,
            appointment_type=self.held.appointment_type,
            start=self.held.start_datetime,
            reason=form.cleaned_data["reason"],
            hold=self.held,
            by=self.request.user,
        )


class MoveKept(KeptTime):
    """Check, and move the visit to the time that is kept."""

    template = "portal/visit_move_confirm.html"
    done = _("Your visit is moved: %(when)s.")

    @cached_property
    def moved(self) -> Appointment:
        return self.visit(self.kwargs["pk"])

    @cached_property
    def held(self) -> Hold | None:
        hold = super().held
        fits = hold and hold.appointment_type_id == self.moved.appointment_type_id
        return hold if fits else None

    def others(self) -> str:
        return portal_url("visit_move", self.moved.pk)

    def make(self, form: forms.Form) -> Appointment:
        return booking.reschedule(
            appointment=self.moved,
            start=self.held.start_datetime,
            specialist=self.held.specialist,
            hold=self.held,
            by=self.request.user,
        )

    def page(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        return super().page(template, {"appointment": self.moved} | context, status)
