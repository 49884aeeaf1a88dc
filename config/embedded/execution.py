"""`exec` and `test`: run one command beside the servers, with their settings."""

import itertools
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg

from config.embedded import preparation, processes, signals
from config.embedded.environment import Environment
from config.embedded.home import Held, Home
from config.embedded.servers import Servers, start_for_tests
from config.embedded.supervisor import Supervisor

BORROW_WITHIN = 60  # seconds for another launcher to have its servers up


def execute(home: Home, command: Sequence[str], *, migrate: bool = False) -> int:
    """Run a command beside the home's servers and return its exit code.

    Servers that another launcher runs are borrowed and left running; ours are stopped afterwards.
    """
    try:
        with home.hold():
            return beside_servers(home, command, migrate=migrate)
    except Held:
        return follow(command, borrowed(home))


def test(root: Path, command: Sequence[str]) -> int:
    """Run a command beside servers for tests: in `root`/test, or the next one not in use."""
    for number in itertools.count(1):
        home = Home(root / ("test" if number == 1 else f"test-{number}"))
        try:
            with home.hold():
                return beside_servers(home, command, durable=False)
        except Held:
            continue


def beside_servers(
    home: Home, command: Sequence[str], *, durable: bool = True, migrate: bool = False
) -> int:
    """Start the servers, run the command, stop the servers; the home is held."""
    supervisor = Supervisor(tell=lambda line: None)
    environment = Environment(home)
    with signals.stopping_on_signals():
        try:
            if durable:
                servers = Servers(environment)
                servers.start(supervisor)
            else:
                servers = start_for_tests(environment, supervisor)
            if migrate:
                preparation.migrate(
                    servers.environment.for_migration(), preparation.Stamps(home), print
                )
            settings = servers.environment.for_owner()
            if servers.superuser_url:
                settings["DATABASE_SUPERUSER_URL"] = servers.superuser_url
            return follow(command, settings)
        except signals.Stopped:
            return 128 + signal.SIGTERM
        finally:
            signals.ignore()
            supervisor.stop()


def borrowed(home: Home) -> dict[str, str]:
    """Return the settings of servers that another launcher runs, once they answer."""
    environment = Environment(home)

    def answers() -> bool:
        url = Environment(home).remembered.get("DATABASE_URL")
        if not url:
            return False
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    if environment.embeds_database and not processes.wait_until(answers, BORROW_WITHIN, every=0.2):
        raise processes.Unstarted(
            f"Another launcher holds {home.path}, but its database does not answer."
        )
    return Environment(home).for_owner()


def follow(command: Sequence[str], settings: dict[str, str]) -> int:
    """Run a command in our terminal, pass signals on; return its exit code as a shell would."""
    parent = os.getpid()
    try:
        child = subprocess.Popen(
            command, env=settings, preexec_fn=lambda: processes.bind_to(parent)
        )
    except FileNotFoundError:
        raise processes.Unstarted(f"There is no command {command[0]!r}.") from None
    # A terminal sends its Ctrl-C to the child too; who signals us alone means the child as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: child.send_signal(number))
    code = child.wait()
    return code if code >= 0 else 128 - code
