"""Requests a minute, counted in the shared cache."""

import time
from threading import Lock

from django.conf import settings
from django.core.cache import cache
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from clinic import staffing
from clinic.api.authentication import bearer

MINUTE = 60


class Counter:
    """Counts one token's requests of this minute; tells the shared cache in steps.

    A step is a hundredth of the rate, so all processes together know the count to within a few
    per cent, and most requests cost no round trip.
    """

    __slots__ = ("here", "minute", "shared")

    def __init__(self, minute: int):
        self.minute, self.here, self.shared = minute, 0, 0


class TokenThrottle(BaseThrottle):
    """`API_RATE` requests a minute for each token; sign-in has its own, tighter."""

    counters: dict[bytes, Counter] = {}
    lock = Lock()
    most_counters = 10_000

    def allow_request(self, request, view) -> bool:
        token = bearer(request)
        if token is None:
            return True
        digest, minute = staffing.digest_of(token), int(time.time() // MINUTE)
        with self.lock:
            counter = self.counters.get(digest)
            if counter is None or counter.minute != minute:
                if len(self.counters) >= self.most_counters:
                    self.counters.clear()
                counter = self.counters[digest] = Counter(minute)
            counter.here += 1
            step = max(1, settings.API_RATE // 100)
            due, counter.here = (counter.here, 0) if counter.here >= step else (0, counter.here)
        if due:
            counter.shared = self._shared(digest, minute, due)
        return counter.shared + counter.here <= settings.API_RATE

    def _shared(self, digest: bytes, minute: int, due: int) -> int:
        key = f"throttle:{digest.hex()}:{minute}"
        cache.add(key, 0, timeout=2 * MINUTE)
        return cache.incr(key, due)

    def wait(self) -> float:
        return MINUTE - time.time() % MINUTE


class SignInThrottle(SimpleRateThrottle):
    """Ten attempts a minute for each address."""

    scope = "sign-in"
    rate = "10/min"

    def get_cache_key(self, request, view):
        return f"throttle:sign-in:{request.origin.address}"
