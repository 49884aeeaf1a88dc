"""The trail chained, sealed outside the database, and verified.

Each facility's entries form a hash chain (`clinic_traillink`): link n is SHA-256 over link n-1 and
the canonical form of its entry. Links are written in batches, in the order in which transactions
took their numbers, and only over entries older than the oldest running transaction: writers never
wait for one another, and whatever commits later has its place after the last link, so only what
lies there is looked at. The head of each chain, signed with a key derived from the master key, goes
to an anchor outside the database: a cut tail shows there.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from clinic.security import tenancy
from compliance import anchors

BATCH = 2000
START = bytes(32)

# Every column of an entry, unambiguously: what is not here could be changed unseen.
CANONICAL = """jsonb_build_array(e.id, e.content_type_id, e.resource, e.object_pk, e.object_id,
 e.object_repr, e.serialized_data, e.action, e.changes_text, e.changes, e.actor_id, e.actor_email,
 e.cid, e.remote_addr, e.remote_port, extract(epoch FROM e.timestamp), e.additional_data,
 e.facility_id, e.patient_id, e.purpose, e.user_agent, e.session_key, e.token_id, e.surface,
 e.compliance_flags, e.risk_score, e.xid::text)::text"""
OF_CHAIN = "COALESCE(e.facility_id, '00000000-0000-0000-0000-000000000000')"
IS_UNSEALED = "NOT EXISTS (SELECT 1 FROM clinic_traillink l WHERE l.entry_id = e.id)"

# Transactions below `OLDEST` are over and their entries visible; none has `NEXT` or above yet.
OLDEST = "pg_snapshot_xmin(pg_current_snapshot())"
NEXT = "pg_snapshot_xmax(pg_current_snapshot())"


@dataclass(frozen=True)
class Head:
    """The end of a chain: how many links, and the last digest."""

    facility_id: UUID
    sequence: int
    digest: bytes


@dataclass(frozen=True)
class Verdict:
    """What verification found: the links checked, and the first break or None."""

    facility_id: UUID
    links: int
    unsealed: int
    broken: str | None = None


def digest(previous: bytes, canonical: str) -> bytes:
    return hashlib.sha256(previous + canonical.encode()).digest()


@transaction.atomic
def head(facility_id: UUID) -> Head:
    """The head of the chain as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequence, digest FROM clinic_traillink WHERE facility_id = %s"
            " ORDER BY sequence DESC LIMIT 1",
            [facility_id],
        )
        row = cursor.fetchone()
    return Head(facility_id, row[0], bytes(row[1])) if row else Head(facility_id, 0, START)


def seal(facility_id: UUID) -> int:
    """Chain the facility's settled entries; answers how many. One sealer a facility at a time."""
    sealed = 0
    while batch := _seal_batch(facility_id):
        sealed += batch
    return sealed


@transaction.atomic(durable=True)  # entries of an outer transaction of ours are not settled
def _seal_batch(facility_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 11))", [str(facility_id)]
        )
        if not cursor.fetchone()[0]:
            return 0
        last = head(facility_id)
        _find_unsealed(cursor, last)
        links, previous = [], last.digest
        for number, (entry_id, canonical) in enumerate(cursor.fetchall(), last.sequence + 1):
            previous = digest(previous, canonical)
            links.append((entry_id, number, previous))
        if links:
            cursor.execute(
                "INSERT INTO clinic_traillink (entry_id, facility_id, sequence, digest, sealed_at)"
                " SELECT entry, %s, place, digest, now()"
                " FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[]) AS l(entry, place, digest)",
                [facility_id, *(list(column) for column in zip(*links, strict=True))],
            )
    return len(links)


