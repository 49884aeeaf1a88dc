"""Visits that come again, booked all at once or not at all."""

from rest_framework.response import Response

from clinic.api import fields
from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.api.serializing import SOME_ID, StrictSerializer, answer
from clinic.security.idempotency import About
from clinic.security.permissions import Category, Permission
from scheduling import series
from scheduling.api.appointments import LONGEST_REASON, AppointmentBody
from scheduling.api.shapes import appointment_shapes
from scheduling.models import Appointment


class SeriesBody(StrictSerializer):
    """A visit that comes `times` times, every so many weeks at the same time of the clinic's
    clock."""

    example = {"patient": SOME_ID, "specialist": SOME_ID, "appointment_type": SOME_ID,
               "start_datetime": "2026-11-24T10:00:00-05:00", "every_weeks": 2,
               "times": 6}  # fmt: skip

    patient = fields.Id()
    specialist = fields.Id()
    appointment_type = fields.Id()
    start_datetime = fields.Moment()
    every_weeks = fields.Whole(min_value=1, max_value=series.MOST_WEEKS)
    times = fields.Whole(min_value=2, max_value=series.MOST)
    room = fields.Id(required=False, allow_null=True)
    reason = fields.Text(max_length=LONGEST_REASON, allow_blank=True, required=False)


Booked = answer(
    "AppointmentSeries",
    series=fields.Id(),
    patient=fields.Id(),
    appointments=AppointmentBody(many=True),
)


class AppointmentSeries(Resource):
    """Series of visits."""

    model = Appointment
    required = {"create": Permission.APPOINTMENT_BOOK}
    category = Category.APPOINTMENTS
    bodies = {"create": SeriesBody}
    answers = {"create": {201: Booked}}
    serializer_class = SeriesBody

    def visible(self):
        return Appointment.objects.none()

    @idempotent
    def create(self, request):
        """Book them all; where one cannot be had none is, and 409 lists each with the reason as
        `conflicts`."""
        body = self.validated()
        booked = series.book(start=body.pop("start_datetime"), by=request.user, **body)
        first = booked[0]
        told = {
            "series": first.series,
            "patient": first.patient_id,
            "appointments": appointment_shapes(booked),
        }
        return Response(told, status=201)

    def about(self, answer):
        first = answer["appointments"][0]
        return About(
            self.subject()._meta.label_lower, first["id"], answer["patient"], self.category,
            clinical=bool(first["reason"]),
        )  # fmt: skip
