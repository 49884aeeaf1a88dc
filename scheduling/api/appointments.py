"""Visits: booked, moved and brought to their end."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _
from rest_framework.decorators import action
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.quick import QuickReading
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, Nothing, StrictSerializer, answer, question
from clinic.errors import invalid
from clinic.security.permissions import Category, Permission
from patients import access
from scheduling import booking, calendar, series
from scheduling.api.shapes import appointment_shapes
from scheduling.models import Appointment

Status = Appointment.Status
LONGEST_REASON = 2000


def specialist_reference(**kwargs) -> fields.Reference:
    """A field that names one who can be booked."""
    message = {"missing": _("There is no such specialist.")}
    return fields.Reference(rows=calendar.specialists, error_messages=message, **kwargs)


def type_reference(**kwargs) -> fields.Reference:
    """A field that names a kind of visit."""
    message = {"missing": _("There is no such kind of visit.")}
    return fields.Reference(rows=calendar.types, error_messages=message, **kwargs)


def room_reference(**kwargs) -> fields.Reference:
    """A field that names a room."""
    message = {"missing": _("There is no such room.")}
    return fields.Reference(rows=calendar.rooms, error_messages=message, **kwargs)


class AppointmentBody(StrictSerializer):
    """A visit. Sent to book one, `end_datetime` may be left out: the kind of visit says it."""

    example = {"patient": SOME_ID, "specialist": SOME_ID, "appointment_type": SOME_ID,
               "start_datetime": "2026-11-24T10:00:00-05:00", "reason": "Cough"}  # fmt: skip

    id = fields.Id(read_only=True)
    specialist = fields.Id()
    patient = fields.Id()
    start_datetime = fields.Moment()
    end_datetime = fields.Moment(required=False)
    status = fields.Choice(choices=Status.choices, read_only=True)
    appointment_type = fields.Id()
    room = fields.Id(required=False, allow_null=True)
    reason = fields.Text(max_length=LONGEST_REASON, allow_blank=True, required=False)
    hold = fields.Id(required=False, write_only=True, help_text=_("A time that was kept."))
    overbook = fields.Text(
        max_length=LONGEST_REASON, required=False, write_only=True,
        help_text=_("Why the visit may overlap others, or lie outside the hours."),
    )  # fmt: skip
    cancel_reason = fields.Text(read_only=True)
    canceled_late = fields.Flag(read_only=True)
    is_overbooked = fields.Flag(read_only=True)
    overbooking_reason = fields.Text(read_only=True)
    session = fields.Id(read_only=True, allow_null=True)
    place = fields.Whole(read_only=True, allow_null=True)
    series = fields.Id(read_only=True, allow_null=True)
    arrived_at = fields.Moment(read_only=True, allow_null=True)
    booked_by = fields.Id(read_only=True, allow_null=True)
    version = fields.Whole(read_only=True)
    created_at = fields.Moment(read_only=True)
    updated_at = fields.Moment(read_only=True)


class Move(StrictSerializer):
    """Where a visit is moved to."""

    example = {"start_datetime": "2026-11-25T10:00:00-05:00"}

    start_datetime = fields.Moment()
    end_datetime = fields.Moment(required=False)
    specialist = specialist_reference(required=False)
    room = room_reference(required=False)


class Cancellation(StrictSerializer):
    """Why a visit is canceled."""

    example = {"reason": "The patient is better."}

    reason = fields.Text(max_length=LONGEST_REASON, allow_blank=True, required=False)


Canceled = answer("CanceledSeries", patient=fields.Id(), appointments=AppointmentBody(many=True))


class Appointments(QuickReading, Resource):
    """Visits of patients in reach, by time."""

    model = Appointment
    category = Category.APPOINTMENTS
    quick = frozenset({"list"})
    required = {
        "list": Permission.CALENDAR_VIEW,
        "retrieve": Permission.CALENDAR_VIEW,
        "create": Permission.APPOINTMENT_BOOK,
        "confirm": Permission.APPOINTMENT_BOOK,
        "cancel": Permission.APPOINTMENT_BOOK,
        "reschedule": Permission.APPOINTMENT_BOOK,
        "complete": Permission.APPOINTMENT_BOOK,
        "no_show": Permission.APPOINTMENT_BOOK,
        "arrive": Permission.APPOINTMENT_BOOK,
        "cancel_following": Permission.APPOINTMENT_BOOK,
    }
    asked = {
        "list": question(
            "AppointmentQuestion",
            **{
                "from": fields.Moment(required=False, help_text=_("Visits that end after it.")),
                "to": fields.Moment(required=False, help_text=_("Visits that start before it.")),
                "specialist": fields.Id(required=False),
                "patient": fields.Id(required=False),
                "status": fields.Choice(choices=Status.choices, required=False),
            },
        )
    }
    bodies = {
        "confirm": Nothing,
        "cancel": Cancellation,
        "reschedule": Move,
        "complete": Nothing,
        "no_show": Nothing,
        "arrive": Nothing,
        "cancel_following": Cancellation,
    }
    answers = {"cancel_following": {200: Canceled}}
    matched = frozenset({"confirm", "cancel", "reschedule", "complete", "no_show", "arrive"})
    serializer_class = AppointmentBody
    ordering = ("start_datetime", "id")

    def visible(self):
        if self.is_quick:
            rows = access.in_context(
                Appointment.objects.all(), Category.APPOINTMENTS, column="patient_id"
            )
            rows = self.noting(rows, how="list", shown=self.shown())
        else:
            rows = calendar.visits(self.request.user).select_related(None)
        asked = dict(self.question)
        start, end = asked.pop("from", None), asked.pop("to", None)
        if start and end and end <= start:
            raise invalid("to", _("The end must be after the start."))
        if start:
            rows = rows.filter(end_datetime__gt=start)
        if end:
            rows = rows.filter(start_datetime__lt=end)
        return rows.filter(**asked)

    def shape(self, item):
        return appointment_shapes([item])[0]

    def shapes(self, items):
        return appointment_shapes(items)

    def about(self, answer):
        rows = answer.get("appointments") or [answer]
        told = any(row["reason"] or row["cancel_reason"] for row in rows)
        return replace(super().about(rows[0]), clinical=told)

    @idempotent
    def create(self, request):
        """Book a visit. Of any number of rivals for one time one wins, the others get 409."""
        body = self.validated()
        body["start"], body["end"] = body.pop("start_datetime"), body.pop("end_datetime", None)
        return self.created(booking.book(by=request.user, **body))

    @action(detail=True, methods=["post"])
    @idempotent
    def confirm(self, request, pk):
        """Confirm a visit that was asked for."""
        return self._changed(Status.CONFIRMED)

    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request, pk):
        """Cancel a visit; its time is free again."""
        return self._changed(Status.CANCELED)

    @action(detail=True, methods=["post"])
    @idempotent
    def complete(self, request, pk):
        """Say that a visit took place."""
        return self._changed(Status.COMPLETED)

    @action(detail=True, methods=["post"], url_path="no-show")
    @idempotent
    def no_show(self, request, pk):
        """Say that the patient did not come."""
        return self._changed(Status.NO_SHOW)

    @action(detail=True, methods=["post"])
    @idempotent
    def reschedule(self, request, pk):
        """Move a visit in one step: it stands at the new time or, refused, still at the old."""
        appointment = self.get_object()
        body = self.validated()
        version = self.expected_version(appointment)
        moved = booking.reschedule(
            appointment=appointment,
            start=body["start_datetime"],
            end=body.get("end_datetime"),
            specialist=body.get("specialist"),
            room=body.get("room"),
            version=version,
            by=request.user,
        )
        return Response(self.shape(moved))

    @action(detail=True, methods=["post"])
    @idempotent
    def arrive(self, request, pk):
        """Say that the patient is there."""
        appointment = self.get_object()
        version = self.expected_version(appointment)
        arrived = booking.arrive(appointment=appointment, version=version, by=request.user)
        return Response(self.shape(arrived))

    @action(detail=True, methods=["post"], url_path="cancel-following")
    @idempotent
    def cancel_following(self, request, pk):
        """Cancel a visit of a series, and all that follow it and are still to come."""
        appointment = self.get_object()
        canceled = series.cancel_following(
            appointment=appointment, by=request.user, **self.validated()
        )
        told = {"patient": appointment.patient_id, "appointments": appointment_shapes(canceled)}
        return Response(told)

    def _changed(self, to: Status) -> Response:
        appointment = self.get_object()
        body = self.validated()
        version = self.expected_version(appointment)
        changed = booking.change_status(
            appointment=appointment, to=to, version=version, by=self.request.user, **body
        )
        return Response(self.shape(changed))
