"""Tasks run inside a stated facility, or they fail. The worker's part of letters."""

from celery import Task, current_app, shared_task
from django.db import transaction

from clinic import letters
from clinic.models import Facility
from clinic.security import tenancy

MOST_AT_ONCE = 100
# A mail server that does not answer or refuses; later `find_unsent` goes on.
TRIED_AGAIN = {
    "autoretry_for": (OSError,),  # what smtplib raises is one, too
    "retry_backoff": 10,  # seconds, doubled each time
    "max_retries": 5,
}


class FacilityTask(Task):
    """A task whose keyword argument `facility_id` is required and becomes its tenancy.

    Arguments are identifiers only: what they name is read inside, under the facility's policies.
    """

    def __call__(self, *args, **kwargs):
        facility_id = kwargs.pop("facility_id", None)
        if facility_id is None:
            raise tenancy.MissingFacility(f"{self.name} was started without a facility.")
        with tenancy.system(facility_id, surface="worker"):
            # Not `Task.__call__`, which puts a request of its own in the place of the worker's: a
            # task that is tried again would have forgotten its facility.
            return self.run(*args, **kwargs)


def in_every_facility(task_name: str) -> int:
    """Queue a task once for each active facility; answers how many there are."""
    with tenancy.platform(), transaction.atomic():
        ids = list(Facility.objects.filter(is_active=True).values_list("pk", flat=True))
    for facility_id in ids:
        current_app.send_task(task_name, kwargs={"facility_id": str(facility_id)})
    return len(ids)


@shared_task(base=FacilityTask, name="clinic.send_invitation", **TRIED_AGAIN)
def send_invitation(*, invitation_id: str) -> None:
    letters.send_invitation(invitation_id)


@shared_task(base=FacilityTask, name="clinic.send_notice", **TRIED_AGAIN)
def send_notice(*, notification_id: str) -> None:
    letters.send_notice(notification_id)


@shared_task(name="clinic.find_unsent")
def find_unsent() -> None:
    """Look in every facility for letters that were missed."""
    in_every_facility("clinic.find_unsent_here")


@shared_task(base=FacilityTask, name="clinic.find_unsent_here")
def find_unsent_here() -> None:
    with transaction.atomic():
        waiting = [
            (name, {argument: str(pk), "facility_id": str(facility_id)})
            for name, argument, rows in (
                ("clinic.send_invitation", "invitation_id", letters.unsent_invitations()),
                ("clinic.send_notice", "notification_id", letters.unsent_notices()),
            )
            for pk, facility_id in rows.values_list("pk", "facility_id")[:MOST_AT_ONCE]
        ]
    for name, arguments in waiting:
        current_app.send_task(name, kwargs=arguments)
