"""Oversight in the staff's site: the trail, emergency accesses and their review."""

from compliance.admin import ceremony, emergency, reviewing, trail

pages = [
    *ceremony.pages,
    *emergency.pages,
    *reviewing.pages,
    ("trail/", trail.TrailPage, "trail"),
]
