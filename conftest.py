"""Tests run on a real PostgreSQL: migrated as the owner, then as the runtime role."""

import contextlib

import pytest
from django.conf import settings
from django.db import connection

from config import environment

pytest_plugins = ["clinic.tests.people"]


def _credentials(url_name: str) -> dict:
    found = environment.database(url_name)
    return {"USER": found["USER"], "PASSWORD": found["PASSWORD"]}


@contextlib.contextmanager
def as_owner():
    """The block's connection is the owner's; the pool is closed at each switch."""
    switch("DATABASE_OWNER_URL")
    try:
        yield
    finally:
        switch("DATABASE_URL")


def switch(url_name: str) -> None:
    connection.close()
    if connection.pool:
        connection.close_pool()
    connection.settings_dict.update(_credentials(url_name))


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    settings.DATABASES["default"].update(_credentials("DATABASE_OWNER_URL"))
    connection.settings_dict.update(_credentials("DATABASE_OWNER_URL"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Migrated as the owner (pytest-django's part); from here on as the runtime role."""
    with django_db_blocker.unblock():
        from clinic.security import keyring

        switch("DATABASE_URL")
        keyring.create(None)
        switch("DATABASE_URL")
    yield
    with django_db_blocker.unblock():
        switch("DATABASE_OWNER_URL")
