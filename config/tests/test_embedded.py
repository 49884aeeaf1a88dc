"""The launcher: servers of its own in a temporary home; nothing here touches the test database."""

import base64
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from config.embedded import __main__ as command_line
from config.embedded import parts, processes, roles, supervisor
from config.embedded.account import OUTSIDE
from config.embedded.environment import Environment, Refused, read
from config.embedded.home import ROOT, Held, Home
from config.embedded.servers import Servers
from config.embedded.supervisor import Part, Supervisor
from config.embedded.valkey import ValkeyServer, socket_path

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def folder():
    """A folder through which PostgreSQL's own user may pass, as he may through a usual clone."""
    path = Path(tempfile.mkdtemp(prefix="cr"))
    path.chmod(0o755)
    yield path
    for data in path.rglob("postmaster.pid"):
        processes.end(processes.working_in(data.parent), by=signal.SIGQUIT)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def running(folder):
    """Servers as `make run` has them, in a home of their own."""
    keeper = Supervisor(tell=lambda line: None)
    servers = Servers(Environment(Home(folder / "home"), given={}))
    servers.environment.home.create()
    try:
        servers.start(keeper)
        yield servers, keeper
    finally:
        keeper.stop()


@pytest.fixture
def urls(running):
    servers, _ = running
    return servers.environment.remembered | {"SUPERUSER": servers.superuser_url}


def part_called(name, keeper):
    return next(part for part in keeper.parts if part.name == name)


def revived(part, first):
    """Tell whether a part runs again, under another number than its first."""
    return part.process is not None and part.process.pid != first and part.runs


def ask(url, statement, *values):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement, values or None).fetchall()


