"""The notices of who works here."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from clinic import notices
from clinic.backoffice import Page, facilities_of
from clinic.models import Facility
from clinic.security.permissions import Permission


class NoticesPage(Page):
    """A person's own notices in the clinic acted in. A letter names the clinic of its notice; who
    works in another one just now is shown the way, because a link must not take her there."""

    required = Permission.ACCOUNT_USE
    title = _("Notices")
    template_name = "admin/clinic/notices.html"

    def get_context_data(self, **kwargs):
        listed = notices.listed(self.request)
        return super().get_context_data(elsewhere=self.elsewhere(), **listed, **kwargs)

    def elsewhere(self) -> Facility | None:
        """The other clinic of hers that the letter named."""
        named, here = self.request.GET.get("clinic"), self.request.actor.facility_id
        others = (clinic for clinic in facilities_of(self.request) if clinic.pk != here)
        return next((clinic for clinic in others if clinic.slug == named), None)

    def post(self, request: HttpRequest) -> HttpResponse:
        return notices.answer(request, page="admin:notices")
