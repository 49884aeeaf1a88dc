"""The notices of who works here."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from clinic import notices
from clinic.backoffice import Page
from clinic.security.permissions import Permission


class NoticesPage(Page):
    """A person's own notices in the clinic acted in."""

    required = Permission.ACCOUNT_USE
    title = _("Notices")
    template_name = "admin/clinic/notices.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**notices.listed(self.request), **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        return notices.answer(request, page="admin:notices")
