"""Requests that no page of ours sends: characters that are no text, in every part of a request,
and headers of proxies from whoever is none. Never a fault, and nobody is believed."""

import io

import pytest
from django.core.cache import cache
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import Client

from clinic.middleware import address_of
from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.programs import Program
from config.requests import ForwardedMiddleware
from config.wsgi import application

PAGES = ("/", "/accounts/login/", "/portal/", "/admin/", "/readyz", "/healthz", "/no/such/page/")
SURFACES = (*PAGES, "/api/v1/patients/", "/api/v1/me/", "/api/schema/", "/static/none.css")
NO_TEXT = ("\x00", "\ud800", "a\x00b", "\udfffb")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def plain(settings):
    """Plain static files, and requests that leave the test its connection."""
    files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": files}
    cache.clear()
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


def status(path: str, *, method: str = "GET", body: bytes = b"", **environ) -> int:
    """What the WSGI application itself answers: a client of Django's would make the request."""
    answered = []
    asked = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "HTTP_HOST": "localhost",
    }  # fmt: skip
    application(asked | environ, lambda line, headers: answered.append(int(line.split()[0])))
    return answered[0]


@pytest.mark.django_db
class TestCookies:
    PLANTED = (
        r"\000aaaaaaaaaaaa", r"aaaaaaaaaaaa\000", r"\000", r"\377\376aaaaaaaaaaaa", "\xff" * 20,
        "a" * 9000, "", "=;=", '"', r"\012\015Set-Cookie: a=b", "%00aaaaaaaaaaaa",
    )  # fmt: skip

    @pytest.mark.parametrize("path", SURFACES)
    def test_whatever_they_hold_no_page_fails(self, cast, path):
        names = ("sessionid", "csrftoken", "messages", "django_language", "theme", "mfa_trusted")
        for name in names:
            for value in self.PLANTED:
                sent = f'{name}="{value}"'
                known = status(path) if path != "/readyz" else None
                got = status(path, HTTP_COOKIE=sent)
                assert got < 500 or (path == "/readyz" and got == 503), (name, value, got)
                assert known in {None, got}, "a cookie that is none changes nothing"

    def test_one_that_was_planted_does_not_lock_anybody_out(self, cast, browse):
        client = browse("nina")
        client.cookies["theme"] = "\x00"
        client.cookies["csrftoken"] = "\x00" * 32
        assert client.get("/admin/").status_code == 200

    @pytest.mark.parametrize("path", ["/accounts/login/", "/language/"])
    def test_nor_does_a_form_fail(self, cast, path):
        body = b"login=a%40b.test&password=x&language=en"
        for name in ("sessionid", "csrftoken", "messages"):
            cookie = rf'{name}="\000aaaaaaaaaaaa"'
            sent = {"HTTP_COOKIE": cookie, "CONTENT_TYPE": FORM}
            assert status(path, method="POST", body=body, **sent) in {302, 403}


