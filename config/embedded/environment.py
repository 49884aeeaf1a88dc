"""The settings that every process is given: what the caller set, and what we chose for the rest.

What we make is remembered in the home's `env` file under the contract's names. A key, once
remembered, is never replaced: without it the data cannot be read.
"""

import base64
import os
import secrets
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from config.embedded.home import ROOT, Home, write_private

DEFAULT_PORT = 8000
LOOPBACK = "127.0.0.1"
DATABASE = "chartroom"
OWNER = "chartroom_owner"
RUNTIME = "chartroom"


class Refused(Exception):
    """The settings contradict one another or lack something; the message says which."""


def random_key() -> str:
    """Return 32 random bytes in base64, as MASTER_KEYS and BLIND_INDEX_KEY want them."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def free_port() -> int:
    """Return a loopback port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def caller_settings() -> dict[str, str]:
    """Return the process's environment, with the project's `.env` beneath it."""
    from_file = {
        name: value for name, value in dotenv_values(ROOT / ".env").items() if value is not None
    }
    return from_file | dict(os.environ)


class Environment:
    """The settings of one home. Making one changes nothing on disk; `choose` and `remember` do."""

    def __init__(self, home: Home, given: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.given = dict(caller_settings() if given is None else given)
        self.remembered = read(home.env)
        self.embeds_database = self._is_ours("DATABASE_URL")
        self.embeds_broker = self._is_ours("CELERY_BROKER_URL")
        if self.embeds_database and not self._is_ours("DATABASE_OWNER_URL"):
            raise Refused(
                "DATABASE_OWNER_URL is set but DATABASE_URL is not: set both, or neither."
            )

    def _is_ours(self, name: str) -> bool:
        """A server is ours unless the caller names another; a sourced `env` file names ours."""
        value = self.given.get(name)
        return not value or same_server(value, self.remembered.get(name, ""))

    @property
    def port(self) -> int:
        """The web port the caller asks for. Raises Refused when PORT is no port."""
        text = self.given.get("PORT") or str(DEFAULT_PORT)
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise Refused(f"PORT must be a number from 1 to 65535, not {text!r}.")
        return int(text)

    @property
    def database_port(self) -> int:
        return urlsplit(self.remembered["DATABASE_URL"]).port

    def choose(self, *, broker_socket: Path | None = None) -> None:
        """Make and remember what is missing: keys, passwords, a free database port, addresses."""
        values = {"PORT": str(self.port), "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]"}
        if self.embeds_database:
            values |= self._keys() | self._database_urls() | {"EMBEDDED": "1"}
            values |= self._folders()
        if self.embeds_broker and broker_socket:
            values["CELERY_BROKER_URL"] = f"redis+socket://{broker_socket}"
        self.remember(values)

    def _keys(self) -> dict[str, str]:
        makers = {
            "SECRET_KEY": lambda: secrets.token_urlsafe(50),
            "MASTER_KEYS": random_key,
            "BLIND_INDEX_KEY": random_key,
        }
        return {
            name: self.remembered.get(name) or self.given.get(name) or make()
            for name, make in makers.items()
        }

    def _database_urls(self) -> dict[str, str]:
        known = self.remembered.get("DATABASE_URL")
        port = urlsplit(known).port if known else None
        if port is None or not (is_free(port) or self.home_serves(port)):
            port = free_port()
        urls = {}
        for name, role in (("DATABASE_URL", RUNTIME), ("DATABASE_OWNER_URL", OWNER)):
            before = self.remembered.get(name)
            password = urlsplit(before).password if before else secrets.token_urlsafe(24)
            urls[name] = f"postgresql://{role}:{password}@{LOOPBACK}:{port}/{DATABASE}"
        return urls

    def home_serves(self, port: int) -> bool:
        """Tell whether a server of this home is the one that listens on `port`."""
        lock = self.home.postgres / "data" / "postmaster.pid"
        return lock.exists() and str(port) in lock.read_text().split("\n")[3:4]

    def _folders(self) -> dict[str, str]:
        return {
            "DOCUMENT_STORAGE_URL": (self.home.path / "documents").as_uri(),
            "AUDIT_ANCHOR_URL": (self.home.path / "anchors").as_uri(),
        }

    def superuser_password(self) -> str:
        """Return the superuser's password, made once; only the launcher and tests use it."""
        if not self.home.superuser.exists():
            write_private(self.home.superuser, secrets.token_urlsafe(24) + "\n")
        return self.home.superuser.read_text().strip()

    def remember(self, values: Mapping[str, str]) -> None:
        """Write `env` anew if a value changed; lines that others added to it stay."""
        merged = self.remembered | dict(values)
        if merged != self.remembered or not self.home.env.exists():
            lines = [f"{name}={shlex.quote(value)}\n" for name, value in merged.items()]
            write_private(self.home.env, "".join(lines))
        self.remembered = merged

    def for_owner(self) -> dict[str, str]:
        """Return the environment of an operator's commands: everything, with both database roles.

        Keys and addresses that we made belong to our database: beside another one they are not
        offered.
        """
        chosen = self.remembered if self.embeds_database else {}
        merged = chosen | {name: value for name, value in self.given.items() if value}
        if self.embeds_database:
            merged |= {
                name: chosen[name] for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "EMBEDDED")
            }
        else:
            merged.pop("EMBEDDED", None)
        if self.embeds_broker and "CELERY_BROKER_URL" in self.remembered:
            merged["CELERY_BROKER_URL"] = self.remembered["CELERY_BROKER_URL"]
        merged.setdefault("STATIC_ROOT", str(self.home.static))
        return merged | {"PORT": str(self.port), "PYTHONUNBUFFERED": "1"}

    def for_parts(self) -> dict[str, str]:
        """Return the environment of web, worker and scheduler: without the owner's password."""
        return {
            name: value for name, value in self.for_owner().items() if name != "DATABASE_OWNER_URL"
        }

    def for_migration(self) -> dict[str, str]:
        """Return the environment of `manage.py migrate`, which runs as the owner role.

        Raises Refused when a database was named without its owner.
        """
        environment = self.for_owner()
        owner = environment.get("DATABASE_OWNER_URL")
        if not owner:
            raise Refused(
                "DATABASE_URL is set, so DATABASE_OWNER_URL must be too: migrations need the owner."
            )
        return environment | {"DATABASE_URL": owner}


def read(path: Path) -> dict[str, str]:
    """Return the values of an `env` file, or nothing where there is none."""
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def same_server(one: str, other: str) -> bool:
    """Tell whether two addresses differ at most in their port, which ours may have to change."""
    if not one or not other:
        return False
    first, second = urlsplit(one), urlsplit(other)
    return (first.username, first.password, first.hostname, first.path) == (
        second.username,
        second.password,
        second.hostname,
        second.path,
    )
