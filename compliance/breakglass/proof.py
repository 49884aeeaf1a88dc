"""Showing again who one is, for one act: a code that works once, or a passkey just now."""

import time
from dataclasses import dataclass

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import validate_totp_code
from allauth.mfa.utils import decrypt
from django.contrib.sessions.backends.base import SessionBase

from clinic import accounts
from clinic.models import User

FRESH = 120  # seconds for which a passkey counts
Type = Authenticator.Type


@dataclass(frozen=True)
class Proof:
    """What a person shows: a code of her app or one of her recovery codes, or the session in which
    she used her passkey just now."""

    code: str = ""
    session: SessionBase | None = None


def proved(user: User, proof: Proof) -> bool:
    """Whether the proof holds; it is used up by that. What is refused after it, in the same
    transaction, gives it back."""
    return _by_code(user, proof.code) if proof.code else _by_passkey(user, proof.session)


def has_passkey(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type=Type.WEBAUTHN).exists()


def is_fresh(session: SessionBase) -> bool:
    """Whether a passkey was used just now, and not for anything yet."""
    return _fresh(session) is not None


def _by_code(user: User, code: str) -> bool:
    held = Authenticator.objects.filter(user=user, type__in=[Type.TOTP, Type.RECOVERY_CODES])
    for authenticator in held:
        if _fits(authenticator, code) and accounts.spend_code(user, code):
            authenticator.record_usage()
            return True
    return False


def _fits(authenticator: Authenticator, code: str) -> bool:
    """The app's code is compared without allauth's own mark, which a rollback would leave behind:
    who mistyped the record number need not wait for the next code."""
    if authenticator.type == Type.TOTP:
        return validate_totp_code(decrypt(authenticator.data["secret"]), code)
    return authenticator.wrap().validate_code(code)


def _by_passkey(user: User, session: SessionBase | None) -> bool:
    record = _fresh(session) if session is not None else None
    if record is None:
        return False
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        one for one in session[AUTHENTICATION_METHODS_SESSION_KEY] if one != record
    ]
    # The session alone would count twice for two requests at the same moment.
    return accounts.spend_code(user, f"passkey {record['at']}")


def _fresh(session: SessionBase) -> dict | None:
    """The newest proof by passkey after sign-in (`reauthenticated`), if it is young enough."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    for record in reversed(records):
        if record.get("type") == Type.WEBAUTHN and record.get("reauthenticated"):
            return record if time.time() - record["at"] < FRESH else None
    return None
