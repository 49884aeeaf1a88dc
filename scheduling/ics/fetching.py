"""Fetching a calendar from an address on the open internet, and from nowhere else.

An address that leads into a private network would let its author knock on the clinic's own doors.
So every address that a name stands for is looked at, the connection is made to the very address
that was looked at (a name can stand for another one a moment later), and each redirect is judged
anew. No proxy of the environment is used: it would look names up by itself.
"""

import ipaddress
import socket
import time
from dataclasses import dataclass

import httpcore
import httpx

from scheduling.ics.reading import MOST_BYTES, TooMuch

SCHEMES = {"webcal": "https", "webcals": "https"}
PORTS = {"http": {80, 8080}, "https": {443, 8443}}
MOST_REDIRECTS = 3
REDIRECTS = {301, 302, 303, 307, 308}
FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)
STEP = 5.0  # seconds for each connecting and reading
WHOLE = 15.0  # seconds for all of it
LONGEST = 2000  # characters of an address
# What the standard library of some version calls global, and is not, or leads elsewhere.
NOT_PUBLIC = [
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
        "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
]  # fmt: skip
UNICAST = ipaddress.ip_network("2000::/3")  # all that was ever given out of IPv6


class PrivateAddress(Exception):
    """The address lies in a network that is not public, or is none that is fetched from."""


class Unreachable(Exception):
    """Nobody answered in time, or not with a calendar."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave: `validator` is the server's word for this version, an ETag or else the
    date of the last change. `data` is None where nothing changed since the version asked about."""

    data: bytes | None
    validator: str = ""


def is_public(address: str) -> bool:
    """Whether an address of IPv4 or IPv6 is one of the open internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if found.version == 6 and (found.ipv4_mapped or found not in UNICAST):
        return False
    if any(found.version == net.version and found in net for net in NOT_PUBLIC):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


def resolve(host: str, port: int) -> list[str]:
    """All addresses that a name stands for."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Hurried(httpcore.NetworkStream):
    """A connection that is given up at a moment: a server that sends a byte now and then would hold
    it for ever."""

    def __init__(self, stream: httpcore.NetworkStream, until: float):
        self.stream, self.until = stream, until

    def left(self, timeout: float | None) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return min(left, timeout or STEP)

    def read(self, max_bytes, timeout=None):
        return self.stream.read(max_bytes, self.left(timeout))

    def write(self, buffer, timeout=None):
        self.stream.write(buffer, self.left(timeout))

    def close(self):
        self.stream.close()

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        secure = self.stream.start_tls(ssl_context, server_hostname, self.left(timeout))
        return Hurried(secure, self.until)

    def get_extra_info(self, info):
        return self.stream.get_extra_info(info)


class PublicNetwork(httpcore.NetworkBackend):
    """Connects to public addresses, and to the very address that was looked at."""

    def __init__(self, until: float):
        self.plain, self.until = httpcore.SyncBackend(), until

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        try:
            addresses = resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        if not addresses or not all(map(is_public, addresses)):
            raise PrivateAddress
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses[:3]:
            try:
                stream = self.plain.connect_tcp(address, port, timeout, local_address)
                return Hurried(stream, self.until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(self, path, timeout=None, socket_options=None):
        raise PrivateAddress


def checked(text: str) -> httpx.URL:
    """The address as it is asked. Raises `PrivateAddress` for what is none of the open web: other
    schemes and ports, and numbers of private networks, however they are written."""
    try:
        url = httpx.URL(text.strip())
        url = url.copy_with(scheme=SCHEMES.get(url.scheme, url.scheme), fragment=None)
        host = url.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError) as error:
        raise PrivateAddress from error
    if url.scheme not in PORTS or not host or url.userinfo or len(text) > LONGEST:
        raise PrivateAddress
    if url.port is not None and url.port not in PORTS[url.scheme]:
        raise PrivateAddress
    if _looks_numeric(host) and not is_public(host):
        raise PrivateAddress
    return url


def _looks_numeric(host: str) -> bool:
    """Whether a host is an address and no name, in whatever way it is written."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    return ":" in host or last.isdigit() or last.startswith("0x")


def fetch(url: str, *, validator: str = "") -> Fetched:
    """What stands at the address now, with at most three redirects, 5 MB and 15 seconds.

    Raises `PrivateAddress`, `Unreachable` and `TooMuch`.
    """
    until, target = time.monotonic() + WHOLE, checked(url)
    with httpcore.ConnectionPool(network_backend=PublicNetwork(until)) as pool:
        for _attempt in range(MOST_REDIRECTS + 1):
            answer = _asked(pool, target, validator)
            if isinstance(answer, Fetched):
                return answer
            target = answer
    raise Unreachable


def _asked(pool: httpcore.ConnectionPool, target: httpx.URL, validator: str) -> Fetched | httpx.URL:
    """What one address answers: a calendar, or another address."""
    headers = {
        "Host": target.netloc,
        "Accept": "text/calendar, text/plain;q=0.5, */*;q=0.1",
        "Accept-Encoding": "identity",  # what is packed small can be large
        "User-Agent": "Chartroom",
    }
    if validator:
        is_tag = validator.startswith(('"', "W/"))
        headers["If-None-Match" if is_tag else "If-Modified-Since"] = validator
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), STEP)
    try:
        with pool.stream(
            "GET", str(target), headers=headers, extensions={"timeout": timeouts}
        ) as response:
            given = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in REDIRECTS and given.get(b"location"):
                return checked(str(target.join(given[b"location"])))
            if response.status == 304 and validator:
                return Fetched(None, validator)
            if response.status != 200 or given.get(b"content-encoding", "identity") != "identity":
                raise Unreachable
            return Fetched(_read(response), _validator(given))
    except (*FAILURES, httpx.InvalidURL, OSError, ValueError) as error:
        raise Unreachable from error


def _read(response: httpcore.Response) -> bytes:
    pieces, size = [], 0
    for piece in response.iter_stream():
        size += len(piece)
        if size > MOST_BYTES:
            raise TooMuch
        pieces.append(piece)
    return b"".join(pieces)


def _validator(given: dict[bytes, str]) -> str:
    found = given.get(b"etag") or given.get(b"last-modified") or ""
    return found if found.isascii() and found.isprintable() and len(found) <= 200 else ""
