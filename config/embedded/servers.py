"""The servers that one environment needs: those that the caller did not name himself."""

from pathlib import Path

from config.embedded import postgres, processes, roles, valkey
from config.embedded.environment import Environment, Refused
from config.embedded.supervisor import Part, Supervisor


class Servers:
    """PostgreSQL and the broker of one home, as far as they are embedded."""

    def __init__(self, environment: Environment, *, durable: bool = True) -> None:
        self.environment = environment
        self.durable = durable
        self.broker = valkey.ValkeyServer(environment.home) if environment.embeds_broker else None
        self.identity = ""
        self.superuser_url = ""

    def start(self, supervisor: Supervisor) -> None:
        """Choose what is missing, start the servers, prepare roles and database.

        Raises Refused when data are there whose keys are not, Unstarted when a server does not come
        up.
        """
        self._refuse_lost_keys()
        self.environment.choose(broker_socket=self.broker.socket if self.broker else None)
        if self.broker:
            supervisor.start(Part("broker", self.broker.launch, valkey.SHUTDOWN, is_server=True))
        if self.environment.embeds_database:
            self._start_database(supervisor)

    def _start_database(self, supervisor: Supervisor) -> None:
        programs = self.environment.given.get("POSTGRES_BIN")
        server = postgres.PostgresServer(
            self.environment.home,
            port=self.environment.database_port,
            password=self.environment.superuser_password(),
            programs=Path(programs) if programs else None,
            durable=self.durable,
        )
        server.initialise()
        supervisor.start(Part("database", server.launch, postgres.SHUTDOWN, is_server=True))
        self.superuser_url = server.superuser_url
        self.identity = roles.prepare(
            server.superuser_url,
            owner_url=self.environment.remembered["DATABASE_OWNER_URL"],
            runtime_url=self.environment.remembered["DATABASE_URL"],
            for_tests=True,
        )

    def _refuse_lost_keys(self) -> None:
        home = self.environment.home
        if not self.environment.embeds_database or not (home.postgres / "data").exists():
            return
        keys_are_known = "MASTER_KEYS" in self.environment.remembered
        for path, known in ((home.env, keys_are_known), (home.superuser, home.superuser.exists())):
            if not known:
                raise Refused(
                    f"{home.postgres} holds a database, but what {path} held is gone. "
                    "Put that file back, or delete the data with `make reset`."
                )


def start_for_tests(environment: Environment, supervisor: Supervisor) -> Servers:
    """Start servers whose data need not last; a cluster broken by a power cut is made anew."""
    servers = Servers(environment, durable=False)
    try:
        servers.start(supervisor)
    except (processes.Unstarted, Refused):
        supervisor.stop()
        environment.home.empty()
        environment.home.create()
        servers = Servers(Environment(environment.home, environment.given), durable=False)
        servers.start(supervisor)
    return servers
