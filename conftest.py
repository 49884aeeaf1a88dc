"""Tests run on a real PostgreSQL: migrated as the owner, then as the runtime role."""

import contextlib

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from config import environment

pytest_plugins = ["clinic.tests.browsing", "clinic.tests.people", "clinic.tests.programs"]


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


def database() -> str:
    """The test database, as a statement names it."""
    return connection.ops.quote_name(connection.settings_dict["NAME"])


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """As the owner, and with a database for each of several processes (`make test ARGS="-n 2"`)."""
    settings.DATABASES["default"].update(_credentials("DATABASE_OWNER_URL"))
    connection.settings_dict.update(_credentials("DATABASE_OWNER_URL"))


def settle() -> None:
    """Make a migrated database ready: the runtime role's rights, a key, and the standing cast."""
    from clinic.security import keyring
    from clinic.tests import people

    with connection.cursor() as cursor:
        cursor.execute(f"REVOKE TEMPORARY ON DATABASE {database()} FROM PUBLIC")
    switch("DATABASE_URL")
    keyring.create(None)
    people.stand()
    switch("DATABASE_URL")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Migrated as the owner (pytest-django's part); from here on as the runtime role, which may
    make no temporary table (`config.embedded.roles` sees to it elsewhere)."""
    with django_db_blocker.unblock():
        settle()
    yield
    with django_db_blocker.unblock():
        switch("DATABASE_OWNER_URL")


# Tables that migrations fill: they stay as they are between tests that commit.
FILLED_BY_MIGRATIONS = {"django_migrations", "django_content_type", "auth_permission"}
APPEND_ONLY = ("clinic_logentry", "clinic_traillink")


def empty_the_database(self) -> None:
    """After a test that commits. The runtime role may truncate nothing, and the trail refuses even
    its owner; so the owner lifts the trail's triggers, empties all tables and puts them back."""
    from clinic.security import keyring

    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    tables = (tables | {"django_session"}) - FILLED_BY_MIGRATIONS
    with as_owner(), connection.cursor() as cursor:
        existing = tables & set(connection.introspection.table_names(cursor))
        for table in APPEND_ONLY:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER never_truncated")
        cursor.execute(f"TRUNCATE {', '.join(sorted(existing))} RESTART IDENTITY CASCADE")
        for table in APPEND_ONLY:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER never_truncated")
    keyring.forget()
    keyring.create(None)


def begin_with_an_empty_database(cls) -> None:
    """Before a test that commits: the standing cast goes, and does not come back."""
    from clinic.tests.people import Standing

    if Standing.cast:
        Standing.cast = None
        empty_the_database(cls)


TransactionTestCase._fixture_setup = classmethod(begin_with_an_empty_database)
TransactionTestCase._fixture_teardown = empty_the_database
