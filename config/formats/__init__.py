"""How dates, times and numbers are written in each language (Django's FORMAT_MODULE_PATH).

Besides Django's own names each module defines the ones that the design's writing rules need:
LONG_* carry the weekday and the year, NEAR_* leave the year out, DAY_MONTH_FORMAT is for
narrow places. All times are 24 h; no language writes a date as 11/12.
"""

from django.utils.translation import gettext_noop

# Django has translated these too, but writes them in Portuguese with a capital, which no sentence
# takes. Our own catalogue goes before Django's.
DAYS = (
    gettext_noop("Monday"),
    gettext_noop("Tuesday"),
    gettext_noop("Wednesday"),
    gettext_noop("Thursday"),
    gettext_noop("Friday"),
    gettext_noop("Saturday"),
    gettext_noop("Sunday"),
)
MONTHS = (
    gettext_noop("January"),
    gettext_noop("February"),
    gettext_noop("March"),
    gettext_noop("April"),
    gettext_noop("May"),
    gettext_noop("June"),
    gettext_noop("July"),
    gettext_noop("August"),
    gettext_noop("September"),
    gettext_noop("October"),
    gettext_noop("November"),
    gettext_noop("December"),
)
