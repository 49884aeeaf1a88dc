"""Checks at start: what must hold before anything is served."""

from django.conf import settings
from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from clinic.security.permissions import Permission

# Pages that anybody may open, by name.
OPEN = {
    "home", "healthz", "readyz", "set_language", "invitation",
    "sms-webhook", "whatsapp-webhook",  # signed by the service
    "calendar_feed",  # the secret in its address is the key
}  # fmt: skip


@register()
def every_table_states_its_tenancy(app_configs, **kwargs):
    """Each model of ours has a facility, or stands in the list of those that need none."""
    from django.apps import apps

    from compliance.registry import OUR_APPS, OUTSIDE_FACILITIES

    errors = []
    for model in apps.get_models():
        if model._meta.app_label not in OUR_APPS or model._meta.label in OUTSIDE_FACILITIES:
            continue
        fields = {f.attname for f in model._meta.concrete_fields if isinstance(f, models.Field)}
        if "facility_id" not in fields:
            errors.append(
                Error(f"{model._meta.label} names no facility.", obj=model, id="chartroom.E001")
            )
    return errors


@register()
def every_api_view_states_its_permissions(app_configs, **kwargs):
    """Each action of the API names a permission, or its view is public and says so."""
    from django.urls import get_resolver

    errors = []
    for name, pattern in _addresses(get_resolver().url_patterns):
        callback = pattern.callback
        if not name.startswith("api/") or getattr(callback, "public", False):
            continue
        view = getattr(callback, "cls", None)
        if getattr(view, "public", False):
            continue
        actions = set(getattr(callback, "actions", {}).values()) - {"metadata"}
        required = getattr(view, "required", {})
        unstated = {a for a in actions if not isinstance(required.get(a), Permission)}
        kept = [a for a in actions if getattr(getattr(view, a, None), "keeps_its_answer", False)]
        if kept and view.subject() is None:
            errors.append(
                Error(
                    f"{name} keeps answers and states no model of theirs.",
                    obj=view,
                    id="chartroom.E006",
                )
            )
        if view is None or not actions or unstated:
            missing = ", ".join(sorted(unstated)) or "anything"
            errors.append(
                Error(f"{name} states no permission for {missing}.", obj=view, id="chartroom.E002")
            )
    return errors


@register()
def the_reader_knows_its_languages(app_configs, **kwargs):
    """`OCR_LANGUAGES` names languages that the models of the reader were trained for."""
    from records.ocr.engine import UnknownLanguage, engine_for

    try:
        engine_for(settings.OCR_LANGUAGES)
    except UnknownLanguage as error:
        return [Error(f"OCR_LANGUAGES: {error} cannot be read.", id="chartroom.E003")]
    return []


@register()
def every_page_states_its_permission(app_configs, **kwargs):
    """Each page outside the API is a `PortalPage` with a permission, or open by name."""
    from django.urls import get_resolver

    from clinic.portal import PortalPage

    errors = []
    for address, pattern in _addresses(get_resolver().url_patterns, within=False):
        view = getattr(pattern.callback, "view_class", None)
        stands = isinstance(view, type) and issubclass(view, PortalPage)
        stated = stands and isinstance(view.permission, Permission)
        if not stated and not address.startswith("api/") and pattern.name not in OPEN:
            errors.append(Error(f"{address} states no permission.", obj=view, id="chartroom.E004"))
    return errors


@register()
def documents_have_a_place(app_configs, **kwargs):
    """`DOCUMENT_STORAGE_URL` names a store that there is."""
    from records import storage

    try:
        storage.store()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="chartroom.E005")]
    return []


def _addresses(patterns, prefix="", *, within=True):
    """(address, pattern) of every view; `within` also of the staff's site, which takes only what
    denies by default (`config.site`), and of allauth's pages, where people sign in."""
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if not hasattr(pattern, "url_patterns"):
            yield address, pattern
        elif within or address not in {"admin/", "accounts/"}:
            yield from _addresses(pattern.url_patterns, address, within=within)
