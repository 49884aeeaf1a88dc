"""Where a person is signed in, and for how long: a session ends when nobody acted for a while, and
after some hours whatever she does."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.errors import Missing
from clinic.models import RoleAssignment, User
from clinic.security import tenancy
from clinic.security.sessions import digest_of
from clinic.security.tenancy import Actor

NOWHERE = "::"  # the unspecified address, of who comes through a socket that has none
GRAINS = 60  # an act is noted once in this fraction of the limit: fewer writes, and little lost


@dataclass(frozen=True, slots=True)
class Life:
    """How long a session goes on: until nobody acted for so long, and until the end of all."""

    idle: timedelta
    whole: timedelta

    @property
    def is_over(self) -> bool:
        return min(self.idle, self.whole) <= timedelta(0)

    @property
    def left(self) -> int:
        """Whole seconds until it ends if nobody acts."""
        return max(0, int(min(self.idle, self.whole).total_seconds()))

    @property
    def is_last(self) -> bool:
        """Whether acting does not help any more."""
        return self.whole <= self.idle


OVER = Life(timedelta(0), timedelta(0))


def idle_limit(actor: Actor) -> timedelta:
    """How long nobody may act: patients and relatives are given longer than whoever works in a
    clinic, this one or another. A session is one for all its pages: what is kept alive in the
    portal is alive where its holder works."""
    if not actor.is_portal:
        return settings.STAFF_IDLE
    with tenancy.acting(actor), transaction.atomic(savepoint=False):
        works = RoleAssignment.objects.held().of_staff().filter(user_id=actor.user_id).exists()
    return settings.STAFF_IDLE if works else settings.PORTAL_IDLE


def life_of(session: UserSession, limit: timedelta, now: datetime) -> Life:
    whole = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return Life(session.last_seen_at + limit - now, session.created_at + whole - now)


def row_of(request) -> UserSession | None:
    """What is told of the request's own session."""
    digest = digest_of(request.session.session_key or "")
    return UserSession.objects.filter(session_key=digest, user_id=request.user.pk).first()


def live(*, request, actor: Actor, acts: bool) -> Life:
    """How long the request's session goes on; it begins anew with each act of a person. A session
    of which nothing is told was ended elsewhere."""
    now, limit, row = timezone.now(), idle_limit(actor), row_of(request)
    if row is None:
        return OVER
    life = life_of(row, limit, now)
    if acts and not life.is_over:
        life = Life(limit, life.whole)
        if now - row.last_seen_at >= limit / GRAINS:
            UserSession.objects.filter(pk=row.pk).update(last_seen_at=now, **_place_of(request))
    return life


def of(*, user: User, actor: Actor) -> list[UserSession]:
    """Where the person is signed in now, latest use first."""
    now = timezone.now()
    rows = UserSession.objects.filter(user=user).order_by("-last_seen_at")
    there = set(
        Session.objects.filter(
            session_key__in=[row.session_key for row in rows], expire_date__gt=now
        ).values_list("session_key", flat=True)
    )
    limit = idle_limit(actor)
    return [
        row for row in rows
        if row.session_key in there and not life_of(row, limit, now).is_over
    ]  # fmt: skip


@transaction.atomic
def end(*, session_id: int, by: User) -> None:
    """End one of the person's own sessions, from its next request on. Raises `Missing` for any
    other."""
    session = UserSession.objects.filter(pk=session_id, user_id=by.pk).first()
    if session is None:
        raise Missing(_("There is no such session."))
    _end([session])


@transaction.atomic
def end_others(*, user: User, but: str | None = None) -> None:
    """End all the person's sessions, except the one with the key `but`."""
    rows = UserSession.objects.filter(user=user)
    _end(rows.exclude(session_key=digest_of(but)) if but else rows)


def _end(sessions: Iterable[UserSession]) -> None:
    rows = list(sessions)
    Session.objects.filter(session_key__in=[row.session_key for row in rows]).delete()
    UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()


@receiver(user_logged_in)
def begin(sender, request, user, **kwargs):
    """Keep where the person has signed in, beside what she did so with, and forget what is over."""
    now = timezone.now()
    whole = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    _end(UserSession.objects.filter(user=user, created_at__lt=now - whole))
    UserSession.objects.update_or_create(
        session_key=digest_of(request.session.session_key),
        defaults={"user": user, "created_at": now, "last_seen_at": now} | _place_of(request),
    )


@receiver([password_changed, password_reset, password_set])
def begin_anew(sender, request, user, **kwargs):
    """With a new password only the session goes on in which the person chose it."""
    end_others(user=user, but=request.session.session_key)


def _place_of(request) -> dict[str, str]:
    """The address, and what the browser says of itself."""
    origin = getattr(request, "origin", None)
    longest = UserSession._meta.get_field("user_agent").max_length
    agent = request.META.get("HTTP_USER_AGENT", "")
    return {"ip": (origin and origin.address) or NOWHERE, "user_agent": agent[:longest]}
