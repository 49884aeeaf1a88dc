"""The design's components: {% load cr %} gives icon, badge, alert, field, datatable and the rest.

Their markup stands in templates/cr/; docs/design.md shows each with an example. The filters of
`written` (dates, ages, amounts) come with this library.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.forms import BaseForm, BoundField, Textarea
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from clinic.models import Facility
from clinic.templatetags import written

register = template.Library()
register.filters.update(written.register.filters)

ICON_FOLDER = Path(__file__).resolve().parents[2] / "static" / "chartroom" / "icons"
MIRRORED = {
    "arrow-left",
    "arrow-right",
    "chevron-left",
    "chevron-right",
    "log-in",
    "log-out",
    "send",
}
TONE_ICONS = {
    "": "",
    "ok": "check",
    "info": "info",
    "warn": "triangle-alert",
    "danger": "circle-alert",
    "aitone": "sparkles",
}
ALERT_ICONS = TONE_ICONS | {"ok": "circle-check"}
THEMES = ("auto", "light", "dark")
ROWS = 4
"""Lines of a text area, unless the page asks for another number or the form for fewer."""


@cache
def _icon_paths(name: str) -> SafeString:
    svg = (ICON_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    start = svg.index(">", svg.index("<svg")) + 1
    return mark_safe(re.sub(r"\s+", " ", svg[start : svg.rindex("</svg>")]).strip())


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of static/chartroom/icons. Without a label it is decoration and is not read aloud."""
    role = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else mark_safe('aria-hidden="true"')
    )
    return format_html(
        '<svg class="cr-icon{}" viewBox="0 0 24 24" {} focusable="false">{}</svg>',
        " cr-flip" if name in MIRRORED else "",
        role,
        _icon_paths(name),
    )


@register.simple_tag
def badge(text: str, tone: str = "", icon_name: str | None = None) -> SafeString:
    """At most three words with the icon of their tone; `icon_name=""` leaves the icon out."""
    name = TONE_ICONS[tone] if icon_name is None else icon_name
    return format_html(
        '<span class="cr-badge{}">{}{}</span>',
        f" cr-{tone}" if tone else "",
        icon(name) if name else "",
        text,
    )


@register.simple_tag
def avatar(name: str, size: str = "") -> SafeString:
    """A circle with the person's initials; decoration beside the written name."""
    return format_html(
        '<span class="cr-av {} {}" aria-hidden="true">{}</span>',
        written.avatar_tone(name),
        f"cr-av-{size}" if size else "",
        written.initials(name),
    )


@register.simple_block_tag
def card(
    content: str,
    title: str,
    id: str,
    note: str = "",
    link: str = "",
    link_text: str = "",
    flush: bool = False,
) -> SafeString:
    """A section with one subject: {% card title="Medicines" id="medicines" %}…{% endcard %}.

    `flush` is for lists and tables that reach the card's edge; `id` is unique on the page.
    """
    return render_to_string(
        "cr/card.html",
        {
            "content": content,
            "title": title,
            "id": id,
            "note": note,
            "link": link,
            "link_text": link_text,
            "flush": flush,
        },
    )


@register.inclusion_tag("cr/alert.html")
def alert(
    title: str,
    body: str = "",
    tone: str = "info",
    link: str = "",
    link_text: str = "",
    role: str = "",
) -> dict[str, Any]:
    """A boxed notice. Give a `role` (status, alert) only where it answers what was just done."""
    return {
        "title": title,
        "body": body,
        "tone": tone,
        "icon": ALERT_ICONS[tone],
        "link": link,
        "link_text": link_text,
        "role": role,
    }


@register.inclusion_tag("cr/empty.html")
def nothing(
    title: str, body: str = "", icon: str = "inbox", href: str = "", action: str = ""
) -> dict[str, Any]:
    """An empty state: what it means that nothing is here, and at most one thing to do."""
    return {"title": title, "body": body, "icon": icon, "href": href, "action": action}


