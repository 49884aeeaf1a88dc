"""Requests a minute for each token, counted in the shared cache."""

from django.conf import settings
from rest_framework.throttling import SimpleRateThrottle


class TokenThrottle(SimpleRateThrottle):
    """`API_RATE` a minute for each token; sign-in has its own, tighter."""

    scope = "token"

    def get_rate(self):
        return f"{settings.API_RATE}/min"

    def get_cache_key(self, request, view):
        if request.auth is None:
            return None
        return f"throttle:{request.auth.origin.token}"


class SignInThrottle(SimpleRateThrottle):
    """Ten attempts a minute for each address."""

    scope = "sign-in"
    rate = "10/min"

    def get_cache_key(self, request, view):
        return f"throttle:sign-in:{request.origin.address}"
