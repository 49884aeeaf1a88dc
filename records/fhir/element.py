"""A JSON object that remembers which of its leaves were kept: losses are counted, not claimed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from records.fhir.moment import Moment

Path = tuple[str | int, ...]

NOT_TEXT = _("not a text")
NOT_FLAG = _("not true or false")
NOT_NUMBER = _("not a number that can be kept exactly")
NOT_MOMENT = _("not a whole date that exists")
DAY_ONLY = _("kept as a day, without the time")
AS_MIDNIGHT = _("a day, kept as its midnight")
WITHOUT_ZONE = _("without a time zone, taken as the facility's")
NOT_OBJECT = _("not an object")
NOT_LIST = _("not a list")
NOT_CHOICE = _("not one of the codes it may be")
TOO_LONG = _("too long to be kept")

SHORT = 500
LONG = 100_000


@dataclass
class Marks:
    """What reading one resource left behind: the leaves kept, and what was unreadable and why."""

    kept: set[Path] = field(default_factory=set)
    reduced: dict[Path, str] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)


class Element:
    """One JSON object inside a resource.

    Whatever a method returns counts as kept; `peek` looks without keeping. A value of the wrong
    type is never an error: it reads as absent, is not kept, and is noted as unreadable.
    """

    __slots__ = ("_json", "marks", "path", "root")

    def __init__(self, json: dict[str, Any], *, root: "Element | None" = None, path: Path = ()):
        self._json = json
        self.path = path
        self.root = root or self
        self.marks: Marks = root.marks if root else Marks()

    def __bool__(self) -> bool:
        return bool(self._json)

    def __contains__(self, name: str) -> bool:
        return name in self._json

    def peek(self, name: str) -> Any:
        """The raw value, not counted as kept: for deciding, not for storing."""
        return self._json.get(name)

    def keep(self, *names: str) -> None:
        """Counts scalars as kept whose meaning the chart keeps in another form."""
        for name in names:
            if name in self._json:
                self.marks.kept.add((*self.path, name))

    def reduce(self, name: str, how: str) -> None:
        """The value counts as kept, yet not all of it; `how` says what became of it."""
        self.keep(name)
        self.marks.reduced[(*self.path, name)] = how

    def refuse(self, name: str, reason: str) -> None:
        """The value was readable, yet is none that can be kept; `reason` says why."""
        self.marks.kept.discard((*self.path, name))
        self._refuse((*self.path, name), reason)

    def forget(self) -> None:
        """Nothing of this object counts as kept any longer."""
        for path, _label, _value in self.leaves():
            self.marks.kept.discard((*self.path, *path))
            self.marks.reduced.pop((*self.path, *path), None)

    def text(self, name: str, *, limit: int = SHORT) -> str:
        """The string, trimmed; empty where there is none or it has over `limit` characters."""
        return self._text(self._json.get(name), (*self.path, name), limit)

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """The code, where it is one of `choices`."""
        value = self._json.get(name)
        return self._kept(name, value, value in choices, NOT_CHOICE) or ""

    def texts(self, name: str) -> tuple[str, ...]:
        """The strings of a list, without empty ones."""
        found = (
            self._text(value, (*self.path, name, index), SHORT)
            for index, value in enumerate(self._list(name))
        )
        return tuple(text for text in found if text)

    def flag(self, name: str) -> bool | None:
        value = self._json.get(name)
        return self._kept(name, value, isinstance(value, bool), NOT_FLAG)

    def number(self, name: str) -> Decimal | None:
        """The number; None where it has more digits than an IEEE 754 double can tell apart."""
        value = self._json.get(name)
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        exact = is_number and _is_exact(Decimal(value))
        kept = self._kept(name, value, exact, NOT_NUMBER)
        return None if kept is None else Decimal(kept)

    def day(self, name: str, zone: tzinfo) -> date | None:
        """The day in `zone`; of a time, only that is kept."""
        moment = self._moment(name)
        if moment and not moment.is_day:
            self.reduce(name, DAY_ONLY)
        return moment.day(zone) if moment else None

    def time(self, name: str, zone: tzinfo) -> datetime | None:
        """The instant; a day is its midnight in `zone`."""
        moment = self._moment(name)
        if moment and not moment.has_zone:
            self.reduce(name, AS_MIDNIGHT if moment.is_day else WITHOUT_ZONE)
        return moment.at(zone) if moment else None

    def child(self, name: str) -> "Element":
        """The object at `name`, else an empty one, so that reading on finds nothing."""
        value = self._json.get(name)
        if value is not None and not isinstance(value, dict):
            self._refuse((*self.path, name), NOT_OBJECT)
            value = None
        return Element(value or {}, root=self.root, path=(*self.path, name))

    def children(self, name: str) -> list["Element"]:
        """The objects of the list at `name`."""
        elements = []
        for index, value in enumerate(self._list(name)):
            path = (*self.path, name, index)
            if isinstance(value, dict):
                elements.append(Element(value, root=self.root, path=path))
            elif value is not None:
                self._refuse(path, NOT_OBJECT)
        return elements

    def leaves(self) -> Iterator[tuple[Path, tuple[str, ...], Any]]:
        """Each scalar of the object: its path, its label in the loss report, its value."""
        return leaves(self._json)

    def _list(self, name: str) -> list[Any]:
        value = self._json.get(name)
        if value is not None and not isinstance(value, list):
            self._refuse((*self.path, name), NOT_LIST)
            return []
        return value or []

    def _text(self, value: Any, path: Path, limit: int) -> str:
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip():
            self._refuse(path, NOT_TEXT)
            return ""
        if len(value) > limit:
            self._refuse(path, TOO_LONG)
            return ""
        self.marks.kept.add(path)
        return value.strip()

    def _moment(self, name: str) -> Moment | None:
        value = self._json.get(name)
        moment = Moment.read(value.strip()) if isinstance(value, str) else None
        self._kept(name, value, moment is not None, NOT_MOMENT)
        return moment

    def _kept(self, name: str, value: Any, readable: bool, reason: str) -> Any:
        path = (*self.path, name)
        if readable:
            self.marks.kept.add(path)
            return value
        if value is not None:
            self._refuse(path, reason)
        return None

    def _refuse(self, path: Path, reason: str) -> None:
        self.marks.unreadable.setdefault(path, reason)


def leaves(
    json: Any, path: Path = (), label: tuple[str, ...] = ()
) -> Iterator[tuple[Path, tuple[str, ...], Any]]:
    """Each scalar below `json`; a label says in brackets what tells items of a list apart."""
    if isinstance(json, dict):
        for name, value in json.items():
            yield from leaves(value, (*path, name), (*label, name))
    elif isinstance(json, list):
        for index, value in enumerate(json):
            yield from leaves(
                value, (*path, index), (*label[:-1], label[-1] + _discriminator(label[-1], value))
            )
    elif json is not None:
        yield path, label, json


def _discriminator(name: str, item: Any) -> str:
    """`[us-core-race]` for an extension: the items of these lists differ in kind."""
    if not isinstance(item, dict):
        return ""
    match name:
        case "extension" | "modifierExtension":
            kind = item.get("url")
        case "identifier" | "telecom":
            kind = item.get("system")
        case "name":
            kind = item.get("use")
        case _:
            kind = None
    return f"[{kind.rstrip('/').rsplit('/', 1)[-1][:80]}]" if isinstance(kind, str) and kind else ""


def printable(text: str) -> str:
    """`text` on one line of at most 300 characters: a stranger wrote it, for terminals to show."""
    return "".join(character if character.isprintable() else "?" for character in text[:300])


def _is_exact(number: Decimal) -> bool:
    try:
        return number.is_finite() and Decimal(repr(float(number))) == number
    except OverflowError:
        return False
