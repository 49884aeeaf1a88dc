"""The folder in which the launcher keeps all it makes (`.local` for the demo), and who holds it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Held(Exception):
    """Another launcher runs in this home; `pid` names it, or is None while it is only starting."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"process {pid}" if pid else "another process")
        self.pid = pid


@dataclass(frozen=True)
class Home:
    """One set of servers with their data, keys and logs."""

    path: Path

    @property
    def env(self) -> Path:
        return self.path / "env"

    @property
    def superuser(self) -> Path:
        return self.path / "superuser"

    @property
    def stamps(self) -> Path:
        return self.path / "stamps.json"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def static(self) -> Path:
        return self.path / "static"

    def log(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"

    def create(self) -> None:
        """Make the folder: passable, for PostgreSQL's own user, but not listable."""
        for folder in (self.path, self.path / "log", self.static):
            folder.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        (self.path / "log").chmod(0o700)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the one launcher of this home for the block; the kernel lets go if we are killed.

        Raises Held when another process is.
        """
        self.create()
        with open(self.path / "lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                pid = lock.read().strip()
                raise Held(int(pid) if pid.isdigit() else None) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
            lock.truncate(0)

    def empty(self) -> None:
        """Delete all but the lock, which we hold; also a database kept outside the tree."""
        if self.postgres.is_symlink():
            shutil.rmtree(self.postgres.resolve(), ignore_errors=True)
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only, on disk before we go on."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
