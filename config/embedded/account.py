"""PostgreSQL refuses to run as root: for root it runs as `nobody`, who must be able to reach it."""

import hashlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

OUTSIDE = Path("/var/lib/chartroom")


@dataclass(frozen=True)
class Account:
    """The user who runs the database server; `name` is None for ourselves."""

    name: str | None = None
    uid: int = -1
    gid: int = -1

    @classmethod
    def for_database(cls) -> "Account":
        if os.geteuid() != 0:
            return cls()
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    @property
    def is_other(self) -> bool:
        return self.name is not None

    @property
    def spawn_options(self) -> dict:
        """Keyword arguments for subprocess that make a child run as this user."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def reaches(self, path: Path) -> bool:
        """Tell whether this user may pass through every folder on the way to path."""
        if not self.is_other:
            return True
        probe = ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)]
        return (
            subprocess.run(probe, cwd="/", capture_output=True, **self.spawn_options).returncode
            == 0
        )

    def own(self, path: Path) -> None:
        """Give a file or folder to this user alone."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700 if path.is_dir() else 0o600)


def server_folder(path: Path, account: Account) -> Path:
    """Return the folder for the server's data and programs, making it where it is missing.

    That is `path` itself, unless the tree lies below a folder closed to the server's user (root's
    own home, say): changing that folder's mode is not ours to do, so the data then lie under
    /var/lib/chartroom and `path` is a link to them.
    """
    if path.is_symlink() or path.is_dir():
        folder = path.resolve()
        folder.mkdir(parents=True, exist_ok=True)
    elif account.reaches(path.parent):
        path.mkdir()
        folder = path
    else:
        folder = OUTSIDE / hashlib.sha256(str(path).encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        OUTSIDE.chmod(0o755)
        path.symlink_to(folder)
    folder.chmod(0o755 if account.is_other else 0o700)
    return folder
