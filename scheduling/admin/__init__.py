"""The calendar: day and week, check-in, one visit, booking, the waiting list, and when specialists
can be booked."""

from scheduling.admin import kinds  # noqa: F401  registers its ModelAdmin
from scheduling.admin.arrivals import ArrivalsPage
from scheduling.admin.block import BlockPage
from scheduling.admin.booking import QuickBookPage
from scheduling.admin.calendars import CalendarsPage, EndFeedPage, RemoveCalendarPage
from scheduling.admin.closures import ClosuresPage
from scheduling.admin.day import DayPage, WeekPage
from scheduling.admin.figures import FiguresPage
from scheduling.admin.finding import FindWithVisits
from scheduling.admin.hours import HoursPage
from scheduling.admin.messages import MessagesPage
from scheduling.admin.moving import MovePage
from scheduling.admin.visit import VisitPage
from scheduling.admin.waiting import JoinPage, WaitingPage

pages = [
    ("find/", FindWithVisits, "find_patient"),
    ("day/", DayPage, "day"),
    ("week/", WeekPage, "week"),
    ("check-in/", ArrivalsPage, "arrivals"),
    ("visits/new/", QuickBookPage, "quick_book"),
    ("visits/<uuid:pk>/", VisitPage, "visit"),
    ("visits/<uuid:pk>/move/", MovePage, "move"),
    ("waiting/", WaitingPage, "waiting"),
    ("waiting/new/", JoinPage, "waiting_join"),
    ("hours/<uuid:pk>/", HoursPage, "hours"),
    ("hours/<uuid:pk>/new/", BlockPage, "block_new"),
    ("hours/<uuid:pk>/<uuid:block_id>/", BlockPage, "block"),
    ("closures/", ClosuresPage, "closures"),
    ("calendars/", CalendarsPage, "calendars"),
    ("calendars/<uuid:pk>/end/", EndFeedPage, "calendar_end"),
    ("calendars/<uuid:pk>/remove/", RemoveCalendarPage, "calendar_remove"),
    ("figures/", FiguresPage, "scheduling_figures"),
    ("messages/", MessagesPage, "messages"),
]
