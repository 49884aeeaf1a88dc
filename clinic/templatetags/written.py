"""How the clinic writes dates, ages, amounts and names. Part of {% load cr %}.

The wording of a date belongs to the language: each filter names a format of
`config.formats`, never a pattern of its own.
"""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from zlib import crc32

from babel.numbers import format_currency
from django import template
from django.utils import formats, timezone
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

register = template.Library()

BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
SEMANTIC_TAG = re.compile(
    r"\s*\((?:disorder|finding|procedure|situation|event|observable entity|regime/therapy"
    r"|morphologic abnormality|substance|product)\)$"
)
LOINC_PROPERTY = re.compile(r"\s*\[[^\]]*\]")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
TITLES = {"dr", "dra", "prof", "mr", "mrs", "ms", "mx", "sr", "sra", "doña", "dona"}
AVATAR_TONES = ("", "cr-av-b", "cr-av-c", "cr-av-d")


def short_weekdays() -> list[str]:
    """Mon to Sun in the language: our own words, for Django's Portuguese writes Sab for Sáb."""
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]


def _written(value: date | None, format_name: str) -> str:
    return formats.date_format(value, format_name) if value else ""


@register.filter(expects_localtime=True)
def long_date(value: date | None) -> str:
    """Tuesday 24 November 2026."""
    return _written(value, "LONG_DATE_FORMAT")


@register.filter(expects_localtime=True)
def long_moment(value: datetime | None) -> str:
    """Tuesday 24 November 2026, 10:00."""
    return _written(value, "LONG_DATETIME_FORMAT")


@register.filter(expects_localtime=True)
def near_date(value: date | None) -> str:
    """Tuesday 24 November, where the year is plain from the page."""
    return _written(value, "NEAR_DATE_FORMAT")


@register.filter(expects_localtime=True)
def near_moment(value: datetime | None) -> str:
    """Tuesday 24 November, 10:00, where the year is plain from the page."""
    return _written(value, "NEAR_DATETIME_FORMAT")


@register.filter(expects_localtime=True)
def short_date(value: date | None) -> str:
    """24 Nov 2026: for tables."""
    return _written(value, "SHORT_DATE_FORMAT")


@register.filter(expects_localtime=True)
def short_moment(value: datetime | None) -> str:
    """24 Nov 2026, 10:00: for tables."""
    return _written(value, "SHORT_DATETIME_FORMAT")


@register.filter(expects_localtime=True)
def day_month(value: date | None) -> str:
    """24 Nov: for chart axes and day strips."""
    return _written(value, "DAY_MONTH_FORMAT")


@register.filter(expects_localtime=True)
def measured_on(value: date | None) -> str:
    """24 Nov for a measurement of this year, else 24 Nov 2021: an old one must not look new."""
    is_new = value is not None and value.year == timezone.localdate().year
    return day_month(value) if is_new else short_date(value)


@register.filter(expects_localtime=True)
def weekday(value: date | None) -> str:
    """Sat: for day strips."""
    return short_weekdays()[value.weekday()] if value else ""


@register.filter
def weekday_of(number: int) -> str:
    """Sat, of 6: the days of a week are counted from Monday, which is 1."""
    return short_weekdays()[number - 1]


@register.filter(expects_localtime=True)
def clock(value: datetime | None) -> str:
    """10:00."""
    return formats.time_format(value, "TIME_FORMAT") if value else ""


@register.filter(expects_localtime=True)
def recent_moment(value: datetime | None) -> str:
    """Today, 08:12; Yesterday, 17:40; Tomorrow, 10:00; on other days as `short_moment`."""
    if not value:
        return ""
    today = timezone.localdate()
    near = {
        today: _("Today, %(time)s"),
        today - timedelta(days=1): _("Yesterday, %(time)s"),
        today + timedelta(days=1): _("Tomorrow, %(time)s"),
    }
    if sentence := near.get(value.date()):
        return sentence % {"time": clock(value)}
    return short_moment(value)


@register.filter
def age(born: date | None) -> str:
    """The age today in whole years; below two years in months, below two months in days."""
    if not born:
        return ""
    today = timezone.localdate()
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    if months >= 24:
        years = months // 12
        return ngettext("%(count)d year", "%(count)d years", years) % {"count": years}
    if months >= 2:
        return ngettext("%(count)d month", "%(count)d months", months) % {"count": months}
    days = max((today - born).days, 0)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


@register.filter
def lasting(minutes: int | None) -> str:
    """How long something took: 30 min; 5 hours; 14 days."""
    if not minutes:
        return ""
    if minutes < 120:
        return _("%(minutes)s min") % {"minutes": minutes}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days = round(minutes / 1440)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


@register.filter
def plain_number(value: int | float | Decimal | str | None) -> str:
    """A number with the language's decimal sign and without trailing zeros: 2.5, never 2.50.

    Text that is no number, such as 131/82, is returned as it is.
    """
    if value is None or value == "":
        return ""
    try:
        number = Decimal(str(value)).normalize()
    except ArithmeticError:
        return str(value)
    if not number.is_finite():
        return str(value)
    places = max(-int(number.as_tuple().exponent), 0)
    return formats.number_format(number, decimal_pos=places, use_l10n=True, force_grouping=True)


@register.filter
def money(value: Decimal | None, currency: str) -> str:
    """A price as the language writes it: $80.00; R$ 250,00; 80,00 US$."""
    if value is None:
        return ""
    return format_currency(value, currency, locale=to_locale(get_language() or "en"))


@register.filter
def amount(value: int | float | Decimal | str | None, unit: str = "") -> str:
    """A number and its unit, kept on one line: 2.5 mg."""
    number = plain_number(value)
    return f"{number}{NO_BREAK_SPACE}{unit}" if number and unit else number


@register.filter
def term(text: str | None) -> str:
    """A term of SNOMED CT or LOINC without what tells it apart from others for a computer:
    "Sprain of ankle (disorder)" is a sprain of ankle, "Leukocytes [#/volume] in Blood" leukocytes
    in blood."""
    return SEMANTIC_TAG.sub("", LOINC_PROPERTY.sub("", str(text or ""))).strip()


@register.filter
def initials(name: str | None) -> str:
    """The first letters of the first and the last name: Dr Marta de Oliveira gives MO."""
    words = [word for word in str(name or "").split() if word[0].isalpha()]
    words = [word for word in words if word.lower().rstrip(".") not in TITLES] or words
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "") if words else ""
    return letters.upper()


@register.filter
def avatar_tone(name: str | None) -> str:
    """The class that colours a person's circle: always the same one for the same name."""
    return AVATAR_TONES[crc32(str(name or "").encode()) % len(AVATAR_TONES)]


@register.filter
def dialled(phone: str | None) -> str:
    """A phone number as a tel: link takes it: digits, with a leading + where there is one."""
    return "".join(sign for sign in str(phone or "") if sign.isdigit() or sign == "+")


@register.filter
def browser(user_agent: str | None) -> str:
    """“Firefox on Windows”, from what a browser says of itself; else the words as they came.

    The order of the tables matters: Edge and Opera call themselves Chrome too, and Chrome Safari.
    """
    agent = str(user_agent or "")
    name = next((name for sign, name in BROWSERS.items() if sign in agent), "")
    system = next((name for sign, name in SYSTEMS.items() if sign in agent), "")
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": name, "system": system}
    return name or agent or _("Unknown browser")
