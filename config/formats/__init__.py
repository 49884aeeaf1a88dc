"""How dates, times and numbers are written in each language (Django's FORMAT_MODULE_PATH).

Besides Django's own names each module defines the ones that the design's writing rules need:
LONG_* carry the weekday and the year, NEAR_* leave the year out, DAY_MONTH_FORMAT is for
narrow places. All times are 24 h; no language writes a date as 11/12.
"""
