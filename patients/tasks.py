"""The clinic's clock on families: who has come of age, and guardians under a new law."""

from celery import shared_task

from clinic.tasks import FacilityTask, in_every_facility
from patients import jurisdiction, majority


@shared_task(name="patients.hand_over")
def hand_over() -> None:
    """Look in every facility for who has come of age."""
    in_every_facility("patients.hand_over_here")


@shared_task(base=FacilityTask, name="patients.hand_over_here")
def hand_over_here() -> None:
    while jurisdiction.follow():
        pass
    majority.hand_over()
