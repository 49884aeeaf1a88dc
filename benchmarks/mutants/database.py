"""Fixtures of a lane: the first session makes the database, and the process of each mutant, forked
from it, uses that. Read at the end of the copy's conftest.py, whose fixtures these replace."""

import sys

import pytest
from django.test.utils import setup_databases

from conftest import settle, switch

MADE = "_database_of_the_lane"  # kept where a second session of the process finds it


@pytest.fixture(scope="session")
def django_db_setup(django_db_modify_db_settings, django_test_environment, django_db_blocker):
    with django_db_blocker.unblock():
        if not hasattr(sys, MADE):
            setup_databases(verbosity=0, interactive=False)
            settle()
            setattr(sys, MADE, True)
        switch("DATABASE_URL")
    yield
    with django_db_blocker.unblock():
        switch("DATABASE_URL")  # closes: a forked process must share no connection


def pytest_collection_modifyitems(config, items):
    gone = [item for item in items if _commits(item)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


def _commits(item) -> bool:
    mark = item.get_closest_marker("django_db")
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(
        (mark and mark.kwargs.get("transaction")) or fixtures & {"transactional_db", "live_server"}
    )
