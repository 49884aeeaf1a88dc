"""The portal's pages about visits: which there are, finding a time, booking, moving and canceling,
and waiting for a time."""

from django.urls import path

from scheduling.portal.calendars import Calendars, EndCalendar
from scheduling.portal.finding import BookVisit, MoveVisit
from scheduling.portal.kept import BookKept, MoveKept
from scheduling.portal.medicines import (
    Answer,
    AnswerEarly,
    ChangeReminder,
    Medicines,
    Remind,
    StopReminder,
    Travel,
)
from scheduling.portal.visits import CancelVisit, ConfirmVisit, VisitFile, VisitPage, Visits
from scheduling.portal.waiting import AnswerOffer, JoinWaiting, Waiting, WithdrawWaiting

__all__ = ["VisitPage", "urlpatterns"]

VISIT = "visits/<uuid:pk>/"

urlpatterns = [
    path("visits/", Visits.as_view(), name="visits"),
    path("visits/book/", BookVisit.as_view(), name="book"),
    path("visits/book/<uuid:hold>/", BookKept.as_view(), name="book_kept"),
    path(f"{VISIT}confirm/", ConfirmVisit.as_view(), name="visit_confirm"),
    path(f"{VISIT}visit.ics", VisitFile.as_view(), name="visit_file"),
    path(f"{VISIT}cancel/", CancelVisit.as_view(), name="visit_cancel"),
    path(f"{VISIT}move/", MoveVisit.as_view(), name="visit_move"),
    path(f"{VISIT}move/<uuid:hold>/", MoveKept.as_view(), name="visit_move_kept"),
    path("waiting/", Waiting.as_view(), name="waiting"),
    path("waiting/join/", JoinWaiting.as_view(), name="waiting_join"),
    path("waiting/<uuid:pk>/withdraw/", WithdrawWaiting.as_view(), name="waiting_withdraw"),
    path("waiting/offers/<uuid:pk>/", AnswerOffer.as_view(), name="waiting_offer"),
    path("calendars/", Calendars.as_view(), name="calendars"),
    path("calendars/<uuid:pk>/end/", EndCalendar.as_view(), name="calendar_end"),
    path("medicines/", Medicines.as_view(), name="medicines"),
    path("medicines/travel/", Travel.as_view(), name="medicine_travel"),
    path("medicines/<uuid:pk>/remind/", Remind.as_view(), name="medicine_remind"),
    path("medicines/doses/<uuid:pk>/", Answer.as_view(), name="dose"),
    path("medicines/reminders/<uuid:pk>/", ChangeReminder.as_view(), name="reminder"),
    path("medicines/reminders/<uuid:pk>/dose/", AnswerEarly.as_view(), name="dose_early"),
    path("medicines/reminders/<uuid:pk>/stop/", StopReminder.as_view(), name="reminder_stop"),
]
