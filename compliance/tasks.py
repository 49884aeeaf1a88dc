"""Oversight on a schedule."""

from celery import shared_task

from clinic.tasks import FacilityTask, in_every_facility
from compliance import breakglass, chains


@shared_task(name="compliance.seal_trails")
def seal_trails() -> None:
    """Chain and anchor every facility's trail; a few seconds' worth of entries each time."""
    list(chains.sealed(None))


@shared_task(name="compliance.escalate_emergencies")
def escalate_emergencies() -> None:
    """Tell in every facility of emergency accesses whose review is late."""
    in_every_facility("compliance.escalate_emergencies_here")


@shared_task(base=FacilityTask, name="compliance.escalate_emergencies_here")
def escalate_emergencies_here() -> None:
    breakglass.escalate()
