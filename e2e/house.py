"""The product as it runs, for browsers: web and worker as processes of their own, on the database
of the tests, which holds what `furniture` put there."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from clinic.tests.people import Cast
from config.embedded import parts, preparation, processes, serving
from config.embedded.environment import LOOPBACK, free_port
from config.embedded.home import Home

NOT_FOR_PARTS = {"DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL"}
READY_WITHIN = 90  # seconds


@dataclass
class House:
    """Where it answers, who is in it, and the settings that a command needs to work there."""

    address: str
    cast: Cast
    environment: dict[str, str]


def environment_for(home: Home) -> dict[str, str]:
    """The settings of the parts: ours, with the database of the tests and a port of their own."""
    given = {name: value for name, value in os.environ.items() if name not in NOT_FOR_PARTS}
    database = connection.settings_dict["NAME"]
    url = urlsplit(given["DATABASE_URL"])._replace(path=f"/{database}").geturl()
    return given | {
        "DATABASE_URL": url,
        "EMBEDDED": "1",  # loopback without TLS
        "PORT": str(free_port()),
        "STATIC_ROOT": str(home.path / "static"),
        "WEB_WORKERS": "1",
        "OMP_NUM_THREADS": "1",
    }


@contextmanager
def running(path: Path, cast: Cast) -> Iterator[House]:
    """Web and worker, stopped afterwards. Raises Unstarted, with the log's end, if none answers."""
    home = Home(path)
    home.create()
    environment = environment_for(home)
    preparation.manage(["collectstatic", "--no-input", "-v", "0"], environment)
    web, worker, _scheduler = parts.product(home, environment)
    running = [part.launch() for part in (web, worker)]
    try:
        port = int(environment["PORT"])
        if not processes.wait_until(
            lambda: serving.ask_readiness(port)[0] == serving.READY, READY_WITHIN, every=0.2
        ):
            raise processes.Unstarted(processes.last_lines(home.log("web")))
        yield House(f"http://{LOOPBACK}:{port}", cast, environment)
    finally:
        for process in running:
            processes.stop(process, ((signal.SIGTERM, 8.0),))
