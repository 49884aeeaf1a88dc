"""The portal's links and its main navigation."""

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


ACCESS = (
    "access", "ask_about_look", "sharing", "relative_invite", "relative", "relative_close",
    "relative_remove", "agreed", "clinician_invite", "clinician", "clinician_end",
    "clinician_block", "clinician_unblock", "referral_end", "shared", "leave", "family",
)  # fmt: skip
VISITS = (
    "visits", "visit", "visit_cancel", "visit_move", "visit_move_kept", "book", "book_kept",
    "waiting", "waiting_join", "waiting_withdraw", "waiting_offer",
)  # fmt: skip
RECORD = (
    "record", "ask", "answer", "medicines", "medicine_travel", "medicine_remind", "reminder",
    "reminder_stop",
)  # fmt: skip
SECTIONS = (
    Section("home", "house", _("Home"), ("home",)),
    Section("record", "clipboard-list", _("Record"), RECORD),
    Section("visits", "calendar-days", _("Visits"), VISITS),
    Section("documents", "file-text", _("Documents"), ("documents", "document")),
    Section("access", "eye", _("Access"), ACCESS),
)


@register.simple_tag
def portal_url(url_name: str, *args: Any, **query: Any) -> str:
    """The address of a portal page, with the query that is not None."""
    address = reverse(f"portal:{url_name}", args=args)
    wanted = QueryDict(mutable=True)
    wanted.update({key: str(value) for key, value in query.items() if value is not None})
    return f"{address}?{wanted.urlencode()}" if wanted else address


@register.inclusion_tag("portal/nav.html", takes_context=True)
def portal_nav(context: Context) -> dict[str, Any]:
    """The main navigation; the section that holds the present page is marked."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.url_name if match else ""
    return {
        "sections": [
            (section, portal_url(section.url_name), here in section.pages) for section in SECTIONS
        ]
    }
