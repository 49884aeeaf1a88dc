"""Calendars are fetched from the open internet alone: no request leaves for any other place, in
whatever way it is written, named, redirected to or renamed in between."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from scheduling.ics import fetching
from scheduling.ics.fetching import Fetched, PrivateAddress, Unreachable, fetch
from scheduling.ics.reading import TooMuch

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\nConnection: close\r\n"
PUBLIC = "93.184.215.14"

PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.9.9",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "192.88.99.1",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
    "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "100::1",
    "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::1", "2001:10::1", "2001:20::1", "3fff::1", "5f00::1",
    "", "no address", "1.2.3", "1.2.3.4.5", "0x7f.0.0.1",
]  # fmt: skip
OPEN = ["8.8.8.8", PUBLIC, "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address):
    assert not fetching.is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_what_is_public(address):
    assert fetching.is_public(address)


class Server:
    """A server on this machine that counts who knocks, and answers what it is told."""

    def __init__(self, answer: Callable[[bytes], bytes], family=socket.AF_INET):
        self.answer, self.asked = answer, []
        self.socket = socket.socket(family)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.socket.listen(5)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection, _address = self.socket.accept()
            except OSError:
                return
            with connection:
                request = b""
                self.asked.append(request)
                try:
                    while b"\r\n\r\n" not in request:
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        request += piece
                    self.asked[-1] = request
                    answer = self.answer(request)
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        connection.sendall(piece)
                except OSError:
                    continue

    def close(self) -> None:
        self.socket.close()

    @property
    def url(self) -> str:
        return f"http://calendar.example:{self.port}/c.ics"


@pytest.fixture
def serve(monkeypatch):
    """A server, with its port among those that are asked."""
    made: list[Server] = []

    def begin(answer=lambda _request: OK + b"\r\nBEGIN:VCALENDAR", **more) -> Server:
        server = Server(answer, **more)
        made.append(server)
        ports = {scheme: ports | {one.port for one in made} for scheme, ports in PORTS.items()}
        monkeypatch.setattr(fetching, "PORTS", ports)
        return server

    yield begin
    for server in made:
        server.close()


PORTS = dict(fetching.PORTS)


@pytest.fixture
def here(monkeypatch):
    """This machine stands for the open internet: every name leads to it."""
    monkeypatch.setattr(fetching, "resolve", lambda host, port: ["127.0.0.1"])
    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")


class TestNoRequestLeaves:
    """Each of these is refused, and nobody knocks at the door of this machine."""

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1", "localhost", "localhost.", "LOCALHOST", "127.1", "127.0.1", "2130706433",
            "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "127.0.0.1.",
            "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]",
            "[64:ff9b::7f00:1]", "①②⑦.0.0.1", "127。0。0。1", "%31%32%37.0.0.1",
        ],
    )  # fmt: skip
    def test_to_this_machine(self, serve, host):
        server = serve()
        with pytest.raises((PrivateAddress, Unreachable)):
            fetch(f"http://{host}:{server.port}/c.ics")
        assert server.asked == []

    def test_to_this_machine_by_its_address_of_ipv6(self, serve):
        try:
            server = serve(family=socket.AF_INET6)
        except OSError:
            pytest.skip("This machine has no IPv6.")
        with pytest.raises(PrivateAddress):
            fetch(f"http://[::1]:{server.port}/c.ics")
        assert server.asked == []

    @pytest.mark.parametrize("address", [one for one in PRIVATE if one])
    def test_to_a_name_that_stands_for_a_private_address(self, monkeypatch, address):
        connected = watched(monkeypatch)
        monkeypatch.setattr(fetching, "resolve", lambda host, port: [address])
        with pytest.raises(PrivateAddress):
            fetch("https://calendar.example/c.ics")
        assert connected == []

    def test_to_a_name_of_which_one_address_is_private(self, monkeypatch):
        connected = watched(monkeypatch)
        monkeypatch.setattr(fetching, "resolve", lambda host, port: [PUBLIC, "10.0.0.1"])
        with pytest.raises(PrivateAddress):
            fetch("https://calendar.example/c.ics")
        assert connected == []

    def test_to_a_name_that_stands_for_another_address_a_moment_later(self, serve, monkeypatch):
        """The connection is made to the address that was looked at; the name is asked once."""
        server, connected = serve(), watched(monkeypatch)
        answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
        asked = []

        def rebinding(host, port):
            asked.append(host)
            return next(answers)

        monkeypatch.setattr(fetching, "resolve", rebinding)
        with pytest.raises(Unreachable):
            fetch(server.url)
        assert connected == [PUBLIC] and asked == ["calendar.example"]
        assert server.asked == []

    def test_the_system_resolves_no_name_behind_our_back(self, serve, monkeypatch):
        """Also not by a proxy that the environment names."""
        server = serve()
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
        connected = watched(monkeypatch)
        monkeypatch.setattr(fetching, "resolve", lambda host, port: [PUBLIC])
        with pytest.raises(Unreachable):
            fetch("http://calendar.example/c.ics")
        assert connected == [PUBLIC] and server.asked == []

    @pytest.mark.parametrize(
        "to",
        [
            "http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://localhost:{port}/",
            "http://[::1]:{port}/", "http://2130706433:{port}/", "http://169.254.169.254/latest/",
            "file:///etc/passwd", "ftp://calendar.example/", "gopher://x/", "http://x:22/",
            "http://user:word@calendar.example/", "http://10.0.0.1/",
        ],
    )  # fmt: skip
    def test_by_a_redirect(self, serve, monkeypatch, to):
        private = serve()
        public = serve(
            lambda _request: (
                b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: "
                + to.format(port=private.port).encode()
                + b"\r\nContent-Length: 0\r\n\r\n"
            )
        )
        real = fetching.resolve
        monkeypatch.setattr(
            fetching, "resolve",
            lambda host, port: [PUBLIC] if host == "calendar.example" else real(host, port),
        )  # fmt: skip
        led_to(monkeypatch, PUBLIC, public.port)
        with pytest.raises(PrivateAddress):
            fetch(public.url)
        assert len(public.asked) == 1 and private.asked == []

    @pytest.mark.parametrize(
        "url",
        [
            "", "calendar.example", "ftp://calendar.example/", "file:///etc/passwd", "http://",
            "javascript:alert(1)", "http://calendar.example:22/", "http://calendar.example:0/",
            "https://calendar.example:99999/", "http://name:word@calendar.example/",
            "http://calendar.example/\r\nX: y", "http://calendar.example/" + "a" * 3000,
            "http://[::1", "unix:///var/run/docker.sock", "http+unix://x/",
        ],
    )  # fmt: skip
    def test_to_what_is_no_address_of_the_web(self, monkeypatch, url):
        connected = watched(monkeypatch)
        with pytest.raises(PrivateAddress):
            fetch(url)
        assert connected == []


def watched(monkeypatch) -> list[str]:
    """The addresses that are connected to; none of them is really."""
    connected: list[str] = []

    def refuse(self, host, port, *args, **kwargs):
        connected.append(host)
        raise fetching.httpcore.ConnectError("watched")

    monkeypatch.setattr(fetching.httpcore.SyncBackend, "connect_tcp", refuse)
    return connected


def led_to(monkeypatch, address: str, port: int) -> None:
    """Let a server on this machine stand at a public address."""
    real = fetching.httpcore.SyncBackend.connect_tcp

    def lead(self, host, wanted, *args, **kwargs):
        assert (host, wanted) == (address, port)
        return real(self, "127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(fetching.httpcore.SyncBackend, "connect_tcp", lead)


def test_a_calendar_is_fetched_with_its_version(serve, here):
    server = serve(lambda _request: OK + b'ETag: "seven"\r\n\r\nBEGIN:VCALENDAR')
    assert fetch(server.url) == Fetched(b"BEGIN:VCALENDAR", '"seven"')
    [request] = server.asked
    assert f"Host: calendar.example:{server.port}\r\n".encode() in request
    assert b"If-None-Match" not in request and b"Cookie" not in request


@pytest.mark.parametrize(
    ("version", "header"),
    [
        ('"seven"', b'If-None-Match: "seven"'),
        ('W/"seven"', b'If-None-Match: W/"seven"'),
        ("Mon, 23 Nov 2026 10:00:00 GMT", b"If-Modified-Since: Mon, 23 Nov 2026 10:00:00 GMT"),
    ],
)
def test_what_did_not_change_is_not_sent_again(serve, here, version, header):
    server = serve(lambda _request: b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
    assert fetch(server.url, validator=version) == Fetched(None, version)
    assert header in server.asked[0]


def test_the_date_of_the_last_change_is_the_version_where_there_is_no_other(serve, here):
    date = "Mon, 23 Nov 2026 10:00:00 GMT"
    server = serve(lambda _request: OK + f"Last-Modified: {date}\r\n\r\nx".encode())
    assert fetch(server.url).validator == date
    long = serve(lambda _request: OK + b"ETag: " + b"x" * 300 + b"\r\n\r\nx")
    assert fetch(long.url).validator == ""


def test_three_redirects_are_followed_and_a_fourth_is_not(serve, here):
    def answer(request: bytes) -> bytes:
        number = int(request.split(b"/", 2)[1].split(b" ")[0].split(b".")[0] or b"0")
        if number == 0:
            return OK + b"\r\nfound"
        return (
            b"HTTP/1.1 307 Moved\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /%d\r\n\r\n"
            % (number - 1)
        )

    server = serve(answer)
    base = f"http://calendar.example:{server.port}"
    assert fetch(f"{base}/3").data == b"found"
    with pytest.raises(Unreachable):
        fetch(f"{base}/4")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nBEGIN:VCALENDAR",
        b"HTTP/1.1 500 Broken\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",  # nobody asked
        OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b",
        b"\x16\x03\x01 no HTTP",
        b"",
    ],
)
def test_an_answer_that_is_no_calendar(serve, here, answer):
    with pytest.raises(Unreachable):
        fetch(serve(lambda _request: answer).url)


def test_too_large_a_calendar_is_given_up_while_it_comes(serve, here):
    sent = []

    def endless():
        yield OK + b"\r\n"
        for _n in range(1000):
            sent.append(1)
            yield b"x" * 65536

    with pytest.raises(TooMuch):
        fetch(serve(lambda _request: endless()).url)
    assert len(sent) < 500


def test_a_server_that_drips_is_given_up(serve, here, monkeypatch):
    monkeypatch.setattr(fetching, "WHOLE", 1.0)

    def drip():
        for byte in OK * 20:
            time.sleep(0.05)
            yield bytes([byte])

    began = time.monotonic()
    with pytest.raises(Unreachable):
        fetch(serve(lambda _request: drip()).url)
    assert time.monotonic() - began < 3


def test_a_closed_door_is_told_as_such(here, monkeypatch):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(fetching, "PORTS", {"http": {port}})
    with pytest.raises(Unreachable):
        fetch(f"http://calendar.example:{port}/")
