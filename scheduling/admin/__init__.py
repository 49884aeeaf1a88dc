"""The calendar: the day, one visit, booking, and when specialists can be booked."""

from scheduling.admin import kinds  # noqa: F401  registers its ModelAdmin
from scheduling.admin.booking import QuickBookPage
from scheduling.admin.day import DayPage
from scheduling.admin.finding import FindWithVisits
from scheduling.admin.hours import HoursPage
from scheduling.admin.visit import VisitPage

pages = [
    ("find/", FindWithVisits, "find_patient"),
    ("day/", DayPage, "day"),
    ("visits/new/", QuickBookPage, "quick_book"),
    ("visits/<uuid:pk>/", VisitPage, "visit"),
    ("hours/<uuid:pk>/", HoursPage, "hours"),
]
