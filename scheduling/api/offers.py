"""What can be booked: kinds of visits, the specialists' hours, and the free slots of both."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, StrictModelSerializer, answer, question
from clinic.security.permissions import Permission
from scheduling import calendar, hours
from scheduling.api.appointments import specialist_reference, type_reference
from scheduling.models import AppointmentType, AvailabilityBlock

MOST_SLOTS = 200
AHEAD = timedelta(days=7)


class AppointmentTypeBody(StrictModelSerializer):
    """A kind of visit and its length."""

    class Meta:
        model = AppointmentType
        fields = ("id", "name", "minutes", "portal_bookable", "is_active", "version")
        read_only_fields = fields


class AppointmentTypes(Resource):
    """Kinds of visits."""

    required = dict.fromkeys(("list", "retrieve"), Permission.CALENDAR_VIEW)
    serializer_class = AppointmentTypeBody
    noted = False

    def visible(self):
        return calendar.types()


class BlockBody(StrictModelSerializer):
    """Weekly hours, or with `exception_date` those of one date instead; wall-clock times of the
    facility's zone."""

    example = {"specialist": SOME_ID, "day_of_week": 1, "start_time": "09:00", "end_time": "12:30"}

    specialist = specialist_reference()
    day_of_week = fields.Whole(
        min_value=1, max_value=7, required=False, allow_null=True,
        help_text=_("1 is Monday, 7 is Sunday."),
    )  # fmt: skip

    class Meta:
        model = AvailabilityBlock
        fields = (
            "id", "specialist", "day_of_week", "start_time", "end_time", "exception_date",
            "is_closed", "valid_from", "valid_until", "location", "version", "created_at",
            "updated_at",
        )  # fmt: skip


class BlockChange(BlockBody):
    """Hours stay their specialist's."""

    example = {"end_time": "13:00"}

    specialist = specialist_reference(read_only=True)


class AvailabilityBlocks(Resource):
    """When specialists can be booked."""

    required = {
        "list": Permission.CALENDAR_VIEW,
        "retrieve": Permission.CALENDAR_VIEW,
        "create": Permission.AVAILABILITY_MANAGE,
        "partial_update": Permission.AVAILABILITY_MANAGE,
        "destroy": Permission.AVAILABILITY_MANAGE,
    }
    asked = {"list": question("BlockQuestion", specialist=fields.Id(required=False))}
    bodies = {"partial_update": BlockChange}
    matched = frozenset({"partial_update", "destroy"})
    serializer_class = BlockBody
    noted = False

    def visible(self):
        return hours.blocks().filter(**self.question)

    @idempotent
    def create(self, request):
        """Offer hours."""
        return self.created(hours.set_hours(by=request.user, **self.validated()))

    def partial_update(self, request, pk):
        """Change hours; visits that are booked stay."""
        block = self.get_object()
        body = self.validated()
        version = self.expected_version(block)
        changed = hours.change(block=block, version=version, by=request.user, **body)
        return Response(self.shape(changed))

    def destroy(self, request, pk):
        """Offer these hours no longer; visits that are booked stay."""
        block = self.get_object()
        hours.remove(block=block, version=self.expected_version(block), by=request.user)
        return Response(status=204)


Slot = answer(
    "Slot",
    specialist=fields.Id(),
    start_datetime=fields.Moment(),
    end_datetime=fields.Moment(),
    appointment_type=fields.Id(),
)


class Slots(Resource):
    """Free times of a specialist."""

    required = {"list": Permission.CALENDAR_VIEW}
    asked = {
        "list": question(
            "SlotQuestion",
            **{
                "specialist": specialist_reference(),
                "appointment_type": type_reference(),
                "from": fields.Moment(required=False, help_text=_("Now, where it is not given.")),
                "to": fields.Moment(
                    required=False, help_text=_("A week later, where it is not given.")
                ),
                "limit": fields.AskedWhole(min_value=1, max_value=MOST_SLOTS, required=False),
            },
        )
    }
    serializer_class = Slot
    pagination_class = None
    noted = False

    def list(self, request):
        """The free slots that begin from `from` on and before `to`; at most 60 days."""
        asked = self.question
        specialist, kind = asked["specialist"], asked["appointment_type"]
        start = asked.get("from") or timezone.now()
        end = asked.get("to") or start + AHEAD
        free = calendar.free_slots(
            specialist=specialist, appointment_type=kind, start=start, end=end
        )
        most = asked.get("limit", MOST_SLOTS)
        results = [
            {
                "specialist": specialist.pk,
                "start_datetime": slot.start,
                "end_datetime": slot.end,
                "appointment_type": kind.pk,
            }
            for slot in free[:most]
        ]
        following = self._from(free[most].start, end) if len(free) > most else None
        return Response({"results": results, "next": following, "previous": None})

    def _from(self, start, end) -> str:
        """The address of the same question from a later start on."""
        here = replace_query_param(self.request.build_absolute_uri(), "to", end.isoformat())
        return replace_query_param(here, "from", start.isoformat())
