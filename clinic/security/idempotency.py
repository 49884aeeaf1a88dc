"""The same POST twice has one effect: its `Idempotency-Key` replays the first answer.

The key's row is written in the transaction of the work itself, so a crash between commit and answer
leaves both or neither. Concurrent twins wait for the first and then replay it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection

from clinic.security import tenancy


class KeyReused(Exception):
    """The key came before with another body."""


@dataclass(frozen=True)
class Replay:
    """The answer that the first request got."""

    status: int
    answer: Any


def _digest(*parts: bytes) -> bytes:
    """Keyed, for what is sent holds patient data: nobody can try a guess at it on a dump."""
    return hmac.digest(settings.BLIND_INDEX_KEY, b"\x00".join((b"once", *parts)), hashlib.sha256)


def _rows():
    return apps.get_model("clinic.IdempotencyKey").objects


def begin(*, key: str, method: str, path: str, body: bytes) -> Replay | None:
    """Claim the key in the open transaction, or answer what it answered before.

    Raises `KeyReused` for another body. The claim waits where a twin is at work.
    """
    actor = tenancy.current()
    key_digest = _digest(key.encode())
    body_digest = _digest(method.encode(), path.encode(), body)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 7))",
            [f"{actor.facility_id}{actor.user_id}{key_digest.hex()}"],
        )
    row = (
        _rows()
        .filter(facility_id=actor.facility_id, user_id=actor.user_id, key_digest=key_digest)
        .first()
    )
    if row is None:
        return None
    if bytes(row.body_digest) != body_digest:
        raise KeyReused
    return Replay(status=row.status, answer=row.answer)


def finish(*, key: str, method: str, path: str, body: bytes, status: int, answer: Any) -> None:
    """Keep the answer with the work that it tells of."""
    actor = tenancy.current()
    _rows().create(
        facility_id=actor.facility_id,
        user_id=actor.user_id,
        key_digest=_digest(key.encode()),
        body_digest=_digest(method.encode(), path.encode(), body),
        status=status,
        answer=answer,
    )
