"""The family as such: its name, and what its members know of one another."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing, invalid
from clinic.models import User
from clinic.security import tenancy
from clinic.security.permissions import Denied, Permission
from patients.family import MEMBERS_SEE_MEMBERS
from patients.models import FamilyAccount

LONGEST_NAME = 100


@transaction.atomic
def rename(*, account: FamilyAccount, name: str, by: User) -> FamilyAccount:
    """Give the family its name; the primary member does. Raises `Invalid`."""
    account = _spoken_for(account, by)
    if not name.strip():
        raise invalid("name", _("Enter the name."))
    account.name = name.strip()[:LONGEST_NAME]
    account.save(update_fields=["name"])
    return account


@transaction.atomic
def set_privacy(*, account: FamilyAccount, settings: dict[str, bool], by: User) -> FamilyAccount:
    """Settle what relatives know of one another; the primary member does. Raises `Invalid`."""
    account = _spoken_for(account, by)
    if set(settings) - {MEMBERS_SEE_MEMBERS} or set(map(type, settings.values())) - {bool}:
        raise invalid("privacy_settings", _("There is no such setting."))
    account.privacy_settings = account.privacy_settings | settings
    account.save(update_fields=["privacy_settings"])
    return account


def _spoken_for(account: FamilyAccount, by: User) -> FamilyAccount:
    actor = tenancy.current()
    actor.require(Permission.SHARING_MANAGE)
    row = FamilyAccount.objects.select_for_update().filter(pk=account.pk).first()
    if row is None:
        raise Missing(_("There is no such family."))
    if by.pk != actor.user_id or row.primary_member_id != by.pk:
        raise Denied(Permission.SHARING_MANAGE)
    return row
