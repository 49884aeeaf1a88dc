"""Where the heads of the chains are kept outside the database: an append-only file a facility.

Each line names sequence, digest and time, with an HMAC under a key derived from the first master
key, so a line cannot be made up without it.
"""

import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class Forged(Exception):
    """A line of the anchor file carries no valid signature."""


@dataclass(frozen=True)
class Anchor:
    """A head that was kept: after `sequence` links the chain's digest was `digest`."""

    sequence: int
    digest: bytes
    at: str


def path_for(facility_id: UUID) -> Path:
    url = urlsplit(settings.AUDIT_ANCHOR_URL)
    if url.scheme != "file":
        raise ImproperlyConfigured("AUDIT_ANCHOR_URL must read file:///folder.")
    return Path(unquote(url.path)) / f"{facility_id}.jsonl"


def keep(facility_id: UUID, sequence: int, digest: bytes) -> Anchor | None:
    """Append the head, unless the last line already says so."""
    known = kept(facility_id)
    if sequence == 0 or (known and known[-1].sequence >= sequence):
        return None
    anchor = Anchor(sequence, digest, datetime.now(UTC).isoformat(timespec="seconds"))
    line = {
        "sequence": sequence,
        "digest": digest.hex(),
        "at": anchor.at,
        "mac": _mac(facility_id, anchor, settings.MASTER_KEYS[0]),
    }
    path = path_for(facility_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return anchor


def kept(facility_id: UUID) -> list[Anchor]:
    """The anchors of a facility, oldest first; raises `Forged`."""
    path = path_for(facility_id)
    if not path.exists():
        return []
    found = []
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        try:
            line = json.loads(text)
            anchor = Anchor(line["sequence"], bytes.fromhex(line["digest"]), line["at"])
            given = line["mac"]
        except (ValueError, KeyError, TypeError) as error:
            raise Forged(f"line {number} of {path.name} cannot be read") from error
        macs = (_mac(facility_id, anchor, key) for key in settings.MASTER_KEYS)
        if not any(hmac.compare_digest(given, mac) for mac in macs):
            raise Forged(f"line {number} of {path.name} has no valid signature")
        found.append(anchor)
    return found


def _mac(facility_id: UUID, anchor: Anchor, master: bytes) -> str:
    key = hmac.digest(master, b"anchor", hashlib.sha256)
    text = f"{facility_id}|{anchor.sequence}|{anchor.digest.hex()}|{anchor.at}"
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
