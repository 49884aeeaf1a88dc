"""The keys of a facility: data keys wrapped by the master keys, and what they seal.

Each facility has data keys of 32 random bytes (`clinic_datakey`), wrapped with AES-256-GCM by the
first of `MASTER_KEYS`. A sealed value reads `c1.<key id>.<payload>`: scheme, the data key's UUID
and base64(nonce 12 bytes + ciphertext + tag 16 bytes). The place it belongs to (table, column,
row, facility) is authenticated with it, so a value that was moved, altered or written without its
key cannot be opened (NIST SP 800-38D; additional authenticated data).
"""

import hashlib
import os
from binascii import a2b_base64, b2a_base64
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction

SCHEME, FILE_MARK = "c1", b"CR1"
NAME = slice(3, 25)  # where a token names its key: 16 bytes in base64 without padding
PAYLOAD = slice(26, None)
BROKEN = (InvalidTag, ValueError)  # what opening an altered value raises


class SealBroken(Exception):
    """A sealed value was altered, moved, or its key is wrong or missing. Never shows the value."""

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__(f"A sealed value cannot be opened: {reason}.")


class DataKey:
    """An unwrapped data key, good for one facility (or for the platform: `facility_id` None)."""

    __slots__ = ("cipher", "facility_id", "id", "name", "prefix", "serial")

    def __init__(self, key_id: UUID, facility_id: UUID | None, secret: bytes, serial: int | None):
        self.id, self.facility_id, self.serial = key_id, facility_id, serial
        self.cipher = AESGCM(secret)
        self.name = _encode(key_id.bytes).rstrip("=")
        self.prefix = f"{SCHEME}.{self.name}."

    def open(self, token: str, place: bytes) -> bytes:
        """Decrypt a value that names this key; raises one of `BROKEN`."""
        raw = a2b_base64(token[PAYLOAD], strict_mode=True)
        return self.cipher.decrypt(raw[:12], raw[12:], place)


_by_id: dict[str, DataKey] = {}
_current: dict[UUID | None, DataKey] = {}


def forget() -> None:
    """Drop all unwrapped keys from this process (after a rotation, and in tests)."""
    _by_id.clear()
    _current.clear()


def _encode(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode()


def seal(value: bytes, *, place: bytes, facility_id: UUID | None) -> str:
    """Encrypt `value` under the facility's current key, bound to `place`."""
    key = _current_key(facility_id)
    nonce = os.urandom(12)
    return key.prefix + _encode(nonce + key.cipher.encrypt(nonce, value, place))


def open_sealed(token: str, *, place: bytes, facility_id: UUID | None) -> bytes:
    """Decrypt what `seal` made for the same place and facility; raises `SealBroken`."""
    key = key_of(token, facility_id)
    try:
        return key.open(token, place)
    except BROKEN as error:
        raise SealBroken("it was altered or moved") from error


def key_of(token: str, facility_id: UUID | None) -> DataKey:
    """The key that a sealed value of this facility names; raises `SealBroken`."""
    if token[:3] != "c1." or token[25:26] != ".":
        raise SealBroken("it is not a sealed value")
    key = _key_named(token[NAME])
    if key.facility_id != facility_id:
        raise SealBroken("its key belongs to another facility")
    return key


def seal_file(data: bytes, *, place: bytes, facility_id: UUID | None) -> bytes:
    """As `seal`, for a whole file: `CR1`, the key's 16 bytes, nonce, ciphertext and tag."""
    key = _current_key(facility_id)
    nonce = os.urandom(12)
    return FILE_MARK + key.id.bytes + nonce + key.cipher.encrypt(nonce, data, place)


def open_file(data: bytes, *, place: bytes, facility_id: UUID | None) -> bytes:
    """The bytes that `seal_file` sealed for the same place; raises `SealBroken`."""
    if data[:3] != FILE_MARK or len(data) < 47:
        raise SealBroken("it is not a sealed file")
    key = _key_named(_encode(data[3:19]).rstrip("="))
    if key.facility_id != facility_id:
        raise SealBroken("its key belongs to another facility")
    try:
        return key.cipher.decrypt(data[19:31], data[31:], place)
    except InvalidTag as error:
        raise SealBroken("it was altered or moved") from error


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
    return f"{name}.{_encode(nonce + box)}"


def _unwrap(wrapped: str, key_id: UUID, facility_id: UUID | None) -> bytes:
    name, _, payload = wrapped.partition(".")
    try:
        raw, master = a2b_base64(payload), _masters()[name]
        return AESGCM(master).decrypt(raw[:12], raw[12:], _wrapping_place(key_id, facility_id))
    except KeyError as error:
        raise SealBroken("its master key is not among MASTER_KEYS") from error
    except BROKEN as error:
        raise SealBroken("the wrapped key was altered") from error


def _current_key(facility_id: UUID | None) -> DataKey:
    key = _current.get(facility_id)
    if key is None or not _still_valid(key):
        key = _load("facility_id IS NOT DISTINCT FROM %s", facility_id) or create(facility_id)
        if key is None:
            raise SealBroken("the facility's key is out of reach")
    return key


def _key_named(name: str) -> DataKey:
    key = _by_id.get(name)
    if key is None or not _still_valid(key):
        try:
            key_id = UUID(bytes=a2b_base64(name + "=="))
        except ValueError as error:
            raise SealBroken("it names no key") from error
        key = _load("id = %s", key_id)
        if key is None:
            raise SealBroken("its key is out of reach")
    return key


def _still_valid(key: DataKey) -> bool:
    """A key is good in the transaction that made it, and everywhere once that has committed."""
    return key.serial is None or key.serial == connection.transaction_serial


def _load(condition: str, value, serial: int | None = None) -> DataKey | None:
    """Read and unwrap the newest key that meets the condition and that the actor may see."""
    with transaction.atomic(), connection.cursor() as cursor:
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
    _by_id[key.name] = key
    if "facility_id" in condition:
        _current[facility_id] = key
    return key
