"""Bringing people into the clinic: there is no open sign-up. An invitation goes out by e-mail, and
who holds it takes up the role (`clinic.joining`)."""

from datetime import timedelta

from celery import current_app
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from clinic import staffing, words
from clinic.errors import Conflict, Invalid, Missing, invalid
from clinic.models import Invitation, User
from clinic.security import tenancy
from clinic.security.permissions import STAFF_ROLES, Role

LIFE = timedelta(days=7)
PAUSE = timedelta(minutes=1)  # between two letters of one invitation
MOST_A_DAY = 20  # of one patient or relative: nobody floods an address by our letters


@transaction.atomic
def invite(
    *,
    email: str,
    role: Role,
    first_name: str = "",
    last_name: str = "",
    department: str = "",
    by: User | None,
) -> Invitation:
    """Invite a person to work here. Whether somebody had an account before, in whatever clinic, is
    not told. Without `by` a command invites a new clinic's first person. Raises `Invalid` naming
    the field."""
    if by is not None:
        staffing.require_manager(by)
    if role not in STAFF_ROLES:
        raise invalid("role", _("Choose a role of the clinic's staff."))
    if not words.shown(first_name) or not words.shown(last_name):
        wrong = {"first_name": first_name, "last_name": last_name}
        fields = {
            name: [_("Enter the name.")] for name, value in wrong.items() if not words.shown(value)
        }
        raise Invalid(_("Some details need to be corrected."), fields=fields)
    return write(
        email=email, role=role, first_name=first_name.strip(), last_name=last_name.strip(),
        department=department.strip(), by=by,
    )  # fmt: skip


@transaction.atomic
def write(*, email: str, role: Role, by: User | None, **details) -> Invitation:
    """Write an invitation and send its letter once this transaction is committed. The caller has
    settled that `by` may. Raises `Invalid` where the address cannot be one."""
    if by is not None and tenancy.current().is_portal:
        _stop_floods(by)
    invitation = Invitation.objects.create(
        facility_id=tenancy.current().facility_id,
        email=_checked(email),
        role=role,
        language=translation.get_language() or "",
        invited_by=by,
        expires_at=timezone.now() + LIFE,
        **details,
    )
    send(invitation)
    return invitation


def send(invitation: Invitation) -> None:
    """Send the letter, once this transaction is committed."""
    arguments = {
        "invitation_id": str(invitation.pk),
        "facility_id": str(invitation.facility_id),
    }
    transaction.on_commit(
        lambda: current_app.send_task("clinic.send_invitation", kwargs=arguments, retry=False),
        robust=True,
    )


def pending() -> QuerySet[Invitation]:
    """The invitations to work here that nobody has taken up, the newest first; those whose time is
    over among them."""
    rows = Invitation.objects.filter(
        facility_id=tenancy.current().facility_id,
        role__in=STAFF_ROLES,
        accepted_at=None,
        withdrawn_at=None,
    )
    return rows.select_related("invited_by")


@transaction.atomic
def send_again(*, invitation: Invitation, by: User) -> Invitation:
    """Send the letter of an invitation to work here once more; its time begins anew.

    Raises `Conflict` where it was sent a moment ago.
    """
    invitation = _managed(invitation, by)
    if invitation.expires_at > timezone.now() + LIFE - PAUSE:
        raise Conflict(_("The letter was sent a moment ago. Wait a minute."))
    invitation.expires_at, invitation.sent_at = timezone.now() + LIFE, None
    invitation.save(update_fields=["expires_at", "sent_at"])
    send(invitation)
    return invitation


@transaction.atomic
def take_back(*, invitation: Invitation, by: User) -> None:
    """Withdraw an invitation to work here: the link in its letter stops working."""
    withdraw(invitation=_managed(invitation, by))


@transaction.atomic
def withdraw(*, invitation: Invitation) -> None:
    """End an invitation that nobody has taken up. The caller has settled who may."""
    rows = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None)
    if not rows.update(withdrawn_at=timezone.now()):
        raise Conflict(_("The invitation has ended already."))


def _managed(invitation: Invitation, by: User) -> Invitation:
    staffing.require_manager(by)
    row = pending().select_for_update(of=("self",)).filter(pk=invitation.pk).first()
    if row is None:
        raise Missing(_("There is no such invitation."))
    return row


def _stop_floods(by: User) -> None:
    since = timezone.now() - timedelta(days=1)
    if Invitation.objects.filter(invited_by=by, created_at__gt=since).count() >= MOST_A_DAY:
        raise Conflict(_("You have invited many people today. Go on tomorrow, or ask the clinic."))


def _checked(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise invalid("email", _("Enter an e-mail address, like ana@example.org.")) from error
    return email
