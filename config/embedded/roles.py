"""The database's roles and extensions: what only a superuser can make.

The owner role owns the tables and migrates. The runtime role, as which the product runs, owns
nothing, may not make objects, is no superuser and does not pass row level security by. Both names
and passwords are taken from the URLs that the product is given, so this prepares any server,
embedded or not.
"""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

EXTENSIONS = ("vector", "btree_gist", "pg_trgm", "unaccent", "citext")
# What makes large objects, or writes one that is there.
LARGE_OBJECTS = (
    "lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)",
    "lo_put(oid, bigint, bytea)", "lowrite(integer, bytea)", "lo_unlink(oid)",
)  # fmt: skip
NO_POWERS = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS"


@dataclass(frozen=True)
class Login:
    """Who connects to which database, as a URL says it."""

    role: str
    password: str
    database: str

    @classmethod
    def of(cls, url: str) -> "Login":
        parts = urlsplit(url)
        return cls(
            unquote(parts.username or ""), unquote(parts.password or ""), parts.path.lstrip("/")
        )


def prepare(superuser_url: str, *, owner_url: str, runtime_url: str, for_tests: bool) -> str:
    """Make roles, database and extensions as they must be; safe to run at every start.

    With `for_tests` the owner may create databases, and template1 is prepared too, so that test
    databases start with the extensions and grants. Returns what identifies the database for as long
    as it lives.
    """
    owner, runtime = Login.of(owner_url), Login.of(runtime_url)
    with connect(superuser_url, "postgres") as connection:
        ensure_role(connection, owner, "CREATEDB" if for_tests else "NOCREATEDB")
        ensure_role(connection, runtime, "NOCREATEDB")
        look_last_among_temporary_tables(connection, runtime)
    if for_tests:
        furnish(superuser_url, "template1", owner=owner.role, runtime=runtime.role)
    with connect(superuser_url, "postgres") as connection:
        ensure_database(connection, owner, runtime)
        identity = connection.execute(
            "SELECT system_identifier || '/' || oid FROM pg_control_system(), pg_database"
            " WHERE datname = %s",
            [owner.database],
        ).fetchone()[0]
    furnish(superuser_url, owner.database, owner=owner.role, runtime=runtime.role)
    return identity


def connect(superuser_url: str, database: str) -> psycopg.Connection:
    return psycopg.connect(superuser_url, dbname=database, autocommit=True, connect_timeout=10)


def ensure_role(connection: psycopg.Connection, login: Login, extra: str) -> None:
    """Make a role, or bring one that exists back to its rights and password."""
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login.role]).fetchone()
    statement = sql.SQL("{verb} ROLE {role} {powers} PASSWORD {password}").format(
        verb=sql.SQL("ALTER" if known else "CREATE"),
        role=sql.Identifier(login.role),
        powers=sql.SQL(f"{NO_POWERS} {extra}"),
        password=sql.Literal(login.password),
    )
    connection.execute(statement)


def look_last_among_temporary_tables(connection: psycopg.Connection, runtime: Login) -> None:
    """The runtime role may make none; were it ever given the right, one that is called like a table
    of ours must not take its place."""
    connection.execute(
        sql.SQL("ALTER ROLE {} SET search_path = public, pg_temp").format(
            sql.Identifier(runtime.role)
        )
    )


def ensure_database(connection: psycopg.Connection, owner: Login, runtime: Login) -> None:
    """Make the database, owned by the owner role and open to the two roles only."""
    known = connection.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [owner.database]
    ).fetchone()
    names = {
        "database": sql.Identifier(owner.database),
        "owner": sql.Identifier(owner.role),
        "runtime": sql.Identifier(runtime.role),
    }
    if known is None:
        connection.execute(sql.SQL("CREATE DATABASE {database} OWNER {owner}").format(**names))
    elif known[0] != owner.role:
        connection.execute(sql.SQL("ALTER DATABASE {database} OWNER TO {owner}").format(**names))
    connection.execute(
        sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC").format(**names)
    )
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {database} TO {runtime}").format(**names))


def furnish(superuser_url: str, database: str, *, owner: str, runtime: str) -> None:
    """Give a database its extensions, and the runtime role its rights on the owner's objects.
    Large objects, which no policy covers, are made by nobody."""
    names = {"owner": sql.Identifier(owner), "runtime": sql.Identifier(runtime)}
    grants = (
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        *(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC" for name in LARGE_OBJECTS),
        "GRANT USAGE ON SCHEMA public TO {runtime}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
        " GRANT USAGE ON SEQUENCES TO {runtime}",
    )
    with connect(superuser_url, database) as connection:
        for extension in EXTENSIONS:
            connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
            )
        for grant in grants:
            connection.execute(sql.SQL(grant).format(**names))
