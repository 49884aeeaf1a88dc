"""Who is acting, and where: the context that every transaction of ours carries.

The context is an `Actor` in a context variable. The database backend (`clinic.security.database`)
writes it into transaction-local settings at each outermost BEGIN, and the row policies read those
settings. Without an actor nothing that belongs to a facility is visible. The settings end with the
transaction, so a pooled connection never carries them on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from clinic.security.permissions import PORTAL_ROLES, Denied, Permission, Reach


class Purpose(models.TextChoices):
    """Why data is used, in the words of the access log."""

    TREATMENT = "treatment", _("Treatment")
    PAYMENT = "payment", _("Payment")
    OPERATIONS = "operations", _("Running the clinic")
    OWN = "own", _("Own record")
    FAMILY = "family", _("Family")
    EMERGENCY = "emergency", _("Emergency")


class MissingFacility(RuntimeError):
    """Work was started outside a stated facility."""


class OutsideTransaction(RuntimeError):
    """A query was made for an actor without a transaction that carries the context."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as the trail keeps it."""

    address: str | None = None
    agent: str = ""
    session: str = ""
    token: str = ""
    request_id: str = ""
    surface: str = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, in which facility, with which reach. `facility_id` is the one acted in.

    `reach` says whose cover and calendar is seen, `clinical` whose clinical content is read: of
    several roles the widest each, but the second of those only that read any. Both are what the
    database answered (`app_enter`), because a clinic can narrow them.

    `barred` are patients who blocked the person, `emergencies` those whom she opened by breaking
    the glass, `stewarded` those for whom she decides who sees them. `lacks_factor`: her roles here
    need a second step at sign-in and she has none, so for now she has no roles. `by_verb`: a verb
    writes what the person may not by herself (see there).
    """

    user_id: UUID | None = None
    facility_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Permission] = frozenset()
    reach: Reach = Reach.NONE
    clinical: Reach = Reach.NONE
    trail: bool = False
    purpose: Purpose = Purpose.TREATMENT
    barred: tuple[UUID, ...] = ()
    emergencies: tuple[UUID, ...] = ()
    stewarded: tuple[UUID, ...] = ()
    lacks_factor: bool = False
    by_verb: bool = False
    origin: Origin = Origin()
    across: tuple[UUID, ...] = ()
    flags: tuple[str, ...] = ()
    deferred: list[dict[str, Any]] = field(default_factory=list, compare=False, repr=False)

    @property
    def is_portal(self) -> bool:
        """Whether a patient or a relative acts, and nobody of the clinic."""
        return bool(self.roles) and self.roles <= PORTAL_ROLES

    @property
    def facilities(self) -> tuple[UUID, ...]:
        return self.across or ((self.facility_id,) if self.facility_id else ())

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise `Denied` unless the actor has the permission."""
        if permission not in self.permissions:
            raise Denied(permission)


NOBODY = Actor()
_current: ContextVar[Actor] = ContextVar("actor", default=NOBODY)

APPLY_SQL = """SELECT set_config('app.user', %s, true), set_config('app.facilities', %s, true),
 set_config('app.reach', %s, true), set_config('app.clinical', %s, true),
 set_config('app.trail', %s, true), set_config('app.portal', %s, true),
 set_config('app.barred', %s, true), set_config('app.emergencies', %s, true),
 set_config('app.stewarded', %s, true), set_config('app.by_verb', %s, true),
 set_config('app.origin', %s, true)"""


def current() -> Actor:
    """The actor of this request, task or command; `NOBODY` where none was set."""
    return _current.get()


def adopt(actor: Actor) -> None:
    """Make the actor current without touching the connection, which already carries it."""
    _current.set(actor)


def origin_json(actor: Actor) -> str:
    """What the row triggers copy onto each entry of the trail."""
    origin = actor.origin
    return json.dumps(
        {
            "facility": str(actor.facility_id) if actor.facility_id else None,
            "purpose": actor.purpose,
            "address": origin.address,
            "agent": origin.agent[:300],
            "session": origin.session,
            "token": origin.token,
            "request": origin.request_id,
            "surface": origin.surface,
            "flags": list(actor.flags),
        }
    )


