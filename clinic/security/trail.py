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

from clinic.security import tenancy

logger = logging.getLogger("chartroom.trail")

CREATE, UPDATE, DELETE, ACCESS = range(4)

# The risk score is the database's rule, for the row triggers and for us (see `trail_risk`). What is
# done under broken glass is an emergency, whatever the request was for.
INSERT_SQL = """WITH place AS MATERIALIZED (
 SELECT facility_id, urgent, CASE WHEN urgent THEN 'emergency' ELSE %(purpose)s END AS purpose,
  CASE WHEN urgent THEN %(flags)s::text[] || '{break_glass}' ELSE %(flags)s END AS flags,
  trail_risk(facility_id, CASE WHEN urgent THEN 'emergency' ELSE %(purpose)s END, %(flags)s,
   %(count)s) AS risk
 FROM unnest(%(places)s::uuid[]) AS facility_id, (VALUES (true), (false)) AS way (urgent))
 INSERT INTO clinic_logentry (content_type_id, resource, object_pk, object_repr, action,
 changes_text, timestamp, patient_id, facility_id, additional_data, actor_id, purpose, remote_addr,
 user_agent, session_key, token_id, cid, surface, compliance_flags, risk_score)
 SELECT (SELECT id FROM django_content_type WHERE app_label = split_part(%(resource)s, '.', 1)
 AND model = split_part(%(resource)s, '.', 2)), %(resource)s, object_pk, '', %(action)s, '',
 clock_timestamp(), patient_id, facility_id, %(data)s::jsonb, %(actor)s, purpose,
 %(address)s, %(agent)s, %(session)s, %(token)s, %(request)s, %(surface)s, flags, risk
 FROM unnest(%(objects)s::text[], %(patients)s::uuid[]) AS seen(object_pk, patient_id)
 JOIN place ON urgent = COALESCE(patient_id = ANY (app_emergencies()), false)"""


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


def _insert(resource, pairs, *, action, data, flags, places=()) -> None:
    actor = tenancy.current()
    origin = actor.origin
    entry = {
        "resource": resource,
        "action": action,
        "data": json.dumps(data, default=str),
        "actor": actor.user_id,
        "purpose": str(actor.purpose),
        "address": origin.address,
        "agent": origin.agent[:300],
        "session": origin.session,
        "token": origin.token or None,
        "request": origin.request_id,
        "surface": origin.surface,
        "flags": [*actor.flags, *flags],
        "count": len(pairs),
        "objects": [pk for pk, _ in pairs],
        "patients": [patient_id for _, patient_id in pairs],
        "places": list(places) or [actor.facility_id],
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT_SQL, entry)
