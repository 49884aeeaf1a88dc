"""A time became free: whoever waits for one is thought of at once, and not only at the next round
of the scheduler."""

from celery import current_app
from django.db import transaction

from clinic.security import tenancy

TASK = "scheduling.advance_waiting_here"


def tell() -> None:
    """Look through the waiting list of the facility once the transaction is committed. Where the
    broker does not answer, the round of each minute does it."""
    arguments = {"facility_id": str(tenancy.current().facility_id)}
    transaction.on_commit(
        lambda: current_app.send_task(TASK, kwargs=arguments, retry=False), robust=True
    )
