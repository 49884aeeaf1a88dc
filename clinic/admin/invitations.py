"""Inviting people to work here, and the invitations that nobody has taken up."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clinic import invitations
from clinic.admin.people import RoleForm
from clinic.backoffice import FormPage, Page
from clinic.errors import Refused
from clinic.models import Invitation
from clinic.security.permissions import Permission

MOST = 50


class InvitationForm(RoleForm):
    """Who comes to work here."""

    email = forms.EmailField(
        label=_("E-mail"), error_messages={"required": _("Enter the e-mail address.")}
    )
    first_name = forms.CharField(
        label=_("First name"),
        max_length=100,
        error_messages={"required": _("Enter the first name.")},
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=100,
        error_messages={"required": _("Enter the last name.")},
    )
    field_order = ["email", "first_name", "last_name", "role", "department"]


class InvitePage(FormPage):
    """Invite a person to work here; beside it, who has not come yet."""

    required = Permission.STAFF_MANAGE
    title = _("Invite a person")
    template_name = "admin/clinic/invite.html"
    form_class = InvitationForm

    def get_context_data(self, **kwargs):
        return super().get_context_data(pending=invitations.pending()[:MOST], **kwargs)

    def carry_out(self, form):
        invitations.invite(by=self.request.user, **form.cleaned_data)
        text = gettext("The invitation to %(email)s is on its way.")
        messages.success(self.request, text % {"email": form.cleaned_data["email"]})

    def done(self):
        return reverse("admin:invite")


class InvitationPage(Page):
    """One invitation that nobody has taken up: send its letter again, or withdraw it."""

    required = Permission.STAFF_MANAGE
    title = _("An invitation")
    template_name = "admin/clinic/invitation.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(invitation=self.invitation(kwargs["pk"]), **kwargs)

    def invitation(self, pk: UUID) -> Invitation:
        found = invitations.pending().filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        invitation = self.invitation(pk)
        try:
            if "withdraw" in request.POST:
                invitations.take_back(invitation=invitation, by=request.user)
                said = gettext("The invitation is withdrawn.")
            else:
                invitations.send_again(invitation=invitation, by=request.user)
                said = gettext("The letter is on its way again.")
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("admin:invitation", pk)
        messages.success(request, said)
        return redirect("admin:invite")
