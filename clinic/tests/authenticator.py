"""The authenticator app of the tests' people."""

import time

from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)

STEP = 30  # seconds for which a code is shown


def code_of(secret: str, *, left: float = 0) -> str:
    """The code that the app shows now; waits for the next one where this has fewer than `left`
    seconds left to be typed in."""
    if (rest := STEP - time.time() % STEP) < left:
        time.sleep(rest + 0.1)
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
