"""What of the calendar is shown: which day or week, by specialist or by room, whose; and the
addresses that say so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

SPECIALIST, ROOM = "specialist", "room"


def day_in(text: str | None) -> date | None:
    """The date that an address names, like 2026-11-24; None for anything else."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 1900 < found.year < 2200 else None


def id_in(text: str | None) -> UUID | None:
    """The id that an address names; None for anything else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """A day, or the week of it (`days` 7), of all specialists or rooms or of `who`."""

    day: date
    days: int = 1
    by: str = SPECIALIST
    who: UUID | None = None

    @classmethod
    def asked(cls, query: Mapping[str, str], *, today: date, days: int = 1) -> "Shown":
        """What an address asks for; nonsense is today."""
        by = ROOM if query.get("by") == ROOM else SPECIALIST
        return cls(day_in(query.get("day")) or today, days, by, id_in(query.get("who")))

    @classmethod
    def told(cls, text: str, *, today: date) -> "Shown":
        """What `text` of a form names, as `name` writes it."""
        day, days, by, who = (text.split(",") + [""] * 4)[:4]
        asked = cls.asked({"day": day, "by": by, "who": who}, today=today)
        return replace(asked, days=7 if days == "7" else 1)

    @property
    def name(self) -> str:
        return f"{self.day.isoformat()},{self.days},{self.by},{self.who or ''}"

    @property
    def first(self) -> date:
        """The day, or the Monday of its week."""
        return self.day - timedelta(days=self.day.weekday()) if self.days == 7 else self.day

    def moved(self, steps: int) -> "Shown":
        return replace(self, day=self.day + timedelta(days=self.days * steps))

    def address(self, **more: str) -> str:
        asked = {"day": self.day.isoformat()}
        asked |= {"by": ROOM} if self.by == ROOM else {}
        asked |= {"who": str(self.who)} if self.who else {}
        name = "admin:week" if self.days == 7 else "admin:day"
        return f"{reverse(name)}?{urlencode(asked | more)}"
