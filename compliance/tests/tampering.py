"""What only the trail's owner could do to it, for the tests that find it out."""

from django.db import connection, transaction

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