@pytest.mark.django_db
class TestNoText:
    HEADERS = (
        "X_FACILITY", "ACCEPT_LANGUAGE", "X_REQUEST_ID", "USER_AGENT", "AUTHORIZATION", "REFERER",
        "IDEMPOTENCY_KEY", "IF_MATCH", "HOST", "ACCEPT", "HX_REQUEST", "ORIGIN",
        "HX_CURRENT_URL", "X_CSRFTOKEN",
    )  # fmt: skip

    @pytest.mark.parametrize("header", HEADERS)
    def test_a_header_of_it_is_refused(self, cast, header):
        token = cast.token("sarah")
        for path in ("/", "/accounts/login/", "/api/v1/patients/", "/api/v1/me/"):
            for value in NO_TEXT:
                headers = {"HTTP_AUTHORIZATION": f"Bearer {token}", f"HTTP_{header}": value}
                assert status(path, **headers) == 400, (path, value)

    ODD = ("\xff\xfe", "a" * 9000, ",;=;,", "en;q=nan", "*/*;q=x", "%00", "x-\u00b2", '"',
           "application/json; a*=none'en'x", "text/html; a*=utf-8''%00; q*=1")  # fmt: skip

    @pytest.mark.parametrize("header", HEADERS)
    def test_one_that_is_merely_odd_makes_no_fault(self, cast, header):
        token = cast.token("sarah")
        for path in ("/", "/accounts/login/", "/api/v1/patients/", "/api/v1/me/"):
            for value in self.ODD:
                headers = {"HTTP_AUTHORIZATION": f"Bearer {token}", f"HTTP_{header}": value}
                assert status(path, **headers) < 500, (path, value)

    @pytest.mark.parametrize("path", SURFACES)
    def test_nor_does_it_come_by_the_address(self, cast, path):
        for odd in ("%00", "a=%00", "%00=a", "a=\x00", "a=%ED%A0%80", "a=%FF", "&" * 2000):
            for kind in ("", "text/plain; charset=utf-8"):
                answered = status(path, QUERY_STRING=odd, CONTENT_TYPE=kind)
                assert answered in {200, 302, 400, 401, 404, 413, 503}, odd
        for odd in ("\x00", "\xff", "\xed\xa0\x80", "%ED%A0%80"):
            assert status(path + odd) in {302, 308, 400, 401, 404}, odd

    TYPES = (
        "text/plain; charset*=none'en'x", "text/plain; charset*=utf-8''%00", "a/b; charset=\x00",
        "text/plain; charset*=undefined''a", "text/plain; charset*=idna''%ff", "a/b; x*=none'e'x",
    )  # fmt: skip

    @pytest.mark.parametrize("path", ["/", "/accounts/login/", "/api/v1/auth/token/", "/healthz"])
    def test_a_type_that_cannot_be_read_is_refused(self, cast, path):
        for kind in self.TYPES:
            for method in ("GET", "POST"):
                assert status(path, method=method, body=b"a", CONTENT_TYPE=kind) == 400, kind

    ENCODINGS = ("utf-7", "utf-16", "unicode_escape", "raw_unicode_escape", "idna", "undefined",
                 "latin-1", "punycode")  # fmt: skip

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_it_comes_by_no_other_encoding(self, cast, encoding):
        """In UTF-7 and in escapes a NUL is written without one."""
        for path in ("/accounts/login/", "/portal/find/", "/api/v1/patients/"):
            sent = {"CONTENT_TYPE": f"{FORM}; charset={encoding}"}
            nul = r"next=/%2BAAA-&q=%5Cx00"
            assert status(path, QUERY_STRING=nul, **sent) == 400
            assert status(path, method="POST", body=nul.encode(), **sent) == 400
        sent = {"CONTENT_TYPE": "text/plain; charset=UTF8"}
        assert status("/accounts/login/", **sent) == 200

    @pytest.mark.parametrize("path", ["/accounts/login/", "/language/", "/portal/ask/"])
    def test_nor_by_a_form(self, cast, path):
        for body in (b"%00=a", b"a=%00", b"login=%00&password=x"):
            assert status(path, method="POST", body=body, CONTENT_TYPE=FORM) == 400, body

    PARTS = (
        b'name="\x00"', b'name="a"; filename="\x00.txt"', b"name*=none'en'x", b"name*=utf-8''%00",
        b"name*=utf-8''a; filename*=idna''%ff", b'name="a\xed\xa0\x80"', b"name=", b"",
        b"name*=undefined''a; filename=b",
    )  # fmt: skip

    @pytest.mark.parametrize("part", PARTS)
    @pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/documents/", "/language/"])
    def test_nor_by_the_names_of_parts(self, cast, path, part):
        for kind in (b"", b"Content-Type: text/plain; charset*=none'en'x\r\n"):
            body = b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n" + kind
            body += b"\r\n\x00\r\n--x--\r\n"
            sent = {
                "CONTENT_TYPE": "multipart/form-data; boundary=x",
                "HTTP_AUTHORIZATION": f"Bearer {cast.token('sarah')}",
            }
            assert status(path, method="POST", body=body, **sent) < 500
        for boundary in ("", "boundary=", "boundary*=utf-8''%00", "boundary=\xff"):
            sent["CONTENT_TYPE"] = f"multipart/form-data; {boundary}"
            assert status(path, method="POST", body=body, **sent) == 400

    @pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"a\u0000b", r"\udfff"])
    def test_nor_by_json(self, cast, text):
        program = Program(cast.token("sarah"))
        for body in ('{"email": "%s", "password": "x"}', '{"%s": "x"}', '{"label": ["%s"]}'):
            for path in ("auth/token/", "patients/", "documents/", "chat/ask/"):
                answer = program.raw("post", path, (body % text).encode())
                assert answer.status_code in {400, 404, 405, 415}, (path, body)


