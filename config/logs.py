"""Log lines: time, level, place, message, request. Exceptions are named with their place in the
code, without their message: it can hold what a person typed."""

import logging
import re
import traceback

from clinic.security import tenancy

SECRET = re.compile(r"(?<=/calendars/)[^\s/]+")  # in an address, the key of somebody's calendar


class LineFormatter(logging.Formatter):
    def format(self, record):
        request_id = tenancy.current().origin.request_id
        parts = [self.formatTime(record), record.levelname, record.name]
        if request_id:
            parts.append(f"request={request_id}")
        parts.append(_message(record))
        if record.exc_info and record.exc_info[0]:
            parts.append(_place(record.exc_info))
        return " ".join(parts)


def _message(record) -> str:
    """Request lines are logged without their query, which can hold a name."""
    message = SECRET.sub("…", record.getMessage())
    if record.name.startswith("django.request") or record.name.startswith("django.security"):
        return message.split("?", 1)[0].replace("\n", " ")
    return message.replace("\n", " | ")


def _place(exc_info) -> str:
    kind, _value, trace = exc_info
    frames = traceback.extract_tb(trace)[-4:]
    places = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in reversed(frames))
    return f"exception={kind.__module__}.{kind.__qualname__} at={places}"
