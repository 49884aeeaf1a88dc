"""What our letters say, and that each goes out once, however often a worker dies over it.

The row stays locked until its letter is handed over, and `sent_at` is written in the same
transaction. A letter that was missed is found again (`find_unsent`).
"""

from datetime import timedelta
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from clinic import joining, notifications
from clinic.channels import email
from clinic.channels.email import Letter
from clinic.invitations import LIFE
from clinic.models import Invitation, Notification, RoleAssignment, User
from clinic.security.permissions import PORTAL_ROLES, Role
from clinic.templatetags.written import long_date

MISSED = timedelta(minutes=2)  # the queue is given so long
GIVE_UP = timedelta(days=2)  # the address takes no letters, or a notice is no news any more


@transaction.atomic
def send_invitation(invitation_id: UUID | str) -> None:
    """Send the letter of an invitation that still stands, in the language of its reader."""
    rows = Invitation.objects.select_for_update(of=("self",)).select_related(
        "facility", "invited_by"
    )
    invitation = rows.filter(pk=invitation_id, sent_at=None).first()
    if invitation is None or not invitation.is_open:
        return
    account = User.objects.filter(email__iexact=invitation.email).first()
    known = account.preferred_language if account else ""
    language = known or invitation.language or invitation.facility.language
    with translation.override(language):
        letter = of_invitation(invitation)
    email.send(letter, to=invitation.email, language=language)
    invitation.sent_at = timezone.now()
    invitation.save(update_fields=["sent_at"])


@transaction.atomic
def send_notice(notification_id: UUID | str) -> None:
    """Send the letter that there is a notice, unless its reader has read it or left."""
    rows = Notification.objects.select_for_update(of=("self",)).select_related("facility", "user")
    notice = rows.filter(pk=notification_id, sent_at=None, read_at=None).first()
    if notice is None or not notice.user.is_active:
        return
    language = notice.user.preferred_language or notice.facility.language
    with translation.override(language):
        letter = of_notice(notice)
    email.send(letter, to=notice.user.email, language=language)
    notice.sent_at = timezone.now()
    notice.save(update_fields=["sent_at"])


def unsent_invitations() -> QuerySet[Invitation]:
    """Those of the facility acted in whose letter was missed."""
    begun = timezone.now() + LIFE  # an invitation of now ends then
    rows = Invitation.objects.filter(accepted_at=None, withdrawn_at=None, sent_at=None)
    return rows.filter(expires_at__range=(begun - GIVE_UP, begun - MISSED))


def unsent_notices() -> QuerySet[Notification]:
    """Those of the facility acted in whose letter was missed, and that nobody has read."""
    now = timezone.now()
    rows = Notification.objects.unread().filter(sent_at=None, user__is_active=True)
    rows = rows.exclude(kind__in=notifications.WITHOUT_LETTER)
    return rows.filter(created_at__range=(now - GIVE_UP, now - MISSED))


def of_invitation(invitation: Invitation) -> Letter:
    """The letter, in the language of this moment. Whoever invited a relative is a patient as a
    rule, so only the invitations of the clinic's own people name who wrote them."""
    clinic = invitation.facility.name
    until = long_date(invitation.expires_at.astimezone(invitation.facility.zone))
    return Letter(
        key=uuid5(invitation.pk, invitation.expires_at.isoformat()),
        sender=clinic,
        subject=_("%(clinic)s invites you") % {"clinic": clinic},
        paragraphs=(_purpose(invitation),),
        href=joining.link_of(invitation),
        action=_("See the invitation"),
        closing=_(
            "The link is for you alone and works until %(date)s. If you expected no invitation, you"
            " can ignore this letter."
        )
        % {"date": until},
    )


def of_notice(notice: Notification) -> Letter:
    """The letter, in the language of this moment: that there is something, never what of whom."""
    clinic = notice.facility.name
    return Letter(
        key=notice.pk,
        sender=clinic,
        subject=_("A notice from %(clinic)s") % {"clinic": clinic},
        paragraphs=(
            _("There is something new for you at %(clinic)s.") % {"clinic": clinic},
            _("What it is about stands only where you sign in."),
        ),
        href=email.address(_notices_of(notice)),
        action=_("Read the notice"),
    )


def _purpose(invitation: Invitation) -> str:
    clinic = invitation.facility.name
    role = Role(invitation.role)
    if role == Role.PATIENT:
        text = _("%(clinic)s invites you to its portal. There you see your visits and your record.")
    elif role in PORTAL_ROLES:
        text = _("You are invited to the portal of %(clinic)s, to see what is shared with you.")
    elif invitation.invited_by:
        text = _("%(name)s invites you to work at %(clinic)s. Your role: %(role)s.")
    else:
        text = _("You are invited to work at %(clinic)s. Your role: %(role)s.")
    inviter = invitation.invited_by.get_full_name() if invitation.invited_by else ""
    return text % {"clinic": clinic, "name": inviter, "role": role.label}


def _notices_of(notice: Notification) -> str:
    """The page where she reads her notices: who works here, among this clinic's pages."""
    if notice.link.startswith("/portal/"):
        return reverse("portal:notices")
    roles = RoleAssignment.objects.filter(user=notice.user, facility=notice.facility)
    if not roles.held().of_staff().exists():
        return reverse("portal:notices")
    return f"{reverse('admin:notices')}?clinic={notice.facility.slug}"
