"""The notices of a patient or a relative: a person's own, whoever's record is shown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic import notices
from clinic.security.permissions import Permission
from patients.portal.person import PersonPage, people_of


class Notices(PersonPage):
    """All notices; also for whom no record is open any more, which may be what a notice says."""

    permission = Permission.ACCOUNT_USE

    def answer(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if people_of(request.user):
            return super().answer(request, *args, **kwargs)
        return super(PersonPage, self).answer(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        context = notices.listed(request)
        if not hasattr(self, "portal"):
            context["facility"] = self.facility
            return render(request, "portal/notices_alone.html", context)
        return self.page("portal/notices.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        return notices.answer(request, page="portal:notices")
