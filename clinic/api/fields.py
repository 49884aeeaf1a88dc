"""Fields that take exactly the JSON type that the schema states.

DRF's own are lenient (5 for a text, "yes" for a flag, a time without offset). Here what a caller
sends is what is stored, or it is refused by name.
"""

import json
import re
from datetime import date, datetime, time
from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

LONGEST_TEXT = 20_000  # of a text whose column has no limit of its own
LONGEST_JSON, DEEPEST_JSON = 8_000, 6
MOST_WHOLE = 2_147_483_647
YEARS = (1850, 2200)

DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
NAIVE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}[\d:.]*", re.ASCII)
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", re.ASCII)
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class Text(serializers.CharField):
    """A text; NUL characters are refused."""

    def __init__(self, **kwargs):
        kwargs.setdefault("max_length", LONGEST_TEXT)
        super().__init__(**kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Email(Text, serializers.EmailField):
    """An e-mail address."""


class Whole(serializers.IntegerField):
    """A whole number of 32 bits."""

    def __init__(self, **kwargs):
        kwargs.setdefault("max_value", MOST_WHOLE)
        kwargs.setdefault("min_value", -MOST_WHOLE)
        super().__init__(**kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Number(serializers.DecimalField):
    """A decimal, as a JSON number in both directions."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs | {"coerce_to_string": False})

    def to_internal_value(self, data):
        if not isinstance(data, (int, float)) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(Decimal(str(data)))

    def to_representation(self, value):
        return float(value)


class Flag(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data):
        if not isinstance(data, bool):
            self.fail("invalid", input=_("This value"))
        return data


class AskedFlag(serializers.BooleanField):
    """`true` or `false` in an address."""

    def to_internal_value(self, data):
        if data not in ("true", "false"):
            self.fail("invalid", input=_("This value"))
        return data == "true"


class AskedWhole(Whole):
    """A whole number in an address."""

    def to_internal_value(self, data):
        if not re.fullmatch(r"-?\d{1,10}", data, re.ASCII):
            self.fail("invalid")
        return super().to_internal_value(int(data))


class Choice(serializers.ChoiceField):
    """One of the stated texts; what was sent instead is not repeated."""

    default_error_messages = {"invalid_choice": _("This is not one of the choices.")}

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid_choice")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    """A UUID as text."""

    def to_internal_value(self, data):
        if not isinstance(data, str) or not UUID_TEXT.fullmatch(data):
            self.fail("invalid", value=_("This value"))
        return super().to_internal_value(data)


class Day(serializers.DateField):
    """A date, like 1974-03-27."""

    default_error_messages = {"invalid": _("Give a date like 1974-03-27.")}

    def to_internal_value(self, data):
        if not isinstance(data, str) or not DAY.fullmatch(data):
            self.fail("invalid")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")


class Moment(serializers.DateTimeField):
    """An instant (RFC 3339): a time without its offset is refused, because it is no instant."""

    default_error_messages = {
        "invalid": _("Give a time like 2026-11-24T10:00:00-05:00."),
        "naive": _("Give the time with its offset, like 2026-11-24T10:00:00-05:00."),
    }

    def to_internal_value(self, data):
        if not isinstance(data, str) or not MOMENT.fullmatch(data):
            naive = isinstance(data, str) and NAIVE.fullmatch(data)
            self.fail("naive" if naive else "invalid")
        try:
            moment = datetime.fromisoformat(data.upper())
        except ValueError:
            self.fail("invalid")
        if not YEARS[0] <= moment.year < YEARS[1]:
            self.fail("invalid")
        return moment

    def to_representation(self, value):
        return value  # the renderer writes RFC 3339 with the offset


class Clock(serializers.TimeField):
    """A wall-clock time of the facility, like 09:30."""

    default_error_messages = {"invalid": _("Give a time of day like 09:30.")}

    def to_internal_value(self, data):
        if not isinstance(data, str) or not CLOCK.fullmatch(data):
            self.fail("invalid")
        return time.fromisoformat(data)


class Details(serializers.JSONField):
    """An object of details: at most 8,000 characters, six levels deep, without NUL."""

    default_error_messages = {
        "invalid": _("Give an object of details."),
        "too_large": _("These are more details than are kept here."),
        "null_characters": _("Null characters are not allowed."),
    }

    def to_internal_value(self, data):
        if not isinstance(data, dict):
            self.fail("invalid")
        if _depth(data) > DEEPEST_JSON:
            self.fail("too_large")
        text = json.dumps(data)
        if len(text) > LONGEST_JSON:
            self.fail("too_large")
        if "\\u0000" in text:
            self.fail("null_characters")
        return data


class Texts(serializers.ListField):
    """A list of short texts."""

    def __init__(self, **kwargs):
        longest = kwargs.pop("longest", 300)
        kwargs.setdefault("max_length", 50)
        super().__init__(child=Text(max_length=longest), **kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        return super().to_internal_value(data)


class Names(serializers.ListField):
    """Values of a stated set, each once."""

    def __init__(self, *, choices, **kwargs):
        super().__init__(child=Choice(choices=choices), max_length=len(choices), **kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        return list(dict.fromkeys(super().to_internal_value(data)))


class Ids(serializers.ListField):
    """Ids of rows, each once; what they name is looked at by the verb."""

    def __init__(self, **kwargs):
        kwargs.setdefault("max_length", 50)
        super().__init__(child=Id(), **kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        return list(dict.fromkeys(super().to_internal_value(data)))

    def to_representation(self, data):
        return [str(getattr(row, "pk", row)) for row in getattr(data, "all", lambda: data)()]


class Reference(serializers.RelatedField):
    """The id of a row among those that the actor may see (`rows`, a function without arguments).

    A row that is out of reach and one that does not exist get the same answer.
    """

    default_error_messages = {
        "invalid": _("Give an id (a UUID)."),
        "missing": _("There is no such thing here."),
    }

    def __init__(self, *, rows=None, **kwargs):
        self.rows = rows
        if rows is None:
            kwargs["read_only"] = True
        super().__init__(**kwargs)

    def get_queryset(self):
        return self.rows()

    def use_pk_only_optimization(self):
        return True

    def to_internal_value(self, data):
        if not isinstance(data, str) or not UUID_TEXT.fullmatch(data):
            self.fail("invalid")
        row = self.get_queryset().filter(pk=data).first()
        if row is None:
            self.fail("missing")
        return row

    def to_representation(self, value):
        return value.pk


def _depth(value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
