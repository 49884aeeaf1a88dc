"""`run`: serves the product until a signal comes."""

import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from config.embedded import parts, preparation, processes, signals
from config.embedded.environment import LOOPBACK, Environment, Refused, is_free
from config.embedded.home import Home
from config.embedded.servers import Servers
from config.embedded.supervisor import Supervisor, fragile

READY_WITHIN = 120  # seconds
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
            start(environment, supervisor, tell)
            wait_until_ready(supervisor, home, environment.port)
            announce(environment, time.monotonic() - began, tell)
            supervisor.watch()
        except signals.Stopped:
            tell("Stopping …")
        finally:
            signals.ignore()
            supervisor.stop()
            processes.end(processes.marked(home.path), by=signal.SIGKILL)


def start(environment: Environment, supervisor: Supervisor, tell: Callable[[str], None]) -> None:
    """Start the servers, prepare what changed, start the product's parts."""
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
    for part in parts.product(home, settings, before_worker=before_worker):
        supervisor.start(part)


def wait_until_ready(supervisor: Supervisor, home: Home, port: int) -> None:
    """Wait for `/readyz`. Raises Unstarted, with what is wrong, when it does not come."""
    deadline = time.monotonic() + READY_WITHIN
    while True:
        ready, answer = ask_readiness(port)
        if ready:
            return
        supervisor.look()
        if part := fragile(supervisor.parts, DEATHS_BEFORE_READY):
            log = home.log(part.name)
            raise processes.Unstarted(
                f"The {part.name} does not start; {log} ends:\n{processes.last_lines(log)}"
            )
        if time.monotonic() > deadline:
            raise processes.Unstarted(f"Not ready after {READY_WITHIN} s; /readyz says: {answer}")
        time.sleep(0.1)


def ask_readiness(port: int) -> tuple[bool, str]:
    """Ask `/readyz`; return whether it is ready, and what it said."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=5) as answer:
            return answer.status == 200, answer.read(2000).decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        return False, f"{refusal.code} {refusal.read(2000).decode(errors='replace')}"
    except OSError as problem:
        return False, str(problem)


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
