"""The product's own processes: web, worker and scheduler, as commands that any server could run."""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from config.embedded import processes
from config.embedded.environment import LOOPBACK
from config.embedded.home import ROOT, Home
from config.embedded.supervisor import Part

WEB_WORKERS = "2"
# Requests that one web process serves at a time; its database pool is at least as large.
WEB_THREADS = "4"

CELERY = (sys.executable, "-m", "celery", "-A", "config")
GRANIAN = (
    sys.executable,
    "-m",
    "granian",
    "config.wsgi:application",
    "--interface=wsgi",
    "--no-ws",
)

FINISH = ((signal.SIGTERM, 10.0),)
# The worker first finishes its task; then it hands it back; either way the broker keeps it.
FINISH_OR_HAND_BACK = ((signal.SIGTERM, 8.0), (signal.SIGQUIT, 4.0))


def web(environment: Mapping[str, str]) -> list[str]:
    workers = environment.get("WEB_WORKERS", WEB_WORKERS)
    return [
        *GRANIAN,
        f"--host={LOOPBACK}",
        f"--port={environment['PORT']}",
        f"--workers={workers}",
        f"--blocking-threads={environment['WEB_THREADS']}",
        "--respawn-failed-workers",
        "--workers-kill-timeout=8",
    ]


def worker() -> list[str]:
    """One task at a time: the engines that read documents need most of a gigabyte."""
    return [*CELERY, "worker", "--pool=prefork", "--concurrency=1", "--loglevel=INFO"]


def scheduler(home: Home) -> list[str]:
    return [*CELERY, "beat", "--loglevel=INFO", f"--schedule={home.path / 'beat'}"]


def part(
    name: str,
    command: Sequence[str],
    *,
    home: Home,
    environment: Mapping[str, str],
    shutdown: processes.Steps,
    before: Callable[[], None] | None = None,
) -> Part:
    """Make a supervised part of a command; `before` runs ahead of each start."""

    def launch() -> subprocess.Popen:
        if before:
            before()
        return processes.spawn(
            command,
            env={**environment, processes.MARK: str(home.path)},
            log=home.log(name),
            cwd=ROOT,
        )

    return Part(name, launch, shutdown)


def product(
    home: Home,
    environment: Mapping[str, str],
    *,
    before_worker: Callable[[], None] | None = None,
) -> list[Part]:
    """Return web, worker and scheduler, ready to be started."""
    settings = {"WEB_THREADS": WEB_THREADS, **environment}
    shared = {"home": home, "environment": settings}
    return [
        part("web", web(settings), shutdown=FINISH, **shared),
        part("worker", worker(), shutdown=FINISH_OR_HAND_BACK, before=before_worker, **shared),
        part("scheduler", scheduler(home), shutdown=FINISH, **shared),
    ]
