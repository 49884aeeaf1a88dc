"""The audit trail: django-auditlog's entries, written so that nothing goes past them.

Writes are noted by row triggers (`clinic.security.rls.Audited`), whatever made them. Reads and
refusals are noted here, by raw SQL, because an insert that returns its row would need the right to
read the trail. Entries are append-only in the database; `compliance.audit` chains and seals them.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from clinic.security import tenancy

logger = logging.getLogger("chartroom.trail")

CREATE, UPDATE, DELETE, ACCESS = range(4)

# Columns that `INSERT_SQL` takes from the actor, in this order (see `actor_values`).
INSERT_SQL = """INSERT INTO clinic_logentry (content_type_id, resource, object_pk, object_repr,
 action, changes_text, timestamp, patient_id, facility_id, additional_data, actor_id, purpose,
 remote_addr, user_agent, session_key, token_id, cid, surface, compliance_flags, risk_score)
 SELECT (SELECT id FROM django_content_type WHERE app_label = split_part(%s, '.', 1)
 AND model = split_part(%s, '.', 2)), %s, object_pk, '', %s, '', clock_timestamp(), patient_id,
 facility_id, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
 FROM unnest(%s::text[], %s::uuid[]) AS seen(object_pk, patient_id),
 unnest(%s::uuid[]) AS place(facility_id)"""

BULK, OUT_OF_HOURS = 50, (6, 21)


def read(
    resource: str,
    objects: Iterable[tuple[Any, UUID | None]],
    *,
    how: str = "detail",
    flags: Iterable[str] = (),
    details: dict[str, Any] | None = None,
) -> None:
    """Note that the current actor read the objects: pairs of (primary key, patient's id).

    `resource` is the model's label (`patients.patient`), `how` one of detail, list, search,
    download, answer, chart. One entry for each object, in the open transaction.
    """
    pairs = [(str(pk), patient_id) for pk, patient_id in objects]
    if pairs:
        data = {"how": how, **(details or {})}
        _insert(resource, pairs, action=ACCESS, data=data, flags=flags)


def note(
    resource: str,
    *,
    action: int = ACCESS,
    object_pk: Any = "",
    patient_id: UUID | None = None,
    flags: Iterable[str] = (),
    details: dict[str, Any] | None = None,
    facilities: Iterable[UUID] | None = None,
) -> None:
    """Note one act of the current actor that is neither a row's change nor a reading: in the
    facility acted in or, where `facilities` are given, in each of them."""
    actor, seen = tenancy.current(), [(str(object_pk), patient_id)]
    if facilities is None:
        _insert(resource, seen, action=action, data=details or {}, flags=flags)
        return
    # As many statements for none as for several: the time that they take tells nothing.
    with tenancy.acting(replace(actor, across=tuple(facilities))) as there:
        places = there.facilities
        _insert(resource, seen, action=action, data=details or {}, flags=flags, places=places)


def defer(**entry) -> None:
    """Keep an entry until the transaction is over, however it ends (see `write_deferred`)."""
    tenancy.current().deferred.append(entry)


def defer_seal_broken(instance, column: str, reason: str) -> None:
    """Note that a sealed value could not be opened, even though the reading now fails."""
    meta = instance._meta
    defer(
        resource=meta.label_lower,
        object_pk=instance.pk,
        patient_id=getattr(instance, "patient_id", None),
        flags=["seal_broken"],
        details={"column": column, "reason": reason},
    )
    logger.error("seal broken", extra={"resource": meta.label_lower, "column": column})
    if not connection.in_atomic_block:
        write_deferred(tenancy.current())


def write_deferred(actor: tenancy.Actor) -> None:
    """Write what was deferred, in a transaction of its own."""
    if actor.deferred:
        with tenancy.acting(actor), transaction.atomic():
            while actor.deferred:
                note(**actor.deferred.pop(0))


def risk_of(actor: tenancy.Actor, flags: Iterable[str], count: int) -> int:
    """A first risk score, 0 to 100: refused 30, seal broken 60, emergency 40, bulk 20, night 10."""
    flags = set(flags)
    score = 30 * ("refused" in flags) + 60 * ("seal_broken" in flags)
    score += 40 * (actor.purpose == tenancy.Purpose.EMERGENCY) + 20 * (count >= BULK)
    if actor.purpose == tenancy.Purpose.TREATMENT:
        hour = timezone.localtime().hour
        score += 10 * (not OUT_OF_HOURS[0] <= hour < OUT_OF_HOURS[1])
    return min(score, 100)


def actor_values(actor: tenancy.Actor, flags: list[str], count: int) -> list[Any]:
    """The part of an entry that says who, where and why; in the order of `INSERT_SQL`."""
    origin = actor.origin
    return [
        actor.user_id, str(actor.purpose), origin.address, origin.agent[:300],
        origin.session, origin.token or None, origin.request_id, origin.surface,
        [*actor.flags, *flags], risk_of(actor, flags, count),
    ]  # fmt: skip


def _insert(resource, pairs, *, action, data, flags, places=()) -> None:
    actor, flags = tenancy.current(), list(flags)
    parameters = [resource, resource, resource, action, json.dumps(data, default=str)]
    parameters += actor_values(actor, flags, len(pairs))
    parameters += [[pk for pk, _ in pairs], [patient_id for _, patient_id in pairs]]
    parameters.append(list(places) or [actor.facility_id])
    with connection.cursor() as cursor:
        cursor.execute(INSERT_SQL, parameters)
