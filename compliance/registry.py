"""What stands outside facilities, and why: the list that the start-up check and the tests hold."""

from django.apps import apps

OUR_APPS = ["clinic", "patients", "scheduling", "records", "chat", "compliance"]

OUTSIDE_FACILITIES = {
    "clinic.Facility": "it is the facility; visible to who works or is cared for there",
    "clinic.User": "a person can be of several facilities; names are sealed by the platform's key",
    "clinic.ApiToken": "belongs to a person; found by a digest",
    "clinic.SpentCode": "belongs to a person; holds a digest",
    "scheduling.TakenTime": "who works in two facilities is free in neither; tells times alone",
}

# Tables whose rows are copies or counters of others that are on the trail themselves.
NOT_AUDITED = {
    "clinic.LogEntry": "it is the trail",
    "clinic.TrailLink": "it chains the trail",
    "clinic.SpentCode": "a spent code is noted by the sign-in",
    "clinic.IdempotencyKey": "a copy of an answer whose work is on the trail",
    "scheduling.TakenTime": "triggers write it beside visits, holds and group sessions",
    "scheduling.BusyTime": "copied from a calendar kept elsewhere, whose row is on the trail",
    "patients.SearchToken": "keyed digests of a patient row that is on the trail",
}


def audited() -> list[str]:
    """The resources that the trail has entries of, as it names them."""
    ours = (model for app in OUR_APPS for model in apps.get_app_config(app).get_models())
    return [m._meta.label_lower for m in ours if m._meta.label not in NOT_AUDITED]
