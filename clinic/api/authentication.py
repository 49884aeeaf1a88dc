"""Bearer tokens: one round trip settles who acts, where, with what reach."""

from dataclasses import replace

from django.db import connection
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from clinic import staffing
from clinic.models import User
from clinic.security import tenancy
from clinic.security.tenancy import Actor

BEGIN_SQL = (
    f"SELECT user_id, token_id, {staffing.STANDING} FROM"
    f" app_begin(%s::bytea, %s::text, %s::jsonb, {staffing.ROLE_CLASSES}, %s::text[])"
)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer …`; the request's actor becomes the token's holder."""

    def authenticate_header(self, request):
        return 'Bearer realm="chartroom"'

    def authenticate(self, request):
        token = bearer(request)
        if token is None:
            return None
        with connection.cursor() as cursor:
            cursor.execute(BEGIN_SQL, begin_parameters(request, token))
            row = cursor.fetchone()
        if row is None:
            raise AuthenticationFailed()
        actor = actor_from(row, request.origin)
        tenancy.adopt(actor)
        request._request.actor = actor
        staffing.require_second_step(actor)
        return holder(actor), actor


def holder(actor: Actor) -> User:
    """The token's holder: what else is asked of her is read when it is."""
    return User.from_db("default", ["id", "is_active"], [actor.user_id, True])


def bearer(request) -> str | None:
    kind, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def begin_parameters(request, token: str, allowed: list[str] | None = None) -> list:
    """The parameters of `BEGIN_SQL` for a request; `allowed` are roles that may go on."""
    origin = tenancy.origin_json(Actor(origin=request.origin))
    facility = request.META.get("HTTP_X_FACILITY", "")
    return [staffing.digest_of(token), facility, origin, allowed]


def actor_from(row, origin) -> Actor:
    """The actor of an answer of `app_begin`."""
    user_id, token_id, *rest = row
    return staffing.actor_from(user_id, rest, replace(origin, token=str(token_id)))


class TokenScheme(OpenApiAuthenticationExtension):
    """How the schema speaks of it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer"}
