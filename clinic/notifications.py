"""Notices to people: written where something happens to them, read in their place of work or in the
portal, and sent as a letter. The letter says that there is something, never what of whom."""

from collections.abc import Iterable
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation

from clinic.models import Facility, Notification, RoleAssignment, User
from clinic.security import tenancy
from clinic.security.permissions import Permission, roles_with

Kind = Notification.Kind
WITHOUT_LETTER = frozenset({Kind.VISIT})  # a message of its own goes out by the ways she allows


def of(user: User) -> QuerySet[Notification]:
    """The notices of the acting person in the facility acted in, newest first. What leads to a
    patient's record in the portal is hers as long as the record is open to her (the table's
    policy)."""
    actor = tenancy.current()
    if user.pk != actor.user_id:
        return Notification.objects.none()
    return Notification.objects.filter(user_id=user.pk, facility_id__in=actor.facilities)


@transaction.atomic
def notify(
    users: Iterable[User],
    kind: Kind,
    *,
    title,
    text="",
    link: str = "",
    patient_id: UUID | None = None,
    values: dict | None = None,
) -> None:
    """Write a notice to each of the people, in her own language.

    `title` and `text` are lazy translations with `%(name)s` places, which `values` fill. A letter
    is sent once the transaction is committed, unless the kind comes without.
    """
    facility = Facility.objects.get(pk=tenancy.current().facility_id)
    rows = []
    for user in users:
        with translation.override(user.preferred_language or facility.language):
            rows.append(
                Notification(
                    facility=facility,
                    user=user,
                    kind=kind,
                    title=str(title) % (values or {}),
                    text=str(text) % (values or {}),
                    link=link,
                    patient_id=patient_id,
                )
            )
    Notification.objects.bulk_create(rows)
    if kind not in WITHOUT_LETTER:
        for row in rows:
            send_letter(row.pk)


def send_letter(notification_id: UUID) -> None:
    """Send the letter that there is a notice, once the transaction is committed; of one that is not
    there none goes out."""
    facility_id = tenancy.current().facility_id
    arguments = {"notification_id": str(notification_id), "facility_id": str(facility_id)}
    transaction.on_commit(
        lambda: current_app.send_task("clinic.send_notice", kwargs=arguments, retry=False),
        robust=True,
    )


@transaction.atomic
def mark_read(notification: Notification, *, by: User) -> None:
    """The person has seen it."""
    of(by).unread().filter(pk=notification.pk).update(read_at=timezone.now())


@transaction.atomic
def mark_all_read(*, by: User) -> None:
    """The person has seen all that stand here."""
    of(by).unread().update(read_at=timezone.now())


def holders_of(permission: Permission) -> QuerySet[User]:
    """The people of the facility acted in whose roles carry the permission."""
    return RoleAssignment.objects.here().filter(role__in=roles_with(permission)).people()