HERE, STRANGER = "192.0.2.1", "203.0.113.66"


@pytest.mark.django_db
class TestProxies:
    @pytest.fixture(autouse=True)
    def production(self, settings):
        settings.TRUSTED_PROXIES = [HERE]
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    FORGED = {
        "X-Forwarded-For": "198.51.100.4", "X-Forwarded-Proto": "https", "Forwarded": "for=1.2.3.4",
        "X-Forwarded-Host": "evil.test", "X-Real-Ip": "198.51.100.4", "X-Forwarded-Port": "443",
        "X-Forwarded": "1", "X-Forwarded-Prefix": "/evil",
    }  # fmt: skip

    @pytest.mark.parametrize(
        ("peer", "believed"),
        [(HERE, True), (f"::ffff:{HERE}", True), (STRANGER, False), ("192.0.2.11", False),
         ("", False), ("unix:", False), (f"{HERE}, {STRANGER}", False), ("::1", False)],
    )  # fmt: skip
    def test_only_ours_are_believed(self, rf, peer, believed):
        seen = []
        ForwardedMiddleware(seen.append)(rf.get("/", headers=self.FORGED, REMOTE_ADDR=peer))
        (request,) = seen
        assert request.is_secure() is believed
        assert (address_of(request) == "198.51.100.4") is believed
        assert bool({*self.FORGED} & {name.title() for name in request.headers}) is believed
        assert request.get_host().split(":")[0] == "testserver", "no proxy tells the host"

    def test_a_stranger_does_not_get_past_the_redirect_to_https(self, cast, settings):
        settings.SECURE_SSL_REDIRECT = True
        for peer, expected in ((STRANGER, 301), (HERE, 200)):
            client = Client(headers=self.FORGED, REMOTE_ADDR=peer)
            assert client.get("/accounts/login/").status_code == expected

    HOPS = (
        ("fe80::1%eth0", "fe80::1"), ("fe80::1%25eth0", "fe80::1"),
        ("[fe80::1%eth0]:443", "fe80::1"), ("fe80::1%" + "0" * 5000, "fe80::1"),
        ("::ffff:198.51.100.4", "198.51.100.4"), ("[::ffff:198.51.100.4]", "198.51.100.4"),
        ("198.51.100.4:4711", "198.51.100.4"), ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"), ("2001:DB8:0::1", "2001:db8::1"),
        (f"{STRANGER}, 198.51.100.4,{HERE}", "198.51.100.4"), ("::ffff:192.0.2.1", HERE),
        ("198.51.100.4%eth0", HERE), ("<script>", HERE), ("", HERE), (",,,", HERE), ("::", "::"),
        ("1.2.3", HERE), ("1.2.3.4/8", HERE), ("[]:80", HERE), ("[[::1]]", HERE), ("fe80::%", HERE),
        ("198.51.100.4, unknown", HERE), ("\u0661.2.3.4", HERE), ("9" * 5000, HERE),
        (f"{STRANGER}, " + f"{HERE}, " * 5000 + HERE, HERE), ("a," * 5000 + STRANGER, STRANGER),
    )  # fmt: skip

    @pytest.mark.parametrize(("forwarded", "true"), HOPS)
    def test_the_trail_keeps_an_address_whatever_they_say(self, cast, forwarded, true):
        program = Program(cast.token("sarah"))
        program.client = Client(
            headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR=HERE, raise_request_exception=False
        )
        assert program.get("patients/").status_code == 200
        assert program.get(f"patients/{cast.mr_doe.pk}/").status_code == 200
        with cast.acting("alma"):
            latest = LogEntry.entries.filter(actor_id=cast.sarah.pk).latest("timestamp")
        assert latest.remote_addr == true

    @pytest.mark.parametrize("peer", ["", "unix:/run/web.sock", "fe80::2%eth0", STRANGER])
    def test_one_signs_in_from_wherever_the_server_says(self, cast, settings, peer):
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        with tenancy.system(cast.harbor):
            cast.john.set_password("correct horse battery staple")
            cast.john.save()
        client = Client(REMOTE_ADDR=peer)
        form = {"login": "john@harbor.test", "password": "correct horse battery staple"}
        assert client.post("/accounts/login/", form).status_code == 302
        assert client.get("/portal/").status_code == 200
