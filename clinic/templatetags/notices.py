"""The bell: {% load notices %}{% notices_bell %}."""

from typing import Any

from django import template
from django.template.context import Context

from clinic import notifications

register = template.Library()


@register.inclusion_tag("admin/notices_bell.html", takes_context=True)
def notices_bell(context: Context) -> dict[str, Any]:
    """The way to the notices, with the number of those that are unread."""
    return {"unread": notifications.of(context["request"].user).unread().count()}
