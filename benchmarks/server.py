"""A server of two web processes, and the CPU that it and its database use."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

import psutil

PORT = 8099


@dataclass(frozen=True)
class Row:
    """One line of the table: ours beside the bare one, in milliseconds, and the ratio allowed."""

    name: str
    ours: float
    bare: float
    most: float

    @property
    def ratio(self) -> float:
        return self.ours / self.bare


@contextmanager
def serving():
    """Two processes of granian, as `make run` starts them."""
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
        "--port", str(PORT), "--workers", "2", "--blocking-threads", "2", "--no-access-log",
        "benchmarks.serving:application",
    ]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until_ready()
        yield psutil.Process(server.pid)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def wait_until_ready(within: float = 60) -> None:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if call("GET", "/healthz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError("The measured server did not start.")


def call(method: str, path: str, *, body: bytes | None = None, headers=None, link=None):
    """One request; answers status and body. `link` is a connection kept alive."""
    link = link or http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    link.request(method, path, body=body, headers=headers or {})
    answer = link.getresponse()
    return answer.status, answer.read()


def cpu_seconds(web: psutil.Process) -> float:
    """CPU used so far by the web processes and by the database's."""
    total = 0.0
    for process in [web, *web.children(recursive=True), *database_processes()]:
        try:
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
        except psutil.NoSuchProcess:
            continue
    return total


def database_processes() -> list[psutil.Process]:
    port = urlsplit(os.environ["DATABASE_URL"]).port
    listening = {
        c.pid for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.pid
        and c.status == psutil.CONN_LISTEN
    }  # fmt: skip
    parents = [psutil.Process(pid) for pid in listening]
    return [p for parent in parents for p in (parent, *parent.children(recursive=True))]


def cost(web: psutil.Process, request: Callable[[int, object], None], count: int) -> float:
    """Milliseconds of CPU a request, over `count` requests on one kept connection."""
    link = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    before = cpu_seconds(web)
    for number in range(count):
        request(number, link)
    return (cpu_seconds(web) - before) / count * 1000


def beside(web, ours, bare, count: int, rounds: int = 5) -> tuple[float, float]:
    """Median milliseconds of ours and of the bare one, measured in turns in one run."""
    cost(web, ours, count // 4)
    cost(web, bare, count // 4)
    pairs = [(cost(web, ours, count), cost(web, bare, count)) for _ in range(rounds)]
    return median(p[0] for p in pairs), median(p[1] for p in pairs)
