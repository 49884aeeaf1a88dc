"""What staff see of messages, and do about those that did not arrive."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Category, Denied, Permission
from patients import access
from scheduling.models import Appointment, Message

Status = Message.Status


def messages(user: User) -> QuerySet[Message]:
    """The messages about visits of those patients whose calendars the person sees."""
    rows = access.visible(Message.objects.all(), user, category=Category.APPOINTMENTS)
    return rows.exclude(kind=Message.Kind.MEDICINE)


def of_visit(visit: Appointment, user: User) -> QuerySet[Message]:
    """What was sent about a visit and is to be, the oldest first."""
    rows = messages(user).filter(appointment=visit).select_related("user")
    return rows.order_by("due_at", "created_at")


def failed(user: User) -> QuerySet[Message]:
    """Those that did not arrive and would still be news: somebody has to call."""
    rows = messages(user).filter(status=Status.FAILED, expires_at__gt=timezone.now())
    return rows.order_by("expires_at")


@transaction.atomic
def try_again(*, message: Message, by: User) -> Message:
    """Send it once more. Raises `Conflict` for one that did not fail, or would be no news."""
    row = _failed(message, by)
    if row.expires_at <= timezone.now():
        raise Conflict(_("It is too late for this message."))
    row.status, row.failure, row.due_at, row.attempts = Status.WAITING, "", timezone.now(), 0
    row.save()
    return row


@transaction.atomic
def done_by_phone(*, message: Message, by: User) -> Message:
    """Somebody called: the message is needed no longer. Raises `Conflict` for one that did not
    fail."""
    row = _failed(message, by)
    row.status = Status.DROPPED
    row.save()
    return row


def _failed(message: Message, by: User) -> Message:
    actor = tenancy.current()
    actor.require(Permission.APPOINTMENT_BOOK)
    if actor.is_portal:
        raise Denied(Permission.APPOINTMENT_BOOK)
    row = messages(by).select_for_update(of=("self",)).filter(pk=message.pk).first()
    if row is None:
        raise Missing(_("There is no such message."))
    if row.status != Status.FAILED:
        raise Conflict(_("This message did not fail."))
    return row