def settings_of(actor: Actor) -> tuple[str, ...]:
    """The parameters of `APPLY_SQL`; empty strings stand for 'nothing'."""
    return (
        str(actor.user_id or ""),
        _array(actor.facilities),
        str(actor.reach),
        str(actor.clinical),
        "on" if actor.trail else "",
        "on" if actor.is_portal else "",
        _array(actor.barred),
        _array(actor.emergencies),
        _array(actor.stewarded),
        "on" if actor.by_verb else "",
        origin_json(actor) if actor is not NOBODY else "",
    )


def _array(ids: tuple[UUID, ...]) -> str:
    return "{" + ",".join(map(str, ids)) + "}" if ids else ""


def apply(db) -> None:
    """Write the current actor into the open transaction of `db`: nobody as well, so that nothing
    that was ever set for the whole session counts."""
    db.connection.execute(APPLY_SQL, settings_of(_current.get()), prepare=True)


@contextmanager
def acting(actor: Actor) -> Iterator[Actor]:
    """Run the block as `actor`, in the open transaction as well as in those begun inside."""
    previous = _current.set(actor)
    try:
        if connection.in_atomic_block:
            apply(connection)
        yield actor
    finally:
        _current.reset(previous)
        if connection.in_atomic_block and not connection.needs_rollback:
            apply(connection)


def system(facility, *, purpose: Purpose = Purpose.OPERATIONS, surface: str = "system"):
    """Run the block as the system inside one facility: tasks and commands."""
    facility_id = getattr(facility, "pk", facility)
    if facility_id is None:
        raise MissingFacility("A task or a command must name the facility that it works in.")
    return acting(
        Actor(
            facility_id=UUID(str(facility_id)),
            permissions=frozenset(Permission),
            reach=Reach.FACILITY,
            clinical=Reach.FACILITY,
            trail=True,
            purpose=purpose,
            origin=Origin(surface=surface),
        )
    )


PLATFORM = UUID(int=0)  # stands for 'no facility' where the trail's chains are told apart


def platform():
    """Run the block as the scheduler, which sees which facilities there are and nothing in them,
    and the trail's entries that no facility owns."""
    origin = Origin(surface="scheduler")
    return acting(Actor(facility_id=PLATFORM, reach=Reach.PLATFORM, trail=True, origin=origin))


@contextmanager
def whole_facility(*, clinical: bool = False) -> Iterator[Actor]:
    """Let the actor reach all of the facility for what the clinic must know or write whoever asks:
    when a specialist is taken, whether a number is free, the grant of an emergency. No row read
    inside leaves the caller; the trail still names the actor. With `clinical` content too."""
    actor = current()
    wider = replace(
        actor,
        reach=Reach.FACILITY,
        clinical=Reach.FACILITY if clinical else actor.clinical,
        barred=(),
    )
    with acting(wider) as wide:
        yield wide


@contextmanager
def by_verb() -> Iterator[Actor]:
    """Write what says who reaches whom: roles, grants, consents, relatives, relationships,
    emergency accesses. A verb does, having settled that the person may; outside one the policies
    refuse her every change of them, whatever SQL runs in her name. What she sees stays the same.
    """
    actor = current()
    if actor.by_verb:  # one verb calls another
        yield actor
        return
    with acting(replace(actor, by_verb=True)) as writing:
        yield writing


@contextmanager
def across_facilities(facilities, *, reason: str) -> Iterator[Actor]:
    """Cross facilities, visibly: each entry of the trail made inside carries the reason."""
    if not reason:
        raise ValueError("Crossing facilities needs a reason.")
    actor = replace(
        current(),
        across=tuple(facility.pk for facility in facilities),
        flags=(*current().flags, f"across:{reason}"),
    )
    with acting(actor):
        yield actor
