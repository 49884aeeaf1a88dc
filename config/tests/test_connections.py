"""A pooled connection never carries one request's context into the next.

The WSGI application itself is called from several threads over a pool of two connections, by people
of two clinics in turn, with requests that end well, are refused, crash in the middle of their
transaction or fail inside the pipeline of the quick door.
"""

import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory
from django.test.client import FakePayload

from clinic.api.authentication import BEGIN_SQL
from clinic.models import Facility
from clinic.security import permissions, reading, tenancy
from clinic.security.permissions import Permission
from clinic.staffing import digest_of
from clinic.tests.browsing import SIGN_IN
from clinic.tests.people import make_cast
from patients.models import Patient
from records import charting

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, REQUESTS, CONNECTIONS = 6, 360, 2
SETTINGS = ("user", "facilities", "reach", "clinical", "trail", "origin")
LEFT = "SELECT " + ", ".join(f"current_setting('app.{name}', true)" for name in SETTINGS)


@pytest.fixture
def clinic(transactional_db, settings):
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    cache.clear()
    with transaction.atomic():
        cast = make_cast()
        cast.tokens = {name: cast.token(name) for name in ("sarah", "lucia", "john", "ana", "aud")}
        cast.sessions = {name: session(cast.people[name]) for name in ("sarah", "lucia", "john")}
    return cast


def session(user) -> str:
    browser = Client()
    browser.force_login(user, backend=SIGN_IN)
    return browser.session.session_key


@contextmanager
def pool_of(size: int):
    """The product's pool, with so few connections that each is used by everybody."""
    options = connection.settings_dict["OPTIONS"]
    usual = options["pool"]
    connection.close()
    connection.close_pool()
    options["pool"] = {"min_size": size, "max_size": size, "timeout": 60}
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()
        options["pool"] = usual


def call(application, method: str, path: str, *, token="", cookie="", body=None) -> tuple:
    """One request through WSGI, to its end: status and body."""
    path, _, query = path.partition("?")
    data = json.dumps(body).encode() if body is not None else b""
    environ = RequestFactory()._base_environ(
        REQUEST_METHOD=method, PATH_INFO=path, QUERY_STRING=query, CONTENT_LENGTH=str(len(data)),
        CONTENT_TYPE="application/json", HTTP_HOST="localhost",
    ) | {"wsgi.input": FakePayload(data), "wsgi.errors": io.StringIO()}  # fmt: skip
    if token:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    if cookie:
        environ["HTTP_COOKIE"] = f"sessionid={cookie}"
    told = []
    answer = application(environ, lambda status, headers: told.append(int(status.split()[0])))
    try:
        return told[0], b"".join(answer)
    finally:
        answer.close()


def context_left() -> set:
    """What a connection of the pool still says of whoever used it last; it goes back at once."""
    connection.ensure_connection()
    try:
        row = connection.connection.execute(LEFT).fetchone()
        transaction_open = connection.connection.info.transaction_status
        return set(filter(None, row)) | ({transaction_open} if transaction_open else set())
    finally:
        connection.close()


def test_hundreds_of_requests_of_two_clinics_over_two_connections(clinic, monkeypatch):
    def crash(**content):
        assert Patient.objects.count(), "the context is there, and then it goes wrong"
        raise RuntimeError("in the middle of the transaction")

    monkeypatch.setattr(charting, "write", crash)
    application = get_wsgi_application()
    doe, souza = str(clinic.mr_doe.pk), str(clinic.dona_ana.pk)
    tokens, sessions = clinic.tokens, clinic.sessions
    record = {"patient": doe, "primary_diagnosis": "Headache"}
    nameless = {"first_name": "", "last_name": "Doe", "date_of_birth": "1990-01-31"}
    requests = [  # method, path, who, body, status, words of the answer, words that are not in it
        ("GET", "/api/v1/patients/?limit=50", "sarah", None, 200, "Doe", "Souza"),
        ("GET", "/api/v1/patients/?limit=50", "lucia", None, 200, "Souza", "Doe"),
        ("GET", f"/api/v1/patients/{doe}/", "lucia", None, 404, "", "Doe"),
        ("GET", "/api/v1/patients/", "", None, 401, "", "Doe"),
        ("GET", "/api/v1/patients/", "nonsense", None, 401, "", "Doe"),
        ("GET", "/api/v1/patients/", "aud", None, 403, "", "Doe"),
        ("GET", f"/api/v1/patients/{doe}/chart/", "john", None, 200, "Doe", "Souza"),
        ("GET", f"/api/v1/patients/{souza}/chart/", "john", None, 404, "", "Souza"),
        ("POST", "/api/v1/medical-records/", "sarah", record, 500, "", "Doe"),
        ("GET", "/api/v1/patients/?limit=50", "ana", None, 200, "Souza", "Doe"),
        ("POST", "/api/v1/patients/", "sarah", nameless, 400, "first_name", "Souza"),
        ("GET", "/admin/find/?q=doe", "session sarah", None, 200, "John", "Souza"),
        ("GET", "/admin/find/?q=doe", "session lucia", None, 200, "", "John"),
        ("GET", "/portal/", "session john", None, 200, "John", "Souza"),
        ("GET", "/healthz", "", None, 200, "ok", "Doe"),
        ("GET", "/portal/", "", None, 302, "", "John"),
    ]  # fmt: skip

    def one(number: int) -> str:
        method, path, who, body, status, there, absent = requests[number * 7 % len(requests)]
        cookie = sessions[who.split()[1]] if who.startswith("session") else ""
        token = "" if cookie else tokens.get(who, who)
        got, page = call(application, method, path, token=token, cookie=cookie, body=body)
        page = page.decode()
        if got != status or there not in page or absent in page:
            return f"{method} {path} by {who}: {got}"
        return "context left" if context_left() else "well"

    with pool_of(CONNECTIONS), ThreadPoolExecutor(THREADS) as threads:
        outcome = Counter(threads.map(one, range(REQUESTS)))
        assert connection.pool.get_stats()["pool_size"] <= CONNECTIONS
    assert outcome == {"well": REQUESTS}


