"""Ways through the door, for the tests of signing in."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client
from fido2.utils import websafe_encode

from clinic.security import tenancy
from clinic.tests.authenticator import code_of
from clinic.tests.passkeys import Passkey
from clinic.tests.people import PASSWORD, Cast
from clinic.tests.people import TOTP_SECRET as SECRET


class CheapArgon2(Argon2PasswordHasher):
    """The product's hasher with less work, so that hundreds of tries take no hour."""

    time_cost, memory_cost, parallelism = 1, 8 * 1024, 1


LOGIN, CODE = "/accounts/login/", "/accounts/2fa/authenticate/"
PROVE, ADD = "/accounts/reauthenticate/", "/accounts/2fa/webauthn/add/"


def give_passwords(cast: Cast, *names: str) -> Cast:
    with tenancy.system(cast.harbor):
        for name in names:
            cast.people[name].set_password(PASSWORD)
            cast.people[name].save()
    return cast


def quicken(settings) -> None:
    """Quick passwords, plain static files, and nobody has tried yet."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()


def code() -> str:
    return code_of(SECRET)


def fresh_code() -> str:
    """A code that is valid for some seconds more, so that a race is not lost to the clock."""
    return code_of(SECRET, left=8)


def sign_in(client: Client, name: str, password: str = PASSWORD, **more):
    return client.post(LOGIN, {"login": f"{name}@harbor.test", "password": password} | more)


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def passkey_of(user, **how) -> Passkey:
    """A passkey that the person has; it was added some day before."""
    key = Passkey(**how)
    options = {"publicKey": {"challenge": "some-day-before", "user": {"id": handle_of(user)}}}
    WebAuthn.add(user, "A phone", json.loads(key.create(options)))
    return key


def handle_of(user) -> str:
    return websafe_encode(user_pk_to_url_str(user).encode())


def without_factor(user) -> None:
    Authenticator.objects.filter(user=user).delete()


def at_once(attempts: list) -> list[bool]:
    """What the attempts answer, all made at the same moment."""
    start = Barrier(len(attempts))

    def one(attempt) -> bool:
        start.wait(timeout=30)
        try:
            return attempt()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(attempts)) as pool:
        return list(pool.map(one, attempts))
