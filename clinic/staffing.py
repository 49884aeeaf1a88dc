"""Who a signed-in person is in a facility, and the bearer tokens of the API."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Conflict, Missing
from clinic.models import ApiToken, Facility, Invitation, RoleAssignment, User
from clinic.security import permissions, tenancy, trail
from clinic.security.permissions import Permission, Reach, Role
from clinic.security.tenancy import Actor, Origin, Purpose


def _literal(roles: Iterable[str]) -> str:
    return "'{" + ",".join(sorted(roles)) + "}'::text[]"


# The classes of roles that `app_enter` and `app_begin` are told, in the order of their parameters:
# constants of the statement, because they are constants of the code.
ROLE_CLASSES = ", ".join(
    _literal(roles)
    for roles in (
        permissions.FACILITY_WIDE,
        permissions.GRANTED,
        permissions.CLINICAL_WIDE,
        permissions.CLINICAL,
        permissions.TRAIL_READERS,
        permissions.PORTAL_ROLES,
        permissions.NARROWED,
    )
)
# What both answer of the person, after who she is.
STANDING = (
    "facility, roles, purpose, reach, clinical, trail, lacks_factor, barred, emergencies, stewarded"
)
ENTER_SQL = (
    f"SELECT {STANDING} FROM app_enter(%s::uuid, %s::text, %s::text[], %s::jsonb, {ROLE_CLASSES})"
)


class SecondStepNeeded(permissions.Denied):
    """Her roles need a second step at sign-in, and she has none: for now she may do nothing."""

    def __init__(self):
        Exception.__init__(
            self,
            _(
                "This clinic asks for a second step at sign-in. Sign in to Chartroom in a browser,"
                " set up an authenticator app, and then get a new token with its code."
            ),
        )


def enter(*, user: User, roles: Iterable[Role], origin: Origin, facility: str = "") -> Actor:
    """The actor that `user` is with the given roles, in the facility named by its slug or, where
    none is named, in the one of the primary role. An actor without a facility may do nothing."""
    bare = tenancy.origin_json(Actor(origin=origin))
    parameters = [user.pk, facility, sorted(roles), bare]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ENTER_SQL, parameters)
        row = cursor.fetchone()
    return actor_from(user.pk, row, origin)


def actor_from(user_id: UUID, row, origin: Origin) -> Actor:
    """The actor of an answer of `app_enter` or `app_begin`: what `STANDING` names."""
    facility, roles, purpose, reach, clinical, trail, lacks, barred, emergencies, stewarded = row
    held = frozenset(roles or ())
    return Actor(
        user_id=user_id,
        facility_id=facility,
        roles=held,
        permissions=permissions.permissions_of(held),
        reach=Reach(reach),
        clinical=Reach(clinical),
        trail=trail,
        purpose=Purpose(purpose),
        barred=tuple(barred or ()),
        emergencies=tuple(emergencies or ()),
        stewarded=tuple(stewarded or ()),
        lacks_factor=lacks,
        origin=origin,
    )


def is_staff(user: User) -> bool:
    """Whether the current actor is `user`, acting in a staff role."""
    actor = tenancy.current()
    return actor.user_id == user.pk and bool(actor.roles & permissions.STAFF_ROLES)


def facilities_of(user: User) -> list[Facility]:
    """The facilities in which the person holds a role; needs the person to be the actor."""
    held = RoleAssignment.objects.held().filter(user=user).values("facility_id")
    return list(Facility.objects.filter(pk__in=held, is_active=True))


@transaction.atomic
@tenancy.by_verb()
def assign(*, user: User, role: Role, facility, department="", is_primary=False, by=None):
    """Give a person a role in the facility; the same role twice is the same row, and one that was
    taken away is given back. Nobody gives one to herself."""
    if by is not None:
        require_manager(by, of=facility.pk)
        if user.pk == by.pk:
            raise Conflict(_("Nobody gives a role to herself. Ask another administrator."))
    assignment, _created = RoleAssignment.objects.get_or_create(
        user=user,
        role=role,
        facility=facility,
        department=department,
        defaults={"is_primary": is_primary},
    )
    if not assignment.is_active:
        # Grants of the time before count no more: she begins anew.
        assignment.is_active, assignment.held_since = True, timezone.now()
        assignment.save(update_fields=["is_active", "held_since"])
    return assignment


@transaction.atomic
@tenancy.by_verb()
def dismiss(*, assignment: RoleAssignment, by: User) -> None:
    """Take a role away; it ends with the person's next request, and so do the letters by which she
    invited others to work here, once she may not any more.

    Nobody dismisses herself, nor anybody once she was dismissed herself meanwhile: a clinic never
    loses its last administrator.
    """
    require_manager(by, of=assignment.facility_id)
    if assignment.user_id == by.pk:
        raise Conflict(_("You cannot take your own role away. Ask another administrator."))
    Facility.objects.select_for_update(no_key=True).get(pk=assignment.facility_id)
    if not _managers().filter(user=by).exists():
        raise permissions.Denied(Permission.STAFF_MANAGE)
    assignment.is_active = assignment.is_primary = False
    assignment.save(update_fields=["is_active", "is_primary"])
    if not _managers().filter(user=assignment.user_id).exists():
        Invitation.objects.filter(
            facility_id=assignment.facility_id, invited_by=assignment.user_id,
            role__in=permissions.STAFF_ROLES, accepted_at=None, withdrawn_at=None,
        ).update(withdrawn_at=timezone.now())  # fmt: skip


@transaction.atomic
@tenancy.by_verb()
def make_primary(*, assignment: RoleAssignment, by: User) -> None:
    """Let a role be the one by which the person enters this facility, and is called."""
    require_manager(by, of=assignment.facility_id)
    rows = RoleAssignment.objects.held().select_for_update()
    held = rows.filter(user=assignment.user, facility=assignment.facility)
    if not held.filter(pk=assignment.pk).exists():
        raise Missing(_("There is no such role."))
    for row in held.filter(is_primary=True).exclude(pk=assignment.pk):
        row.is_primary = False
        row.save(update_fields=["is_primary"])
    assignment.is_primary = True
    assignment.save(update_fields=["is_primary"])


def require_manager(by: User, *, of: UUID | None = None) -> None:
    """Raise unless the acting person changes roles here: an administrator, who has a second step
    at sign-in, whatever the clinic demands of her role. `of` is the facility of what is changed."""
    actor = tenancy.current()
    actor.require(Permission.STAFF_MANAGE)
    if of is not None and of != actor.facility_id:
        raise Missing(_("There is no such role."))
    if not has_second_factor(by):
        raise Conflict(_("Add a second step to your sign-in first. It protects everyone's roles."))


def _managers() -> QuerySet[RoleAssignment]:
    """Who changes roles in the facility acted in, as the database knows it now."""
    return RoleAssignment.objects.here().filter(
        role__in=permissions.roles_with(Permission.STAFF_MANAGE)
    )


def require_second_step(actor: Actor) -> None:
    """Raise `SecondStepNeeded` for whoever lacks the one that her roles need."""
    if actor.lacks_factor:
        raise SecondStepNeeded


def has_second_factor(user: User) -> bool:
    """Whether a password alone does not let the person in."""
    factors = Authenticator.objects.filter(user=user)
    return factors.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


@dataclass(frozen=True)
class IssuedToken:
    """A new token, whose text is shown once."""

    text: str
    expires_at: datetime
    id: UUID


def digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def password_stamp(user: User) -> bytes:
    """Changes with the password: tokens issued before stop working."""
    return hashlib.sha256(user.password.encode()).digest()[:8]


@transaction.atomic
def issue_token(*, user: User, label: str = "") -> IssuedToken:
    """Issue a bearer token to a person who has proved who she is, second factor included."""
    text = "cr_" + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        digest=digest_of(text),
        password_stamp=password_stamp(user),
        label=label[:100],
        expires_at=timezone.now() + settings.TOKEN_LIFETIME,
    )
    return IssuedToken(text=text, expires_at=token.expires_at, id=token.pk)


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User) -> None:
    """End a token; its holder must be `by`."""
    if token.user_id != by.pk:
        raise permissions.Denied(Permission.ACCOUNT_USE)
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at", "updated_at"])
    trail.note("clinic.apitoken", action=trail.UPDATE, object_pk=token.pk, flags=["revoked"])


@transaction.atomic
def revoke_tokens(*, user: User) -> None:
    """End all tokens of a person, because how she signs in has changed."""
    now = timezone.now()
    ApiToken.objects.valid().filter(user=user).update(revoked_at=now, updated_at=now)