class TestOneConnection:
    """However work ends, the connection knows nobody afterwards."""

    def test_after_a_commit_a_rollback_and_an_error(self, clinic):
        with clinic.acting("sarah"):
            with transaction.atomic():
                assert Patient.objects.count() == 3
            assert left_here() == set()
            with pytest.raises(RuntimeError), transaction.atomic():
                assert Patient.objects.count() == 3
                raise RuntimeError
            assert left_here() == set()
            refusal = pytest.raises(DatabaseError, match="division by zero")
            with refusal, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
            assert left_here() == set()
            with transaction.atomic():
                assert Patient.objects.count() == 3
                transaction.set_rollback(True)
            assert left_here() == set()

    @pytest.mark.parametrize("wrong", ["SELECT 1 / 0", "SELECT nothing FROM nowhere", "SELEC"])
    def test_after_an_error_inside_the_pipeline(self, clinic, wrong):
        begin = (BEGIN_SQL, [digest_of(clinic.tokens["sarah"]), "", "{}", doctors()])
        count = "SELECT count(*) FROM patients_patient"
        assert read(begin, count) == [(3,)], "the token opens the clinic"
        assert left_here() == set()
        with pytest.raises(psycopg.Error):
            read(begin, wrong)
        assert left_here() == set()
        assert connection.connection.execute(count).fetchone() == (0,)
        nobody = (BEGIN_SQL, [digest_of("nonsense"), "", "{}", doctors()])
        assert read(nobody, count) == [(0,)]
        assert left_here() == set()

    def test_where_nobody_acts_no_part_of_a_noted_reading_fails(self, clinic):
        """On a connection that somebody used before, too: PostgreSQL chooses in which order it
        looks at the parts of a statement, and may well begin with whence the request came."""
        whence = f"SELECT o FROM {reading.ORIGIN} AS context"
        nobody = (BEGIN_SQL, [digest_of("nonsense"), "", "{}", doctors()])
        sarah = (BEGIN_SQL, [digest_of(clinic.tokens["sarah"]), "", "{}", doctors()])
        assert read(nobody, whence) == [(None,)]
        assert [type(found) for (found,) in read(sarah, whence)] == [dict]
        assert read(nobody, whence) == [(None,)]

    def test_a_refused_begin_leaves_nothing_for_what_follows_in_the_pipeline(self, clinic):
        """A token without the permission, in the same round trip as the reading."""
        begin = (BEGIN_SQL, [digest_of(clinic.tokens["aud"]), "", "{}", doctors()])
        assert read(begin, "SELECT count(*) FROM patients_patient") == [(0,)]

    def test_a_query_of_an_actor_outside_a_transaction_fails_aloud(self, clinic):
        for context in (clinic.acting("sarah"), tenancy.system(clinic.harbor)):
            with context, pytest.raises(tenancy.OutsideTransaction):
                list(Patient.objects.all())
        assert Facility.objects.count() == 0, "nobody sees nothing, and nothing fails"

    def test_a_savepoint_that_is_rolled_back_keeps_the_actor(self, clinic):
        with clinic.acting("sarah"), transaction.atomic():
            with pytest.raises(RuntimeError), transaction.atomic(), clinic.acting("lucia"):
                assert Patient.objects.count() == 1
                raise RuntimeError
            assert Patient.objects.count() == 3, "Sarah again, not Lucia"
        assert left_here() == set()

    def test_a_setting_made_for_the_session_does_not_widen_who_comes_next(self, clinic):
        """Nothing of ours makes one; were it ever made, the next actor's BEGIN overwrites it."""
        connection.ensure_connection()
        raw = connection.connection
        raw.execute("SELECT set_config('app.facilities', %s, false)", [f"{{{clinic.austa.pk}}}"])
        raw.execute("SELECT set_config('app.reach', 'facility', false)")
        try:
            with clinic.acting("sarah"), transaction.atomic():
                assert not Patient.objects.filter(facility_id=clinic.austa.pk).exists()
            with transaction.atomic():
                assert not Patient.objects.exists(), "nobody"
        finally:
            raw.execute("SELECT set_config('app.facilities', '', false)")
            raw.execute("SELECT set_config('app.reach', '', false)")


def read(begin, statement: str) -> list[tuple]:
    """The rows of a statement in the same round trip as `begin`."""
    _began, rows = reading.fetch(begin, (statement, []))
    return rows


def doctors() -> list[str]:
    return permissions.roles_with(Permission.CHART_VIEW)


def left_here() -> set:
    connection.ensure_connection()
    return set(filter(None, connection.connection.execute(LEFT).fetchone()))
