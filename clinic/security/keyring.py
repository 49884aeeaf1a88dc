"""The keys of a facility: data keys wrapped by the master keys, and what they seal.

Each facility has data keys of 32 random bytes (`clinic_datakey`), wrapped with AES-256-GCM by the
first of `MASTER_KEYS`. A sealed value reads `c1.<key id>.<payload>`: scheme, the data key's UUID
and base64url(nonce 12 bytes + ciphertext + tag 16 bytes). The place it belongs to (table, column,
row, facility) is authenticated with it, so a value that was moved, altered or written without its
key cannot be opened (NIST SP 800-38D; additional authenticated data).
"""

import base64
import hashlib
import os
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction

SCHEME, FILE_MARK = "c1", b"CR1"
_encode, _decode = base64.urlsafe_b64encode, base64.urlsafe_b64decode


class SealBroken(Exception):
    """A sealed value was altered, moved, or its key is wrong or missing. Never shows the value."""

    def __init__(self, place: str, reason: str):
        self.place, self.reason = place, reason
        super().__init__(f"The value at {place} cannot be opened: {reason}.")


class DataKey:
    """An unwrapped data key, good for one facility (or for the platform: `facility_id` None)."""

    __slots__ = ("cipher", "facility_id", "id", "prefix", "serial")

    def __init__(self, key_id: UUID, facility_id: UUID | None, secret: bytes, serial: int | None):
        self.id, self.facility_id, self.serial = key_id, facility_id, serial
        self.cipher = AESGCM(secret)
        self.prefix = f"{SCHEME}.{_encode(key_id.bytes).decode().rstrip('=')}."


_by_id: dict[str, DataKey] = {}
_current: dict[UUID | None, DataKey] = {}


def forget() -> None:
    """Drop all unwrapped keys from this process (after a rotation, and in tests)."""
    _by_id.clear()
    _current.clear()


def seal(value: bytes, *, place: str, facility_id: UUID | None) -> str:
    """Encrypt `value` under the facility's current key, bound to `place`."""
    key = _current_key(facility_id)
    nonce = os.urandom(12)
    box = key.cipher.encrypt(nonce, value, place.encode())
    return key.prefix + _encode(nonce + box).decode()


def open_sealed(token: str, *, place: str, facility_id: UUID | None) -> bytes:
    """Decrypt what `seal` made for the same place and facility; raises `SealBroken`."""
    parts = token.split(".")
    if len(parts) != 3 or parts[0] != SCHEME:
        raise SealBroken(place, "it is not a sealed value")
    key = _key_named(parts[1], place)
    if key.facility_id != facility_id:
        raise SealBroken(place, "its key belongs to another facility")
    try:
        raw = _decode(parts[2])
        return key.cipher.decrypt(raw[:12], raw[12:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken(place, "it was altered or moved") from error


def seal_file(data: bytes, *, place: str, facility_id: UUID | None) -> bytes:
    """As `seal`, for a whole file: `CR1`, the key's 16 bytes, nonce, ciphertext and tag."""
    key = _current_key(facility_id)
    nonce = os.urandom(12)
    return FILE_MARK + key.id.bytes + nonce + key.cipher.encrypt(nonce, data, place.encode())


def open_file(data: bytes, *, place: str, facility_id: UUID | None) -> bytes:
    """The bytes that `seal_file` sealed for the same place; raises `SealBroken`."""
    if data[:3] != FILE_MARK or len(data) < 47:
        raise SealBroken(place, "it is not a sealed file")
    key = _key_named(_encode(data[3:19]).decode().rstrip("="), place)
    if key.facility_id != facility_id:
        raise SealBroken(place, "its key belongs to another facility")
    try:
        return key.cipher.decrypt(data[19:31], data[31:], place.encode())
    except InvalidTag as error:
        raise SealBroken(place, "it was altered or moved") from error


def create(facility_id: UUID | None) -> DataKey:
    """Make the facility's next data key; concurrent callers get the one that was first."""
    key_id, secret = uuid4(), os.urandom(32)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO clinic_datakey (id, facility_id, version, wrapped, created_at)
               SELECT %s, %s, 1 + count(*), %s, now() FROM clinic_datakey
               WHERE facility_id IS NOT DISTINCT FROM %s
               ON CONFLICT DO NOTHING""",
            [key_id, facility_id, _wrap(secret, key_id, facility_id), facility_id],
        )
    serial = connection.transaction_serial if connection.in_atomic_block else None
    return _load("facility_id IS NOT DISTINCT FROM %s", facility_id, serial)


def master_key_id(key: bytes) -> str:
    """A short public name of a master key: it tells which one wrapped, and nothing of the key."""
    return hashlib.sha256(b"chartroom master " + key).hexdigest()[:16]


def _masters() -> dict[str, bytes]:
    return {master_key_id(key): key for key in settings.MASTER_KEYS}


def _wrapping_place(key_id: UUID, facility_id: UUID | None) -> bytes:
    return f"datakey|{key_id}|{facility_id}".encode()


def _wrap(secret: bytes, key_id: UUID, facility_id: UUID | None) -> str:
    name, master = next(iter(_masters().items()))
    nonce = os.urandom(12)
    box = AESGCM(master).encrypt(nonce, secret, _wrapping_place(key_id, facility_id))
    return f"{name}.{_encode(nonce + box).decode()}"


def _unwrap(wrapped: str, key_id: UUID, facility_id: UUID | None) -> bytes:
    name, _, payload = wrapped.partition(".")
    place = f"data key {key_id}"
    try:
        raw, master = _decode(payload), _masters()[name]
        return AESGCM(master).decrypt(raw[:12], raw[12:], _wrapping_place(key_id, facility_id))
    except KeyError as error:
        raise SealBroken(place, "its master key is not among MASTER_KEYS") from error
    except (InvalidTag, ValueError) as error:
        raise SealBroken(place, "the wrapped key was altered") from error


def _current_key(facility_id: UUID | None) -> DataKey:
    key = _current.get(facility_id)
    if key is None or not _still_valid(key):
        key = _load("facility_id IS NOT DISTINCT FROM %s", facility_id) or create(facility_id)
        if key is None:
            raise SealBroken("a new value", "the facility's key is out of reach")
    return key


def _key_named(name: str, place: str) -> DataKey:
    key = _by_id.get(name)
    if key is None or not _still_valid(key):
        try:
            key_id = UUID(bytes=_decode(name + "=="))
        except ValueError as error:
            raise SealBroken(place, "it names no key") from error
        key = _load("id = %s", key_id)
        if key is None:
            raise SealBroken(place, "its key is out of reach")
    return key


def _still_valid(key: DataKey) -> bool:
    """A key is good in the transaction that made it, and everywhere once that has committed."""
    return key.serial is None or key.serial == connection.transaction_serial


def _load(condition: str, value, serial: int | None = None) -> DataKey | None:
    """Read and unwrap the newest key that meets the condition and that the actor may see."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, facility_id, wrapped FROM clinic_datakey
                WHERE {condition} ORDER BY version DESC LIMIT 1""",
            [value],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    key_id, facility_id, wrapped = row
    key = DataKey(key_id, facility_id, _unwrap(wrapped, key_id, facility_id), serial)
    _by_id[key.prefix.split(".")[1]] = key
    if "facility_id" in condition:
        _current[facility_id] = key
    return key
