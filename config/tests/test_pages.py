"""What protects pages: forms that only our own pages send, and headers."""

import pytest
from django.db import OperationalError
from django.test import Client

from clinic.tests.browsing import SIGN_IN
from clinic.tests.programs import Program
from config.api import errors

LOGIN = "/accounts/login/"
FORMS = (
    "/portal/ask/", "/portal/settings/", "/portal/documents/", "/portal/visits/book/",
    "/accounts/login/", "/accounts/logout/", "/language/",
)  # fmt: skip


@pytest.mark.parametrize("address", FORMS)
def test_a_form_sent_from_elsewhere_is_refused(cast, browse, address):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.john, backend=SIGN_IN)
    assert client.post(address, {"question": "x", "language": "en"}).status_code == 403


def test_so_is_one_of_the_staff(cast, browse):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.nina, backend=SIGN_IN)
    form = {"first_name": "A", "last_name": "B", "date_of_birth": "1990-01-01"}
    assert client.post("/admin/patients/patient/add/", form).status_code == 403


def test_a_browsers_session_is_no_key_to_the_api(browse):
    client = browse("nina")
    assert client.get("/api/v1/patients/").status_code == 401
    answer = client.post("/api/v1/patients/", {}, content_type="application/json")
    assert answer.status_code == 401


def test_a_broken_page_for_errors_still_says_that_it_is_our_fault(rf):
    def broken(request):
        raise ValueError("no manifest")

    answer = errors._handler(500, broken)(rf.get("/portal/"))
    assert answer.status_code == 500 and b"Something broke on our side" in answer.content


def test_every_kind_of_page_carries_its_headers(cast, browse):
    staff, patient = browse("nina"), browse("john")
    pages = {
        "landing": Client().get("/"), "sign-in": Client().get(LOGIN),
        "missing": Client().get("/no/such/page/"), "portal": patient.get("/portal/"),
        "record": patient.get("/portal/record/"), "admin": staff.get("/admin/"),
        "refused": patient.get("/admin/find/", follow=True),
        "api": Program(cast.token("nina")).get("patients/"),
        "health": Client().get("/healthz"),
    }  # fmt: skip
    for name, page in pages.items():
        policy = page["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, name
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", ""), name
        assert "unsafe-eval" not in policy or name == "admin", name
        assert page["X-Frame-Options"] == "DENY", name
        assert page["X-Content-Type-Options"] == "nosniff", name
        assert page["Referrer-Policy"] == "same-origin", name
    for name in ("portal", "record", "admin", "api"):
        kept = pages[name]["Cache-Control"]
        assert "no-store" in kept and "private" in kept, name


class Gone:
    """A database that does not answer."""

    def __call__(self, *args, **kwargs):
        raise OperationalError("the server is gone")


def test_without_a_database_the_process_still_says_so(client, monkeypatch):
    monkeypatch.setattr(
        "django.db.backends.base.base.BaseDatabaseWrapper.ensure_connection", Gone()
    )
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503 and ready.json()["database"] is False


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/accounts/login/", "text/html"), ("/api/v1/me/", "application/problem+json")],
)
def test_where_no_view_is_reached_the_answer_is_503(client, monkeypatch, path, kind):
    monkeypatch.setattr(
        "django.db.backends.base.base.BaseDatabaseWrapper.ensure_connection", Gone()
    )
    client.raise_request_exception = False
    answer = client.get(path, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 503 and answer["Retry-After"] == "5"
    assert answer["Content-Type"].startswith(kind)
