"""Checks at start: what must hold before anything is served."""

from django.core.checks import Error, register
from django.db import models


@register()
def every_table_states_its_tenancy(app_configs, **kwargs):
    """Each model of ours has a facility, or stands in the list of those that need none."""
    from django.apps import apps

    from compliance.registry import OUTSIDE_FACILITIES, OUR_APPS

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