def _find_unsealed(cursor, last: Head) -> None:
    """Ask for the next entries of the chain: those after the one sealed last, or all of them where
    none was, or where the database was restored on a server that counts transactions anew.

    There the numbers of old entries are still to come, or new entries have lower ones. All are
    asked then, old ones first: before a link of a new entry nothing is left unsealed.
    """
    chain, place = "e.facility_id = %s", [last.facility_id]
    if last.facility_id == tenancy.PLATFORM:
        chain, place = "e.facility_id IS NULL", []
    cursor.execute(
        f"""SELECT was.xid::text, was.id FROM clinic_traillink l JOIN clinic_logentry was
                ON was.id = l.entry_id AND was.xid < {OLDEST}
            WHERE l.facility_id = %s AND l.sequence = %s AND NOT EXISTS (
                SELECT 1 FROM clinic_logentry e
                WHERE {chain} AND e.id > was.id AND e.xid < was.xid AND {IS_UNSEALED})""",
        [last.facility_id, last.sequence, *place],
    )
    if after := cursor.fetchone():
        which, order = f"(e.xid, e.id) > (%s::xid8, %s) AND e.xid < {OLDEST}", "e.xid, e.id"
    else:
        which, order = f"(e.xid < {OLDEST} OR e.xid >= {NEXT})", f"e.xid < {NEXT}, e.xid, e.id"
    cursor.execute(
        f"""SELECT e.id, {CANONICAL} FROM clinic_logentry e
            WHERE {chain} AND {which} AND {IS_UNSEALED} ORDER BY {order} LIMIT {BATCH}""",
        [*place, *(after or ())],
    )


def anchor(facility_id: UUID) -> anchors.Anchor | None:
    """Seal what is settled and keep the head outside the database."""
    seal(facility_id)
    last = head(facility_id)
    return anchors.keep(facility_id, last.sequence, last.digest)


@transaction.atomic
def verify(facility_id: UUID) -> Verdict:
    """Check every link, its entry, and the anchored heads; names the first break."""
    try:
        anchored = {a.sequence: a.digest for a in anchors.kept(facility_id)}
    except (anchors.Forged, OSError) as unreadable:
        return _verdict(facility_id, 0, str(unreadable))
    links, broken = 0, None
    previous = START
    for entry_id, sequence, stored, canonical in _links(facility_id):
        broken = _break(links + 1, entry_id, sequence, canonical)
        if broken is None:
            previous = digest(previous, canonical)
            if previous != bytes(stored):
                broken = f"entry {entry_id} (link {sequence}) was altered"
            elif anchored.get(sequence, previous) != previous:
                broken = f"link {sequence} differs from its anchor: the chain was rewritten"
        if broken:
            return _verdict(facility_id, links, broken)
        links += 1
    if links < max(anchored, default=0):
        broken = f"the tail is cut: {max(anchored)} links were anchored, {links} are there"
    return _verdict(facility_id, links, broken)


def _break(expected: int, entry_id: int, sequence: int, canonical: str | None) -> str | None:
    if sequence != expected:
        return f"link {expected} is missing"
    if canonical is None:
        return f"entry {entry_id} (link {sequence}) was deleted"
    return None


def _links(facility_id: UUID) -> Iterator[tuple]:
    with connection.connection.cursor(name="links_of_a_trail") as cursor:
        cursor.itersize = BATCH
        cursor.execute(
            f"""SELECT l.entry_id, l.sequence, l.digest,
                    CASE WHEN e.id IS NOT NULL THEN {CANONICAL} END
                FROM clinic_traillink l LEFT JOIN clinic_logentry e
                    ON e.id = l.entry_id AND {OF_CHAIN} = l.facility_id
                WHERE l.facility_id = %s ORDER BY l.sequence""",
            [facility_id],
        )
        yield from cursor


def _verdict(facility_id: UUID, links: int, broken: str | None) -> Verdict:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM clinic_logentry e WHERE {OF_CHAIN} = %s AND {IS_UNSEALED}",
            [facility_id],
        )
        return Verdict(facility_id, links, cursor.fetchone()[0], broken)
