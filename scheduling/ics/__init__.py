"""Calendars as other programs write and read them (RFC 5545). Nothing here knows a table."""
