"""Taking up an invitation, with the account one has or a new one.

The letter's key is what proves that one was invited: it is signed, and kept nowhere. An invitation
is for the address that it was sent to. Who is signed in with an account of another address may take
it up too, because people have several; she says so, and the trail does.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from clinic import notifications, staffing, words
from clinic.channels import email
from clinic.errors import Conflict, Invalid, Missing
from clinic.invitations import LIFE
from clinic.models import Invitation, RoleAssignment, User
from clinic.security import tenancy, trail
from clinic.security.permissions import PORTAL_ROLES, Permission, Role

SALT = "clinic.invitations"
COLLEAGUE = "colleague"  # the flag on the trail: who works here came into the portal


def key_of(invitation: Invitation) -> str:
    """What the letter's link carries: it names the invitation and cannot be made up."""
    named = invitation.facility_id.bytes + invitation.pk.bytes
    return _signer().sign(urlsafe_b64encode(named).rstrip(b"=").decode())


def link_of(invitation: Invitation) -> str:
    """The address, as people outside reach it, under which the invitation is taken up."""
    return email.address(reverse("invitation", args=[key_of(invitation)]))


def find(key: str) -> Invitation:
    """The invitation of a key, while it can be taken up, with its facility and who wrote it. Raises
    `Missing` for one that has ended as for one that never was."""
    with _inside(key):
        invitation = _open(key)
        for sealed in ("email", "first_name", "last_name"):
            getattr(invitation, sealed)  # outside nobody reads the facility's key
        return invitation


def has_account(invitation: Invitation) -> bool:
    """Whether there is an account for the invitation's address. For who holds the key only."""
    return _account_of(invitation) is not None


@transaction.atomic
def accept(*, key: str, with_another_address: bool = False, by: User) -> Invitation:
    """Take up the invitation with one's account: its role is given, and whoever waits for the
    person is told (`INVITATION_ACCEPTED`). Works once, however many ask at the same moment.

    Who comes into the portal with the account that she works here with is a patient or a relative
    as well, or somebody who opens to herself what she should not see: the administrators are told.

    Raises `Missing` where it has ended, and `Conflict` for whoever wrote it herself, and where the
    account is of another address and that was not said.
    """
    invitation = find(key)
    if invitation.invited_by_id == by.pk:
        raise Conflict(_("You wrote this invitation yourself. It is for somebody else."))
    other = invitation.email.lower() != by.email.lower()
    if other and not with_another_address:
        raise Conflict(_("Tick the box if you want to use this account for the invitation."))
    with _inside(key, by=by, flags=("another_address",) if other else ()):
        invitation = _open(key, locked=True)
        invitation.accepted_at, invitation.accepted_by = timezone.now(), by
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        if not other:
            _confirm_address(by)
        staffing.assign(
            user=by,
            role=Role(invitation.role),
            facility=invitation.facility,
            department=invitation.department,
            is_primary=not RoleAssignment.objects.filter(user=by, is_primary=True).exists(),
        )
        for name in settings.INVITATION_ACCEPTED:
            import_string(name)(invitation, by)
        if invitation.role in PORTAL_ROLES:
            _tell_of_a_colleague(by, invitation)
    return invitation


@transaction.atomic
def accept_anew(*, key: str, first_name: str, last_name: str, password: str) -> User:
    """Take up the invitation with a new account, under the address that the letter went to.

    Raises `Missing` where it has ended, `Invalid` naming the fields, and `Conflict` where the
    address has an account by now: its holder signs in and accepts.
    """
    with _inside(key):
        invitation = _open(key, locked=True)
        if has_account(invitation):
            raise Conflict(_("There is an account for this address. Sign in to accept."))
        user = User(
            email=invitation.email.lower(),
            first_name=first_name.strip(),
            last_name=last_name.strip(),
            preferred_language=translation.get_language() or invitation.language,
        )
        _check(user, password)
        user.set_password(password)
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError as error:  # made meanwhile, by the invitation of another clinic
            raise Conflict(_("There is an account for this address. Sign in to accept.")) from error
    accept(key=key, by=user)
    return user


@contextmanager
def _inside(key: str, *, by: User | None = None, flags: tuple[str, ...] = ()) -> Iterator[None]:
    """Act in the facility to which a key invites, where the person has no role yet. The trail names
    her and where she comes from."""
    facility_id, _pk = _opened(key)
    origin = tenancy.current().origin
    with tenancy.system(facility_id) as system:
        person = replace(system, user_id=by.pk if by else None, origin=origin, flags=flags)
        with tenancy.acting(person), transaction.atomic():
            yield


def _open(key: str, *, locked: bool = False) -> Invitation:
    rows = Invitation.objects.select_related("facility", "invited_by")
    if locked:
        rows = rows.select_for_update(of=("self",))
    invitation = rows.filter(pk=_opened(key)[1]).first()
    if invitation is None or not invitation.is_open or not invitation.facility.is_active:
        raise _ended()
    return invitation


def _opened(key: str) -> tuple[UUID, UUID]:
    try:
        named = urlsafe_b64decode(_signer().unsign(key, max_age=LIFE) + "=")
    except signing.BadSignature as error:
        raise _ended() from error
    return UUID(bytes=named[:16]), UUID(bytes=named[16:])


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=SALT)


def _ended() -> Missing:
    return Missing(_("This invitation has ended. Ask the clinic for another."))


def _account_of(invitation: Invitation) -> User | None:
    return User.objects.filter(email__iexact=invitation.email).first()


def _confirm_address(user: User) -> None:
    """The letter reached her: the address is hers."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email.lower(), defaults={"verified": True, "primary": True}
    )


def _tell_of_a_colleague(user: User, invitation: Invitation) -> None:
    if not RoleAssignment.objects.here().of_staff().filter(user=user).exists():
        return
    trail.note(
        Invitation._meta.label_lower,
        action=trail.UPDATE,
        object_pk=invitation.pk,
        flags=[COLLEAGUE],
    )
    notifications.notify(
        notifications.holders_of(Permission.STAFF_MANAGE).exclude(pk=user.pk),
        notifications.Kind.ACCOUNT,
        title=_("A colleague came into the portal"),
        text=_(
            "%(name)s took up an invitation of a patient or relative with the account that she"
            " works here with."
        ),
        values={"name": user.get_full_name()},
        link=f"{reverse('admin:trail')}?flag={COLLEAGUE}",
    )


def _check(user: User, password: str) -> None:
    """Raise `Invalid` for a name that is missing or a password that is easily guessed."""
    wrong: dict[str, list] = {
        name: [_("Enter the name.")]
        for name in ("first_name", "last_name")
        if not words.shown(getattr(user, name))
    }
    try:
        validate_password(password, user)
    except ValidationError as error:
        wrong["password"] = list(error.messages)
    if wrong:
        raise Invalid(_("Some details need to be corrected."), fields=wrong)
