"""Messages that did not arrive, and the others: what staff look through and act on."""

from typing import Any

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic.api.fields import UUID_TEXT
from clinic.backoffice import Page
from clinic.errors import Conflict
from clinic.security import trail
from clinic.security.permissions import Permission
from scheduling.messages import overseeing
from scheduling.models import Message

A_PAGE = 50
Status = Message.Status
# What is shown, by the address's `status`; without one those that somebody must see to.
SHOWN = {
    "": _("To see to"),
    Status.WAITING.value: _("Waiting"),
    Status.SENT.value: _("Sent"),
    Status.DROPPED.value: _("No longer needed"),
}
TONES = {Status.SENT: "ok", Status.FAILED: "danger", Status.SENDING: "info"}


class MessagesPage(Page):
    """The messages about visits, by what became of them. What failed can be tried again, or done by
    phone."""

    required = Permission.APPOINTMENT_BOOK
    title = _("Messages")
    template_name = "admin/scheduling/messages.html"

    def get_context_data(self, **kwargs) -> dict[str, Any]:
        user, status = self.request.user, self.request.GET.get("status", "")
        if status not in SHOWN:
            raise Http404
        rows = overseeing.failed(user)
        if status:
            rows = overseeing.messages(user).filter(status=status).order_by("-due_at")
        rows = rows.select_related("patient", "user", "appointment", "offer")
        page = Paginator(rows, A_PAGE).get_page(self.request.GET.get("page"))
        page.object_list = list(page.object_list)
        seen = [(row.pk, row.patient_id) for row in page.object_list]
        if seen:
            trail.read("scheduling.message", seen, how="list")
        return super().get_context_data(
            page=page,
            rows=[row_of(row) for row in page.object_list],
            tabs=[
                (label, f"?status={name}" if name else "?", name == status)
                for name, label in SHOWN.items()
            ],
            is_failed=not status,
            **kwargs,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        message = self.chosen(request.POST.get("message", ""))
        try:
            if "again" in request.POST:
                overseeing.try_again(message=message, by=request.user)
                notes.success(request, gettext("The message will go out again within a minute."))
            else:
                overseeing.done_by_phone(message=message, by=request.user)
                notes.success(request, gettext("The message is noted as done by phone."))
        except Conflict as conflict:
            notes.warning(request, conflict.message)
        return redirect(reverse("admin:messages"))

    def chosen(self, wanted: str) -> Message:
        rows = overseeing.messages(self.request.user)
        found = rows.filter(pk=wanted).first() if UUID_TEXT.fullmatch(wanted) else None
        if found is None:
            raise Http404
        return found


def row_of(message: Message) -> dict[str, Any]:
    """A message as the pages show it."""
    about = message.appointment or message.offer
    return {
        "message": message,
        "who": message.patient.full_name,
        "to": message.user.get_full_name() if message.user else message.patient.full_name,
        "starts": about.start_datetime if about else None,
        "href": reverse("admin:visit", args=[message.appointment_id])
        if message.appointment_id
        else "",
        "at": message.sent_at or message.due_at,
        "tone": TONES.get(Status(message.status), ""),
    }


def failures(request: HttpRequest) -> str:
    """How many messages wait for somebody, as the sidebar shows it: nothing where none does."""
    return str(overseeing.failed(request.user).count() or "")