@register.inclusion_tag("cr/field.html")
def field(
    bound: BoundField,
    label: str = "",
    hint: str | None = None,
    width: str = "",
    autocomplete: str = "",
    inputmode: str = "",
    rows: int = 0,
    show_optional: bool = True,
) -> dict[str, Any]:
    """One form field: label, hint and error above the control, tied to it for screen readers.

    `width` is "s" or "m" for short answers. A field that may stay empty says so in its label,
    unless `show_optional` is false (filters and search forms) or boxes are ticked: none of them is
    an answer, too. `hint=""` leaves out the form's own.
    """
    hint = bound.help_text if hint is None else hint
    described_by = " ".join(
        f"{bound.auto_id}_{part}"
        for part, present in (("helptext", hint), ("error", bound.errors))
        if present
    )
    kind = _field_kind(bound)
    attrs: dict[str, Any] = {"placeholder": False, "cols": False}
    if isinstance(bound.field.widget, Textarea) and not rows:
        attrs["rows"] = min(int(bound.field.widget.attrs.get("rows", ROWS)), ROWS)
    if described_by and kind != "choices":
        attrs["aria-describedby"] = described_by
    if kind == "control":
        attrs["class"] = f"cr-input cr-w-{width}" if width else "cr-input"
    attrs |= {
        key: value
        for key, value in (("autocomplete", autocomplete), ("inputmode", inputmode), ("rows", rows))
        if value
    }
    return {
        "bound": bound,
        "kind": kind,
        "label": label or bound.label,
        "hint": hint,
        "described_by": described_by,
        "control": "" if kind == "choices" else bound.as_widget(attrs=attrs),
        "optional": show_optional and not bound.field.required and not _is_ticked(bound),
    }


def _field_kind(bound: BoundField) -> str:
    """hidden, check (one box), choices (radios or several boxes) or control (all the others)."""
    if bound.is_hidden:
        return "hidden"
    input_type = getattr(bound.field.widget, "input_type", "")
    if input_type in ("radio", "checkbox"):
        return "check" if bound.widget_type == "checkbox" else "choices"
    return "control"


def _is_ticked(bound: BoundField) -> bool:
    return getattr(bound.field.widget, "input_type", "") == "checkbox"


@register.inclusion_tag("cr/fields.html")
def fields(form: BaseForm) -> dict[str, Any]:
    """All fields of a form in their order."""
    return {"form": form}


@register.inclusion_tag("cr/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """What is wrong with a form, first on the page, each error a link to its field."""
    problems = [
        {
            "target": _first_control(form[name]),
            "label": str(form[name].label).rstrip("?"),  # “Who is it: Choose a person.”
            "text": text,
        }
        for name, errors in form.errors.items()
        if name in form.fields
        for text in errors
    ]
    return {"general": form.non_field_errors(), "problems": problems}


def _first_control(bound: BoundField) -> str:
    if _field_kind(bound) == "choices":
        return f"{bound.auto_id}_0"
    return bound.id_for_label or bound.auto_id


@register.simple_tag
def error_prefix(form: BaseForm | None) -> str:
    """For the page title: tells at once that the form came back with errors."""
    return _("Error:") + " " if form is not None and form.errors else ""


@register.inclusion_tag("cr/table.html")
def datatable(
    caption: str,
    headers: Sequence[tuple[str, bool]],
    rows: Sequence[Sequence[Any]],
    css: str = "",
    hide_caption: bool = False,
) -> dict[str, Any]:
    """A table that becomes cards on a phone. Headers are (text, is_number); the first cell of a
    row names the row."""
    return {
        "caption": caption,
        "headers": headers,
        "css": css,
        "hide_caption": hide_caption,
        "rows": [
            [(text, is_number, cell) for (text, is_number), cell in zip(headers, row, strict=True)]
            for row in rows
        ],
    }


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """auto, light or dark: what the person chose, from the account or else the `theme` cookie."""
    request = context.get("request")
    account = getattr(context.get("user"), "theme", "")
    cookie = request.COOKIES.get("theme", "") if request else ""
    return next((chosen for chosen in (account, cookie) if chosen in THEMES), "auto")


@register.simple_tag(takes_context=True)
def clinic_zone(context: Context) -> Any:
    """The clocks of the person's clinic, for {% timezone %} on pages that are of no clinic."""
    request = context.get("request")
    actor = getattr(request, "actor", None)
    clinic = Facility.objects.filter(pk=actor.facility_id).first() if actor else None
    return clinic.zone if clinic else None


@register.simple_tag
def qr_code(svg: str, label: str) -> SafeString:
    """An SVG made by the qrcode package, inline and sized by our styles, because the content
    security policy allows no data: pictures."""
    view_box = re.search(r'viewBox="([\d. ]+)"', svg)
    path = re.search(r'\sd="([^"<>]+)"', svg)
    if not view_box or not path:
        raise ValueError("not an SVG of the qrcode package")
    return format_html(
        '<svg class="cr-qr" viewBox="{}" role="img" aria-label="{}"><path d="{}"/></svg>',
        view_box[1],
        label,
        path[1],
    )
