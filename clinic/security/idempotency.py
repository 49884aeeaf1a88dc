"""The same POST twice has one effect: its `Idempotency-Key` replays the first answer.

The key's row is written in the transaction of the work itself, so a crash between commit and answer
leaves both or neither. Concurrent twins wait for the first and then replay it.
"""

import hashlib
import hmac
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, connection

from clinic.security import tenancy


class KeyReused(Exception):
    """The key came before with another body."""


@dataclass(frozen=True)
class About:
    """What an answer tells of: an object, and if it is a patient's the grant that it is read by,
    whether it holds clinical content, and the confidential kinds that it names."""

    resource: str = ""
    object_id: UUID | None = None
    patient_id: UUID | None = None
    category: str = ""
    clinical: bool = True
    kept_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replay:
    """The answer that the first request got, and what it tells of."""

    status: int
    answer: Any
    about: About


def _digest(*parts: bytes) -> bytes:
    """Keyed, for what is sent holds patient data: nobody can try a guess at it on a dump."""
    return hmac.digest(settings.BLIND_INDEX_KEY, b"\x00".join((b"once", *parts)), hashlib.sha256)


def _rows():
    return apps.get_model("clinic.IdempotencyKey").objects


def begin(*, key: str, method: str, path: str, body: bytes) -> Replay | None:
    """Claim the key in the open transaction, or answer what it answered before, as long as the
    sender reaches the patient whom the answer tells of (a policy sees to it).

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
    about = About(row.resource, row.object_id, row.patient_id, row.category, row.clinical)
    return Replay(status=row.status, answer=row.answer, about=about)


def finish(
    *, key: str, method: str, path: str, body: bytes, status: int, answer: Any, about: About
) -> None:
    """Keep the answer with the work that it tells of.

    Raises `KeyReused` where the key has an answer that its sender does not reach any more.
    """
    actor = tenancy.current()
    try:
        _rows().create(
            facility_id=actor.facility_id,
            user_id=actor.user_id,
            key_digest=_digest(key.encode()),
            body_digest=_digest(method.encode(), path.encode(), body),
            status=status,
            answer=answer,
            **asdict(about) | {"kept_as": list(about.kept_as)},
        )
    except IntegrityError as error:
        raise KeyReused from error
