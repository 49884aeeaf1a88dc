"""Tasks run inside a stated facility, or they fail."""

from celery import Task, current_app
from django.db import transaction

from clinic.models import Facility
from clinic.security import tenancy


class FacilityTask(Task):
    """A task whose keyword argument `facility_id` is required and becomes its tenancy.

    Arguments are identifiers only: what they name is read inside, under the facility's policies.
    """

    def __call__(self, *args, **kwargs):
        facility_id = kwargs.pop("facility_id", None)
        if facility_id is None:
            raise tenancy.MissingFacility(f"{self.name} was started without a facility.")
        with tenancy.system(facility_id, surface="worker"):
            return super().__call__(*args, **kwargs)


def in_every_facility(task_name: str) -> int:
    """Queue a task once for each active facility; answers how many there are."""
    with tenancy.platform(), transaction.atomic():
        ids = list(Facility.objects.filter(is_active=True).values_list("pk", flat=True))
    for facility_id in ids:
        current_app.send_task(task_name, kwargs={"facility_id": str(facility_id)})
    return len(ids)
