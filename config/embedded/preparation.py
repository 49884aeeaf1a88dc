"""What must be done before the product can serve: migrations, demo clinics, static files.

Each is a command of `manage.py` that can be run twice. Starting one costs a second or more, so a
stamp remembers what it last saw, and it runs again only when that has changed.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import psycopg

from config.embedded.home import ROOT, Home, write_private
from config.embedded.processes import PRIVATE, Unstarted, bind_to


class Stamps:
    """What was done, by name, with a digest of what it was done for."""

    def __init__(self, home: Home) -> None:
        self.path = home.stamps

    def read(self) -> dict[str, str]:
        try:
            return json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def holds(self, name: str, value: str) -> bool:
        return self.read().get(name) == value

    def set(self, name: str, value: str) -> None:
        write_private(self.path, json.dumps(self.read() | {name: value}, indent=1))


def manage(arguments: list[str], environment: Mapping[str, str]) -> None:
    """Run a command of `manage.py`; what it says is shown. Raises Unstarted when it fails."""
    parent = os.getpid()
    result = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(environment),
        start_new_session=True,
        umask=PRIVATE,
        preexec_fn=lambda: bind_to(parent),
    )
    if result.returncode:
        raise Unstarted(f"`manage.py {arguments[0]}` failed; what it said stands above.")


def digest(paths: Iterable[Path], *more: str, contents: bool = True) -> str:
    """Return a digest of files: of their contents, or of their names, sizes and times of change."""
    total = hashlib.sha256(repr(more).encode())
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode())
        if contents:
            total.update(path.read_bytes())
        else:
            total.update(repr((path.stat().st_size, path.stat().st_mtime_ns)).encode())
    return total.hexdigest()


def settings_files() -> list[Path]:
    """Return the files that decide which packages add migrations and static files."""
    return [
        path
        for path in (ROOT / "requirements.txt", ROOT / "config" / "settings.py")
        if path.exists()
    ]


def migrate(environment: Mapping[str, str], stamps: Stamps, tell: Callable[[str], None]) -> None:
    """Apply migrations as the owner, unless these files, over this history, left none to apply."""
    files = [*ROOT.glob("[!.]*/migrations/*.py"), *settings_files()]

    def state() -> str:
        return digest(files, *applied(environment["DATABASE_URL"]))

    if stamps.holds("migrations", state()):
        return
    tell("Migrating the database …")
    manage(["migrate", "--no-input", "-v", "0"], environment)
    stamps.set("migrations", state())


def applied(owner_url: str) -> list[str]:
    """Return the migrations that the database says it has seen, in order."""
    with psycopg.connect(owner_url, connect_timeout=10) as connection:
        known = connection.execute("SELECT to_regclass('public.django_migrations')").fetchone()[0]
        if known is None:
            return []
        rows = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
        return [row[0] for row in rows]


def load_demo(
    environment: Mapping[str, str], stamps: Stamps, tell: Callable[[str], None], *, database: str
) -> None:
    """Load the demo clinics once for each database; `database` is what identifies it."""
    if stamps.holds("demo", database):
        return
    tell("Loading the demo clinics …")
    manage(["load_demo"], environment)
    stamps.set("demo", database)


def collect_static(
    environment: Mapping[str, str], stamps: Stamps, tell: Callable[[str], None]
) -> None:
    """Gather the static files, unless none of ours and no package changed since."""
    folders = [ROOT / "static", *ROOT.glob("[!.]*/static")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    target = environment.get("STATIC_ROOT", "")
    state = digest(files, digest(settings_files()), target, contents=False)
    if stamps.holds("static", state) and Path(target).is_dir():
        return
    tell("Gathering static files …")
    manage(["collectstatic", "--no-input", "-v", "0"], environment)
    stamps.set("static", state)
