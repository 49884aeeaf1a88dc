"""Where the heads of the chains are kept outside the database: an append-only file a facility.

Each line names sequence, digest and time, with an HMAC under a key derived from the first master
key, so a line cannot be made up without it.
"""

import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

logger = logging.getLogger("chartroom.trail")

LINE = re.compile(
    rb'\{"sequence": (\d{1,19}), "digest": "([0-9a-f]{64})", "at": "([-+:\dT]+)",'
    rb' "mac": "[0-9a-f]{64}"\}'
)
LONGEST = 512  # bytes; no line of ours is as long


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
    """Append the head, unless the last line already says so. Only the file's end is read.

    A last line without its end was cut off while it was written, by a crash or a full disk: it is
    taken away, and the head written anew. Raises `Forged`.
    """
    if sequence == 0:
        return None
    with _held(path_for(facility_id)) as file:
        known = _last(facility_id, file)
        if known and known.sequence >= sequence:
            return None
        anchor = Anchor(sequence, digest, datetime.now(UTC).isoformat(timespec="seconds"))
        file.write(_line(facility_id, anchor, settings.MASTER_KEYS[0]))
        file.flush()
        os.fsync(file.fileno())
    return anchor


def kept(facility_id: UUID) -> list[Anchor]:
    """The anchors of a facility, oldest first; raises `Forged`. What is being written, or was cut
    off while it was, is none."""
    path = path_for(facility_id)
    if not path.exists():
        return []
    lines, _unfinished = _lines(path.read_bytes(), path.name)
    return [
        _anchor(facility_id, line, f"line {number} of {path.name}")
        for number, line in enumerate(lines, start=1)
    ]


@contextmanager
def _held(path: Path) -> Iterator[BinaryIO]:
    """The file for this process alone: of two that seal, one reads what the other has written."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with open(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _last(facility_id: UUID, file: BinaryIO) -> Anchor | None:
    """The anchor of the last whole line; what was begun after it is taken away."""
    name, size = path_for(facility_id).name, file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 3 * LONGEST))
    lines, unfinished = _lines(file.read(), name)
    if unfinished:
        logger.warning("an anchor was not written to its end: %s", name)
        file.truncate(size - len(unfinished))
    return _anchor(facility_id, lines[-1], f"the last line of {name}") if lines else None


def _lines(data: bytes, name: str) -> tuple[list[bytes], bytes]:
    """The whole lines, and what was begun after them."""
    *lines, unfinished = data.split(b"\n")
    if len(unfinished) > LONGEST:
        raise Forged(f"what follows the last line of {name} is no anchor")
    return lines, unfinished


def _anchor(facility_id: UUID, text: bytes, where: str) -> Anchor:
    """The anchor of a line, which must be, letter for letter, what one of our keys writes."""
    found = LINE.fullmatch(text)
    if found is None:
        raise Forged(f"{where} cannot be read")
    anchor = Anchor(int(found[1]), bytes.fromhex(found[2].decode()), found[3].decode())
    ours = (_line(facility_id, anchor, key) for key in settings.MASTER_KEYS)
    if not any(hmac.compare_digest(text + b"\n", line) for line in ours):
        raise Forged(f"{where} has no valid signature")
    return anchor


def _line(facility_id: UUID, anchor: Anchor, master: bytes) -> bytes:
    key = hmac.digest(master, b"anchor", hashlib.sha256)
    text = f"{facility_id}|{anchor.sequence}|{anchor.digest.hex()}|{anchor.at}"
    line = {
        "sequence": anchor.sequence,
        "digest": anchor.digest.hex(),
        "at": anchor.at,
        "mac": hmac.digest(key, text.encode(), hashlib.sha256).hex(),
    }
    return json.dumps(line).encode() + b"\n"
