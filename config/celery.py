"""The worker. Every task of ours names the facility it works in (`clinic.tasks.FacilityTask`)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("chartroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
