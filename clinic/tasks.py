"""Tasks run inside a stated facility, or they fail."""

from celery import Task

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
