"""When specialists and rooms are taken: what no two can have at once."""

from datetime import timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from clinic.models.base import uuid7


class Span(Func):
    """The half-open range of two instants: a visit may start when another ends."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


SPAN = Span("start_datetime", "end_datetime", RangeBoundary())
TAKEN = Span("starts", "ends", RangeBoundary())
LONGEST = timedelta(days=1)  # of a firm one: who looks for them begins a day before


class TakenTime(models.Model):
    """A time for which a person or a room is taken, the minutes kept free around it included.

    It stands outside facilities, since who works in two is never free in both, and tells neither
    where nor why. Triggers of visits, holds, group sessions and calendars of others write it, and
    nobody else can. Firm ones never overlap; overbooked visits and other calendars are not firm.
    """

    class Kind(models.TextChoices):
        SPECIALIST = "specialist", _("Specialist")
        ROOM = "room", _("Room")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    resource_id = models.UUIDField()  # the specialist's account, or the room
    taker_id = models.UUIDField()  # the visit, hold, group session or event that takes it
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    is_firm = models.BooleanField(default=True)
    until = models.DateTimeField(null=True)  # when a hold ends by itself

    class Meta:
        verbose_name = _("taken time")
        verbose_name_plural = _("taken times")
        constraints = [
            models.UniqueConstraint(fields=["taker_id", "kind"], name="each_takes_once"),
            ExclusionConstraint(
                name="one_visit_at_a_time_for_a_specialist",
                expressions=[
                    (TAKEN, RangeOperators.OVERLAPS),
                    ("resource_id", RangeOperators.EQUAL),
                ],
                condition=Q(kind="specialist", is_firm=True),
            ),
            ExclusionConstraint(
                name="one_visit_at_a_time_for_a_room",
                expressions=[
                    (TAKEN, RangeOperators.OVERLAPS),
                    ("resource_id", RangeOperators.EQUAL),
                ],
                condition=Q(kind="room", is_firm=True),
            ),
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts"))
                & (Q(is_firm=False) | Q(ends__lte=F("starts") + LONGEST)),
                name="a_taken_time_is_short",
            ),
        ]
        # Under a policy an index on instants is used, one on ranges is not.
        indexes = [
            models.Index(
                fields=["resource_id", "starts"], name="firmly_taken", condition=Q(is_firm=True)
            ),
            models.Index(
                fields=["resource_id", "ends"], name="loosely_taken", condition=Q(is_firm=False)
            ),
            models.Index(
                fields=["resource_id"], name="taken_for_a_while", condition=Q(until__isnull=False)
            ),
        ]

    def __str__(self):
        return f"{self.starts:%Y-%m-%d %H:%M}"
