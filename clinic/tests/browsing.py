"""Browsers of the tests: each is signed in as one of the cast."""

from collections.abc import Callable

import pytest
from django.test import Client

SIGN_IN = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def browse(cast, settings) -> Callable[[str], Client]:
    """`browse("john")` is a browser in which John is signed in."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(cast.people[name], backend=SIGN_IN)
        return client

    return signed_in
