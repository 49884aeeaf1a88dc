"""The worker's part of scheduling."""

from uuid import UUID

from celery import current_app, shared_task
from django.db import transaction

from clinic.security import tenancy
from clinic.tasks import FacilityTask, in_every_facility
from scheduling import freed, waiting
from scheduling.ics import busy
from scheduling.medicines import due
from scheduling.messages import planning, sending


@shared_task(name="scheduling.advance_waiting")
def advance_waiting() -> None:
    """Look through the waiting lists of all facilities."""
    in_every_facility(freed.TASK)


@shared_task(base=FacilityTask, name=freed.TASK)
def advance_waiting_here() -> None:
    waiting.go_round()


@shared_task(name="scheduling.find_messages")
def find_messages() -> None:
    """Let each facility plan its messages and send those that are due."""
    in_every_facility("scheduling.send_messages_here")


@shared_task(base=FacilityTask, name="scheduling.send_messages_here")
def send_messages_here() -> None:
    """Safe at any moment to end and to run again, also twice at once."""
    planning.plan()
    sending.send()


@shared_task(name="scheduling.see_doses")
def see_doses() -> None:
    """See in all facilities which doses of medicines are due, and which were missed."""
    in_every_facility("scheduling.see_doses_here")


@shared_task(base=FacilityTask, name="scheduling.see_doses_here")
def see_doses_here() -> None:
    due.see()


@shared_task(name="scheduling.read_calendars")
def read_calendars() -> None:
    """Read the calendars that specialists keep elsewhere, in every facility."""
    in_every_facility("scheduling.read_calendars_here")


@shared_task(base=FacilityTask, name="scheduling.read_calendars_here")
def read_calendars_here() -> None:
    with transaction.atomic():
        arguments = {"facility_id": str(tenancy.current().facility_id)}
        waiting_for = busy.due()
    for pk in waiting_for:
        current_app.send_task(
            "scheduling.read_calendar", kwargs={"calendar_id": str(pk), **arguments}
        )


@shared_task(base=FacilityTask, name="scheduling.read_calendar")
def read_calendar(*, calendar_id: str) -> None:
    """Safe to run twice at once: what was read last stands."""
    busy.refresh(calendar=UUID(calendar_id), by=None)