def tell(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


class TestRoles:
    def test_runtime_role_has_no_power(self, urls):
        attributes = ask(
            urls["SUPERUSER"],
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname LIKE 'chartroom%' ORDER BY 1",
        )
        assert attributes == [
            ("chartroom", False, False, False, False, False),
            ("chartroom_owner", False, True, False, False, False),
        ]

    @pytest.mark.parametrize(
        "attempt",
        [
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE visit (id int)",
            "CREATE DATABASE mine",
            "CREATE EXTENSION hstore",
            "TRUNCATE visit",
            "ALTER TABLE visit ADD COLUMN extra int",
            "DROP TABLE visit",
            "SET ROLE chartroom_owner",
            "ALTER ROLE chartroom BYPASSRLS",
            "COPY visit FROM PROGRAM 'true'",
            "SELECT lo_create(0)",
            "SELECT lo_creat(-1)",
            "SELECT lo_from_bytea(0, 'kept'::bytea)",
        ],
    )
    def test_runtime_role_is_refused(self, urls, attempt):
        tell(urls["DATABASE_OWNER_URL"], "CREATE TABLE IF NOT EXISTS visit (id serial, note text)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tell(urls["DATABASE_URL"], attempt)

    def test_runtime_role_looks_last_among_temporary_tables(self, urls):
        assert ask(urls["DATABASE_URL"], "SHOW search_path") == [("public, pg_temp",)]

    def test_runtime_role_uses_the_owners_tables(self, urls):
        tell(urls["DATABASE_OWNER_URL"], "CREATE TABLE reading (id serial, value int)")
        tell(urls["DATABASE_URL"], "INSERT INTO reading (value) VALUES (1), (2)")
        tell(urls["DATABASE_URL"], "UPDATE reading SET value = 3 WHERE value = 2")
        tell(urls["DATABASE_URL"], "DELETE FROM reading WHERE value = 1")
        assert ask(urls["DATABASE_URL"], "SELECT id, value FROM reading") == [(2, 3)]

    def test_test_databases_come_with_extensions_and_grants(self, urls):
        tell(urls["DATABASE_OWNER_URL"], "CREATE DATABASE test_chartroom")
        owner = urls["DATABASE_OWNER_URL"].rsplit("/", 1)[0] + "/test_chartroom"
        tell(owner, "CREATE TABLE chunk (id serial, embedding vector(2))")
        runtime = urls["DATABASE_URL"].rsplit("/", 1)[0] + "/test_chartroom"
        tell(runtime, "INSERT INTO chunk (embedding) VALUES ('[1,2]')")
        assert ask(runtime, "SELECT id, embedding::text FROM chunk") == [(1, "[1,2]")]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tell(runtime, "TRUNCATE chunk")

    def test_preparing_twice_repairs_what_was_changed(self, urls):
        tell(urls["SUPERUSER"], "ALTER ROLE chartroom BYPASSRLS CREATEDB PASSWORD 'other'")
        roles.prepare(
            urls["SUPERUSER"],
            owner_url=urls["DATABASE_OWNER_URL"],
            runtime_url=urls["DATABASE_URL"],
            for_tests=True,
        )
        assert ask(
            urls["DATABASE_URL"],
            "SELECT rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user",
        ) == [(False, False)]

    def test_a_server_of_ones_own_is_prepared_from_its_urls(self, urls, monkeypatch, capsys):
        address = urlsplit(urls["SUPERUSER"]).netloc.split("@")[1]
        owner = f"postgresql://clinic_owner:o%2Fp@{address}/clinic"
        runtime = f"postgresql://clinic:r%40p@{address}/clinic"
        monkeypatch.setenv("DATABASE_SUPERUSER_URL", urls["SUPERUSER"])
        monkeypatch.setenv("DATABASE_OWNER_URL", owner)
        monkeypatch.setenv("DATABASE_URL", runtime)
        assert [command_line.main(["prepare"]) for _ in range(2)] == [0, 0]
        tell(owner, "CREATE TABLE visit (id int)")
        assert ask(runtime, "SELECT count(*) FROM visit") == [(0,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tell(owner, "CREATE DATABASE another")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(urls["DATABASE_URL"].rsplit("/", 1)[0] + "/clinic")
        monkeypatch.setenv("DATABASE_URL", "")
        assert command_line.main(["prepare"]) == 1
        assert "DATABASE_URL" in capsys.readouterr().err


class TestDatabaseServer:
    def test_only_passwords_open_it(self, urls):
        hba = ask(urls["SUPERUSER"], "SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        assert hba == [("scram-sha-256",)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(urls["DATABASE_URL"].replace("chartroom:", "chartroom:x"))

    def test_it_listens_on_loopback_alone(self, urls):
        assert ask(
            urls["SUPERUSER"],
            "SELECT name, setting FROM pg_settings WHERE name IN"
            " ('listen_addresses', 'unix_socket_directories', 'fsync', 'data_checksums',"
            " 'log_min_error_statement', 'log_error_verbosity') ORDER BY 1",
        ) == [
            ("data_checksums", "on"),
            ("fsync", "on"),
            ("listen_addresses", "127.0.0.1"),
            ("log_error_verbosity", "terse"),
            ("log_min_error_statement", "panic"),
            ("unix_socket_directories", ""),
        ]

    def test_its_locale_is_not_the_machines(self, urls):
        assert ask(
            urls["SUPERUSER"],
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'chartroom'",
        ) == [("b", "C.UTF-8")]

    def test_its_log_tells_nothing_of_patients(self, running, urls):
        servers, _ = running
        tell(urls["DATABASE_OWNER_URL"], "CREATE TABLE person (ssn text UNIQUE)")
        tell(urls["DATABASE_URL"], "INSERT INTO person VALUES ('078-05-1120')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            tell(urls["DATABASE_URL"], "INSERT INTO person VALUES ('078-05-1120')")
        log = servers.environment.home.log("postgres").read_text()
        assert "duplicate key value" in log
        assert "078-05-1120" not in log

    def test_a_killed_server_loses_nothing_acknowledged(self, running, urls):
        _, keeper = running
        database = part_called("database", keeper)
        first = database.process.pid
        tell(urls["DATABASE_OWNER_URL"], "CREATE TABLE kept (number int)")
        acknowledged = 0
        with psycopg.connect(urls["DATABASE_URL"], autocommit=True) as connection:
            for number in range(300):
                connection.execute("INSERT INTO kept VALUES (%s)", [number])
                acknowledged += 1
                if number == 250:
                    os.kill(first, signal.SIGKILL)
                    break
        assert processes.wait_until(lambda: keeper.look() or revived(database, first), 30)
        assert ask(urls["DATABASE_URL"], "SELECT count(*) FROM kept") == [(acknowledged,)]

    def test_a_server_left_running_is_replaced(self, running, urls):
        """As after `kill -9` of a launcher where the kernel could not tell its children."""
        _, keeper = running
        database = part_called("database", keeper)
        left, database.process = database.process, None
        database.process = database.launch()
        assert processes.has_ended(left)
        assert database.runs
        assert ask(urls["DATABASE_URL"], "SELECT 1") == [(1,)]

    def test_a_stale_lock_with_anothers_number_is_cleared(self, running, urls):
        servers, keeper = running
        database = part_called("database", keeper)
        supervisor.halt(database)
        stranger = subprocess.Popen(["sleep", "60"])
        lock = servers.environment.home.postgres / "data" / "postmaster.pid"
        lock.write_text(f"{stranger.pid}\n{lock.parent}\n")
        try:
            database.process = database.launch()
            assert stranger.poll() is None
            assert ask(urls["DATABASE_URL"], "SELECT 1") == [(1,)]
        finally:
            stranger.kill()
            stranger.wait()


class TestBroker:
    def test_a_killed_broker_loses_nothing(self, running):
        servers, keeper = running
        broker = part_called("broker", keeper)
        with servers.broker.client() as client:
            for number in range(500):
                client.rpush("celery", number)
        first = broker.process.pid
        os.kill(first, signal.SIGKILL)
        assert processes.wait_until(lambda: keeper.look() or revived(broker, first), 30)
        with servers.broker.client() as client:
            assert client.llen("celery") == 500
            client.delete("celery")

    def test_only_its_user_opens_the_socket(self, running):
        servers, _ = running
        assert stat.S_IMODE(servers.broker.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(servers.broker.socket.parent.stat().st_mode) == 0o700

    def test_it_listens_on_no_port(self, running):
        _, keeper = running
        process = psutil.Process(part_called("broker", keeper).process.pid)
        assert process.net_connections(kind="inet") == []

    def test_a_deep_home_gets_a_short_socket(self, folder):
        home = Home(folder / ("deep" * 40))
        path = socket_path(home)
        assert len(os.fsencode(path)) < 108
        home.create()
        server = ValkeyServer(home)
        process = server.launch()
        try:
            assert redis.Redis(unix_socket_path=str(path)).ping()
        finally:
            processes.stop(process, ((signal.SIGTERM, 10),))
            shutil.rmtree(path.parent)

    def test_tasks_of_a_killed_worker_come_back_at_once(self, running):
        servers, _ = running
        with servers.broker.client() as client:
            client.zadd("unacked_index", {"a": time.time(), "b": time.time()})
            client.set("unacked_mutex", "held by the dead")
            servers.broker.return_unfinished()
            assert client.zrange("unacked_index", 0, -1, withscores=True) == [(b"a", 0), (b"b", 0)]
            assert not client.exists("unacked_mutex")
            client.delete("unacked_index")


class TestEnvironment:
    @pytest.fixture
    def home(self, tmp_path):
        home = Home(tmp_path / "home")
        home.create()
        return home

    def chosen(self, home, **given):
        environment = Environment(home, given=given)
        environment.choose(broker_socket=home.valkey / "socket")
        return environment

    def test_what_was_made_stands_in_a_private_file(self, home):
        environment = self.chosen(home)
        assert stat.S_IMODE(home.env.stat().st_mode) == 0o600
        values = read(home.env)
        assert values == environment.remembered
        assert len(base64.b64decode(values["MASTER_KEYS"])) == 32
        assert len(base64.b64decode(values["BLIND_INDEX_KEY"])) == 32
        assert len(values["SECRET_KEY"]) >= 50
        assert values["EMBEDDED"] == "1"
        assert values["PORT"] == "8000"
        assert urlsplit(values["DATABASE_URL"]).hostname == "127.0.0.1"

    def test_a_shell_reads_the_same_values(self, home):
        environment = self.chosen(home)
        script = f'set -a; . {home.env}; printf %s "$ALLOWED_HOSTS $MASTER_KEYS"'
        said = subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout
        values = environment.remembered
        assert said == f"{values['ALLOWED_HOSTS']} {values['MASTER_KEYS']}"

    def test_nothing_changes_at_the_second_start(self, home):
        first = self.chosen(home).remembered
        written = home.env.stat().st_mtime_ns
        assert self.chosen(home).remembered == first
        assert home.env.stat().st_mtime_ns == written

    def test_a_remembered_key_is_never_replaced(self, home):
        first = self.chosen(home).remembered["MASTER_KEYS"]
        other = base64.b64encode(b"x" * 32).decode()
        environment = self.chosen(home, MASTER_KEYS=other)
        assert environment.for_owner()["MASTER_KEYS"] == other
        assert read(home.env)["MASTER_KEYS"] == first

    def test_lines_that_others_added_stay(self, home):
        self.chosen(home)
        home.env.write_text(home.env.read_text() + "ANSWER_URL=http://localhost:1/v1\n")
        self.chosen(home, PORT="8123")
        assert read(home.env)["ANSWER_URL"] == "http://localhost:1/v1"
        assert read(home.env)["PORT"] == "8123"

    def test_a_taken_database_port_is_left_to_its_taker(self, home):
        before = self.chosen(home)
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", before.database_port))
            taker.listen()
            after = self.chosen(home)
        assert after.database_port != before.database_port
        passwords = [urlsplit(e.remembered["DATABASE_URL"]).password for e in (before, after)]
        assert passwords[0] == passwords[1]

    def test_a_sourced_env_file_still_means_the_embedded_servers(self, home):
        sourced = dict(self.chosen(home).remembered)
        again = Environment(home, given=sourced)
        assert again.embeds_database
        assert again.embeds_broker

    def test_a_named_database_is_used_and_gets_none_of_our_keys(self, home):
        self.chosen(home)
        named = {
            "DATABASE_URL": "postgresql://a:b@db/x",
            "DATABASE_OWNER_URL": "postgresql://o:p@db/x",
        }
        environment = self.chosen(home, **named)
        assert not environment.embeds_database
        assert environment.embeds_broker
        settings = environment.for_owner()
        assert settings["DATABASE_URL"] == named["DATABASE_URL"]
        assert environment.for_migration()["DATABASE_URL"] == named["DATABASE_OWNER_URL"]
        assert settings["CELERY_BROKER_URL"].startswith("redis+socket:///")
        assert not {"MASTER_KEYS", "SECRET_KEY", "EMBEDDED"} & settings.keys()

    def test_a_named_database_without_its_owner_is_refused(self, home):
        environment = self.chosen(home, DATABASE_URL="postgresql://a:b@db/x")
        with pytest.raises(Refused, match="DATABASE_OWNER_URL"):
            environment.for_migration()
        with pytest.raises(Refused, match="DATABASE_OWNER_URL"):
            Environment(home, given={"DATABASE_OWNER_URL": "postgresql://o:p@db/x"})

    def test_the_parts_never_learn_the_owners_password(self, home):
        environment = self.chosen(home)
        password = urlsplit(environment.remembered["DATABASE_OWNER_URL"]).password
        assert all(password not in value for value in environment.for_parts().values())
        assert environment.for_owner()["DATABASE_OWNER_URL"]

    @pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8000 "])
    def test_a_port_that_is_none_is_refused(self, home, port):
        with pytest.raises(Refused, match="PORT"):
            self.chosen(home, PORT=port)

    def test_data_without_their_keys_are_refused(self, home):
        (home.postgres / "data").mkdir(parents=True)
        with pytest.raises(Refused, match="make reset"):
            Servers(Environment(home, given={})).start(Supervisor())
        assert not home.env.exists()


class TestHome:
    def test_one_launcher_at_a_time(self, tmp_path):
        home = Home(tmp_path / "home")
        with home.hold(), pytest.raises(Held) as refusal, home.hold():
            pass
        assert refusal.value.pid == os.getpid()
        with home.hold():
            pass

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
    def test_a_tree_closed_to_the_servers_user_keeps_its_modes(self, folder):
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        home = Home(closed / "home")
        home.create()
        keeper = Supervisor(tell=lambda line: None)
        servers = Servers(Environment(home, given={}), durable=False)
        try:
            servers.start(keeper)
            assert ask(servers.superuser_url, "SELECT 1") == [(1,)]
        finally:
            keeper.stop()
        outside = home.postgres.resolve()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert outside.is_relative_to(OUTSIDE)
        assert command_line.main(["--home", str(home.path), "reset", "--yes"]) == 0
        assert not outside.exists()
        assert {path.name for path in home.path.iterdir()} <= {"lock"}


class TestSupervisor:
    def part(self, tmp_path, script, name="part"):
        def launch():
            return processes.spawn(
                ["sh", "-c", script],
                env={"PATH": os.defpath},
                log=tmp_path / f"{name}.log",
                cwd="/",
            )

        return Part(name, launch, ((signal.SIGTERM, 5.0),))

    def test_a_dead_part_comes_back_and_its_children_do_not_stay(self, tmp_path):
        said = []
        keeper = Supervisor(tell=said.append)
        part = self.part(tmp_path, "sleep 300 & echo $!; wait")
        keeper.start(part)
        try:
            log = tmp_path / "part.log"
            assert processes.wait_until(lambda: log.read_text().strip(), 5)
            child = psutil.Process(int(log.read_text()))
            first = part.process.pid
            os.kill(first, signal.SIGKILL)
            assert processes.wait_until(lambda: keeper.look() or revived(part, first), 5)
            assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
            assert said == ["The part ended (killed by signal 9); starting it again in 0.5 s."]
        finally:
            keeper.stop()

    def test_a_part_that_keeps_dying_is_started_ever_less_often(self, tmp_path):
        keeper = Supervisor(tell=lambda line: None)
        part = self.part(tmp_path, "exit 3")
        keeper.start(part)
        pauses = []
        for _ in range(3):
            assert processes.wait_until(lambda: not part.runs, 5)
            before = time.monotonic()
            keeper.look()
            pauses.append(round(part.due - before, 1))
            part.due = 0
            keeper.look()
        assert pauses == [0.5, 1.0, 2.0]
        assert supervisor.fragile(keeper.parts, 3) is part
        keeper.stop()

    def test_a_part_deaf_to_signals_is_ended_all_the_same(self, tmp_path):
        keeper = Supervisor(tell=lambda line: None)
        part = self.part(tmp_path, "trap '' TERM; echo ready; while :; do sleep 1; done")
        part.shutdown = ((signal.SIGTERM, 0.2),)
        keeper.start(part)
        assert processes.wait_until(lambda: (tmp_path / "part.log").read_text(), 5)
        process = part.process
        keeper.stop()
        assert process.returncode == -signal.SIGKILL

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's own")
    def test_parts_end_with_a_killed_launcher(self, tmp_path):
        script = (
            "import sys, time; from pathlib import Path; from config.embedded import processes\n"
            "child = processes.spawn(['sleep', '300'], env={}, log=Path(sys.argv[1]), cwd='/')\n"
            "print(child.pid, flush=True); time.sleep(300)"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "log")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as launcher:
            child = psutil.Process(int(launcher.stdout.readline()))
            launcher.kill()
        _, alive = psutil.wait_procs([child], timeout=5)
        assert not alive

    def test_a_large_log_is_set_aside(self, tmp_path, monkeypatch):
        monkeypatch.setattr(processes, "LARGEST_LOG", 10)
        log = tmp_path / "web.log"
        log.write_text("x" * 11)
        processes.open_log(log).close()
        assert log.read_text() == ""
        assert (tmp_path / "web.log.1").read_text() == "x" * 11


def test_the_web_part_listens_on_loopback_alone():
    command = parts.web({"PORT": "8000", "WEB_THREADS": "4"})
    assert "--host=127.0.0.1" in command
