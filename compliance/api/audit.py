"""The trail, for those who oversee it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from clinic.api import fields
from clinic.api.resource import Resource
from clinic.api.serializing import StrictSerializer, question
from clinic.errors import invalid
from clinic.models import LogEntry
from clinic.security import tenancy, trail
from clinic.security.permissions import Permission, Reach
from clinic.security.tenancy import Purpose

ACTIONS = {"create": trail.CREATE, "update": trail.UPDATE, "delete": trail.DELETE,
           "access": trail.ACCESS}  # fmt: skip
NAMES = {number: name for name, number in ACTIONS.items()}


class EntryBody(StrictSerializer):
    """One act: who did what to what, where, why, from where."""

    id = serializers.IntegerField(read_only=True)
    at = fields.Moment(read_only=True, source="timestamp")
    actor = fields.Id(read_only=True, source="actor_id", allow_null=True)
    action = fields.Choice(choices=list(ACTIONS), read_only=True)
    resource = fields.Text(read_only=True)
    object = fields.Text(read_only=True, source="object_pk")
    patient = fields.Id(read_only=True, source="patient_id", allow_null=True)
    purpose = fields.Choice(choices=Purpose.choices, read_only=True, allow_blank=True)
    address = fields.Text(read_only=True, source="remote_addr", allow_null=True)
    user_agent = fields.Text(read_only=True)
    session = fields.Text(read_only=True, source="session_key")
    token = fields.Id(read_only=True, source="token_id", allow_null=True)
    request = fields.Text(read_only=True, source="cid", allow_null=True)
    surface = fields.Text(read_only=True)
    flags = fields.Texts(read_only=True, source="compliance_flags")
    risk_score = fields.Whole(read_only=True)
    details = fields.Details(read_only=True, source="additional_data", allow_null=True)
    changes = fields.Details(read_only=True, allow_null=True)


class Audit(Resource):
    """The trail of the facility, the newest first. It can be read, and nothing else."""

    required = {"list": Permission.TRAIL_VIEW}
    asked = {
        "list": question(
            "EntryQuestion",
            **{
                "patient": fields.Id(required=False),
                "actor": fields.Id(required=False),
                "action": fields.Choice(choices=list(ACTIONS), required=False),
                "resource": fields.Text(max_length=100, required=False),
                "from": fields.Moment(required=False),
                "to": fields.Moment(required=False),
                "flag": fields.Text(max_length=300, required=False),
            },
        )
    }
    serializer_class = EntryBody

    def list(self, request):
        """The entries that fit. That they were read is an entry too."""
        page = self.paginate_queryset(self.visible())
        trail.note("clinic.logentry", details={"how": "list", "asked": sorted(self.question)})
        return self.get_paginated_response([entry_shape(entry) for entry in page])

    def visible(self):
        rows = LogEntry.entries.filter(facility_id=tenancy.current().facility_id)
        asked = dict(self.question)
        start, end = asked.pop("from", None), asked.pop("to", None)
        if start and end and end <= start:
            raise invalid("to", _("The end must be after the start."))
        if start:
            rows = rows.filter(timestamp__gte=start)
        if end:
            rows = rows.filter(timestamp__lt=end)
        if "action" in asked:
            asked["action"] = ACTIONS[asked["action"]]
        if "flag" in asked:
            asked["compliance_flags__contains"] = [asked.pop("flag")]
        for name in {"patient", "actor"} & set(asked):
            asked[f"{name}_id"] = asked.pop(name)
        return rows.filter(**asked)


def entry_shape(entry: LogEntry) -> dict[str, Any]:
    """An entry as answered. Sealed values never stand in it; whoever reads no clinical content gets
    the names of the columns that changed without the open values either."""
    changes = entry.changes
    if changes and tenancy.current().clinical != Reach.FACILITY:
        changes = {column: ["•••", "•••"] for column in changes}
    return {
        "id": entry.pk,
        "at": entry.timestamp,
        "actor": entry.actor_id,
        "action": NAMES.get(entry.action),
        "resource": entry.resource,
        "object": entry.object_pk,
        "patient": entry.patient_id,
        "purpose": entry.purpose,
        "address": entry.remote_addr,
        "user_agent": entry.user_agent,
        "session": entry.session_key,
        "token": entry.token_id,
        "request": entry.cid,
        "surface": entry.surface,
        "flags": entry.compliance_flags,
        "risk_score": entry.risk_score,
        "details": entry.additional_data,
        "changes": changes,
    }
