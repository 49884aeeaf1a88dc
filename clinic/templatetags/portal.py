"""The portal's links. Whose record a page shows travels in its address (?for=…), so that two open
tabs never mix two people up."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.http import QueryDict
from django.template.context import Context
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

register = template.Library()


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the main navigation, current on all pages whose URL name it lists."""

    url_name: str
    icon: str
    label: Any
    pages: tuple[str, ...]


SECTIONS = (
    Section("home", "house", _("Home"), ("home", "settings")),
    Section("record", "clipboard-list", _("Record"), ("record", "ask")),
    Section("visits", "calendar-days", _("Visits"), ("visits", "visit", "visit_cancel", "book")),
    Section("documents", "file-text", _("Documents"), ("documents", "document")),
    Section("access", "eye", _("Access"), ("access",)),
)


@register.simple_tag(takes_context=True)
def portal_url(context: Context, url_name: str, *args: Any, **query: Any) -> str:
    """The address of a portal page for the person whose record is shown; `query` is added to it."""
    portal = context.get("portal")
    wanted = {} if not portal or portal.shown.is_self else {"for": portal.shown.pk}
    return _address(url_name, args, wanted | query)


@register.simple_tag
def person_url(person: Any) -> str:
    """The portal's home page for another person of the family."""
    return _address("home", (), {} if person.is_self else {"for": person.pk})


@register.inclusion_tag("portal/nav.html", takes_context=True)
def portal_nav(context: Context) -> dict[str, Any]:
    """The main navigation; the section that holds the present page is marked."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    here = match.url_name if match else ""
    return {
        "sections": [
            (section, portal_url(context, section.url_name), here in section.pages)
            for section in SECTIONS
        ]
    }


def _address(url_name: str, args: tuple[Any, ...], query: dict[str, Any]) -> str:
    address = reverse(f"portal:{url_name}", args=args)
    if not query:
        return address
    wanted = QueryDict(mutable=True)
    wanted.update({key: str(value) for key, value in query.items() if value is not None})
    return f"{address}?{wanted.urlencode()}" if wanted else address
