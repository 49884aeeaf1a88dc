"""What only the trail's owner could do to it, and waiting for the server, for the trail's tests."""

from time import sleep

from django.db import connection, transaction

from clinic.security import tenancy
from conftest import as_owner

TABLES = ("clinic_logentry", "clinic_traillink")


def tamper(*statements: str) -> None:
    """As the owner with the trail's triggers lifted and policies passed by."""
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
            cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount > 0
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def settle() -> None:
    """Wait until no older transaction runs, be it the server's own housekeeping."""
    running = "pg_snapshot_xmin(pg_current_snapshot()) < pg_snapshot_xmax(pg_current_snapshot())"
    with tenancy.acting(tenancy.NOBODY), connection.cursor() as cursor:
        while cursor.execute(f"SELECT {running}").fetchone()[0]:
            sleep(0.01)
