"""`run`: serves the product until a signal comes."""

import http.client
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from config.embedded import parts, preparation, processes, signals
from config.embedded.environment import LOOPBACK, Environment, Refused, is_free
from config.embedded.home import Home
from config.embedded.servers import Servers
from config.embedded.supervisor import Part, Supervisor, fragile

READY_WITHIN = 120  # seconds
READY = 200  # the HTTP status
DEATHS_BEFORE_READY = 3

DEMO = """
  Password of every demo account: chartroom-demo
  Second factor of administrators and clinicians: TOTP secret JBSWY3DPEHPK3PXP

    admin@harbor.demo, admin@austa.demo      administrator of that facility
    sarah.smith@harbor.demo                  physician
    omar.reyes@harbor.demo                   specialist, his own patients only
    nurse@harbor.demo, frontdesk@harbor.demo, pharmacist@harbor.demo
    john.doe@harbor.demo, jane.doe@harbor.demo, jimmy.doe@harbor.demo
                                             a family: patient and parent, spouse, child
    lucia.prado@austa.demo, ana.souza@austa.demo
                                             physician and patient at Austa
    auditor@harbor.demo                      reads the trail
"""


def run(home: Home, tell: Callable[[str], None] = print) -> None:
    """Serve the product. Raises Held, Refused or Unstarted when it cannot."""
    began = time.monotonic()
    supervisor = Supervisor(tell)
    with home.hold(), signals.stopping_on_signals():
        try:
            processes.end(processes.marked(home.path), by=signal.SIGTERM)
            environment = Environment(home)
            waiting = start(environment, supervisor, tell)
            wait_until_ready(supervisor, environment, waiting)
            announce(environment, time.monotonic() - began, tell)
            supervisor.watch()
        except signals.Stopped:
            tell("Stopping …")
        finally:
            signals.ignore()
            supervisor.stop()
            processes.end(processes.marked(home.path), by=signal.SIGKILL)


def start(
    environment: Environment, supervisor: Supervisor, tell: Callable[[str], None]
) -> list[Part]:
    """Start the servers, prepare what changed, start web and worker; return what starts after them.

    The scheduler can wait: where cores are few it would only keep a person waiting longer.
    """
    if not is_free(environment.port):
        raise Refused(f"Port {environment.port} is in use. Choose another: PORT=8001 make run")
    home = environment.home
    servers = Servers(environment)
    servers.start(supervisor)
    settings = environment.for_parts()
    stamps = preparation.Stamps(home)
    preparation.migrate(environment.for_migration(), stamps, tell)
    if environment.embeds_database:
        preparation.load_demo(settings, stamps, tell, database=servers.identity)
    preparation.collect_static(settings, stamps, tell)
    before_worker = servers.broker.return_unfinished if servers.broker else None
    web, worker, *later = parts.product(home, settings, before_worker=before_worker)
    supervisor.start(web)
    supervisor.start(worker)
    return later


def wait_until_ready(supervisor: Supervisor, environment: Environment, waiting: list[Part]) -> None:
    """Start the waiting parts once the web part answers, and wait for `/readyz` to say yes.

    Raises Unstarted, with what is wrong, when it does not.
    """
    deadline = time.monotonic() + READY_WITHIN
    while True:
        status, answer = ask_readiness(environment.port)
        while status and waiting:
            supervisor.start(waiting.pop(0))
        if status == READY:
            return
        supervisor.look()
        if part := fragile(supervisor.parts, DEATHS_BEFORE_READY):
            log = environment.home.log(part.name)
            raise processes.Unstarted(
                f"The {part.name} does not start; {log} ends:\n{processes.last_lines(log)}"
            )
        if time.monotonic() > deadline:
            said = f"{status} {answer}" if status else answer
            raise processes.Unstarted(f"Not ready after {READY_WITHIN} s; /readyz says: {said}")
        time.sleep(0.1)


def ask_readiness(port: int) -> tuple[int, str]:
    """Ask `/readyz`; return its HTTP status, 0 where nobody answers, and what it said."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=5) as answer:
            return answer.status, answer.read(2000).decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as problem:
        return 0, str(problem)


def announce(environment: Environment, seconds: float, tell: Callable[[str], None]) -> None:
    """Say where the product is and who may sign in."""
    address = f"http://localhost:{environment.port}"
    tell(
        f"\nChartroom is ready ({seconds:.1f} s).\n\n"
        f"  {address}/          start here\n"
        f"  {address}/admin/    clinic staff\n"
        f"  {address}/portal/   patients and families\n"
        f"  {address}/api/docs/ developers"
    )
    if environment.embeds_database:
        tell(DEMO)
    home = environment.home
    tell(f"  Settings: {home.env}   Logs: {home.path / 'log'}   Stop: Ctrl-C\n")
