"""Missed visits and use of the hours, in numbers."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.response import Response

from clinic.api import fields
from clinic.api.resource import Resource
from clinic.api.serializing import answer, question
from clinic.security.permissions import Permission
from scheduling import calendar, figures
from scheduling.figures import Figure

USUAL = 12


def figure_shape(name: str, **of) -> type:
    share = {"allow_null": True, "read_only": True}
    return answer(
        name, **of, done=fields.Whole(), missed=fields.Whole(), canceled_late=fields.Whole(),
        missed_share=fields.Number(max_digits=8, decimal_places=4, **share),
        booked_minutes=fields.Whole(), offered_minutes=fields.Whole(),
        use=fields.Number(max_digits=8, decimal_places=4, **share),
    )  # fmt: skip


FiguresShape = answer(
    "SchedulingFigures",
    first=fields.Day(),
    last=fields.Day(),
    all=figure_shape("Figure")(),
    by_specialist=figure_shape("SpecialistFigure", specialist=fields.Id())(many=True),
    by_kind=figure_shape("KindFigure", appointment_type=fields.Id())(many=True),
    by_hour=figure_shape("HourFigure", day_of_week=fields.Whole(), hour=fields.Whole())(many=True),
)


def told(one: Figure, **of) -> dict[str, Any]:
    return of | {
        "done": one.done, "missed": one.missed, "canceled_late": one.canceled_late,
        "missed_share": _rounded(one.missed_share), "booked_minutes": one.booked_minutes,
        "offered_minutes": one.offered_minutes, "use": _rounded(one.use),
    }  # fmt: skip


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


class SchedulingFigures(Resource):
    """How many patients miss their visits and how much of the hours is used; what counts stands in
    the description of each figure. Of who sees her own patients only, those of her own hours."""

    required = {"retrieve": Permission.CALENDAR_VIEW}
    asked = {
        "retrieve": question(
            "FiguresQuestion",
            weeks=fields.AskedWhole(
                min_value=1, max_value=104, required=False,
                help_text=_("Weeks up to yesterday; 12 where none are given."),
            ),
        )
    }  # fmt: skip
    answers = {"retrieve": FiguresShape}

    def retrieve(self, request):
        """The figures of some weeks up to yesterday."""
        found = figures.of_weeks(
            request.user, self.question.get("weeks", USUAL), zone=calendar.zone()
        )
        return Response(
            {
                "first": found.first,
                "last": found.last,
                "all": told(found.all),
                "by_specialist": [
                    told(one, specialist=pk) for pk, one in sorted(found.by_specialist.items())
                ],
                "by_kind": [
                    told(one, appointment_type=pk) for pk, one in sorted(found.by_kind.items())
                ],
                "by_hour": [
                    told(one, day_of_week=day, hour=hour)
                    for (day, hour), one in sorted(found.by_hour.items())
                ],
            }
        )
