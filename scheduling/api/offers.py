"""What can be booked: the specialists' hours, and the free slots in them."""

from datetime import datetime, timedelta

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
from scheduling.api.appointments import room_reference, specialist_reference, type_reference
from scheduling.hours import Scope
from scheduling.models import AvailabilityBlock

MOST_SLOTS = 200
AHEAD = timedelta(days=7)


def fold_field() -> fields.Whole:
    """Which of two equal times of a clock change is meant."""
    return fields.Whole(
        min_value=0, max_value=1, required=False, allow_null=True,
        help_text=_("Where a time comes twice on its date: 0 is the first, 1 the second."),
    )  # fmt: skip


class BlockBody(StrictModelSerializer):
    """Weekly hours, or with `exception_date` those of one date instead; wall-clock times of the
    facility's zone."""

    example = {"specialist": SOME_ID, "day_of_week": 1, "start_time": "09:00", "end_time": "12:30"}

    specialist = specialist_reference()
    day_of_week = fields.Whole(
        min_value=1, max_value=7, required=False, allow_null=True,
        help_text=_("1 is Monday, 7 is Sunday."),
    )  # fmt: skip

    room = room_reference(required=False, allow_null=True)
    appointment_types = fields.Ids(
        required=False, help_text=_("The kinds of visits that they serve; none: all.")
    )
    start_fold = fold_field()
    end_fold = fold_field()

    class Meta:
        model = AvailabilityBlock
        fields = (
            "id", "specialist", *hours.FIELDS, "appointment_types", "version", "created_at",
            "updated_at",
        )  # fmt: skip


class BlockChange(BlockBody):
    """Hours stay their specialist's. Weekly ones are changed on one date (`on`), from a date on, or
    all."""

    example = {"end_time": "13:00", "scope": "following", "on": "2026-12-07"}

    specialist = specialist_reference(read_only=True)
    scope = fields.Choice(choices=Scope.choices, required=False, write_only=True)
    on = fields.Day(required=False, write_only=True)

    class Meta(BlockBody.Meta):
        fields = (*BlockBody.Meta.fields, "scope", "on")


class AvailabilityBlocks(Resource):
    """When specialists can be booked."""

    required = {
        "list": Permission.CALENDAR_VIEW,
        "retrieve": Permission.CALENDAR_VIEW,
        "create": Permission.AVAILABILITY_MANAGE,
        "partial_update": Permission.AVAILABILITY_MANAGE,
        "destroy": Permission.AVAILABILITY_MANAGE,
    }
    asked = {
        "list": question("BlockQuestion", specialist=fields.Id(required=False)),
        "destroy": question(
            "BlockEnd",
            scope=fields.Choice(
                choices=Scope.choices,
                required=False,
                help_text=_("Which of weekly hours are meant."),
            ),
            on=fields.Day(required=False, help_text=_("The date, or the first one.")),
        ),
    }
    bodies = {"partial_update": BlockChange}
    matched = frozenset({"partial_update", "destroy"})
    serializer_class = BlockBody
    noted = False

    def visible(self):
        rows = hours.blocks()
        return rows.filter(**self.question) if self.action == "list" else rows

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
        version = self.expected_version(block)
        hours.remove(block=block, version=version, by=request.user, **self.question)
        return Response(status=204)


Slot = answer(
    "Slot",
    specialist=fields.Id(),
    start_datetime=fields.Moment(),
    end_datetime=fields.Moment(),
    appointment_type=fields.Id(),
    room=fields.Id(allow_null=True),
)


def page_of(free: list[tuple], most: int) -> tuple[list[tuple], datetime | None]:
    """The first `most` times or fewer, and when the next page begins. Times that begin together
    stand on one page, however many they are."""
    if len(free) <= most:
        return free, None
    following = free[most][0]
    shown = [one for one in free[:most] if one[0] < following]
    if not shown:
        shown = [one for one in free if one[0] == following]
        following = free[len(shown)][0] if len(free) > len(shown) else None
    return shown, following


class Slots(Resource):
    """Free times of a specialist, or of all who receive."""

    required = {"list": Permission.CALENDAR_VIEW}
    asked = {
        "list": question(
            "SlotQuestion",
            **{
                "specialist": specialist_reference(
                    required=False, help_text=_("All, where none is named.")
                ),
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
        asked, kind = self.question, self.question["appointment_type"]
        start = asked.get("from") or timezone.now()
        end = asked.get("to") or start + AHEAD
        specialist = asked.get("specialist")
        found = calendar.free_by_specialist(
            specialists=[specialist] if specialist else calendar.specialists(),
            appointment_type=kind, start=start, end=end,
        )  # fmt: skip
        free = sorted(
            ((slot.start, pk, slot) for pk, slots in found.items() for slot in slots),
            key=lambda one: one[:2],
        )
        shown, later = page_of(free, asked.get("limit", MOST_SLOTS))
        following = self._from(later, end) if later else None
        results = [
            {
                "specialist": pk,
                "start_datetime": slot.start,
                "end_datetime": slot.end,
                "appointment_type": kind.pk,
                "room": slot.room,
            }
            for _start, pk, slot in shown
        ]
        return Response({"results": results, "next": following, "previous": None})

    def _from(self, start, end) -> str:
        """The address of the same question from a later start on."""
        here = replace_query_param(self.request.build_absolute_uri(), "to", end.isoformat())
        return replace_query_param(here, "from", start.isoformat())
