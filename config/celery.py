"""The worker. Every task of ours names the facility it works in (`clinic.tasks.FacilityTask`)."""

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("chartroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

HEARTBEAT, HEARTBEAT_LASTS = "worker-heartbeat", 30  # the key in the cache, and its seconds


@signals.heartbeat_sent.connect
def tell_that_the_worker_lives(**kwargs) -> None:
    """What `/readyz` looks for: a worker beats every two seconds, also while it reads a letter."""
    from django.core.cache import cache

    cache.set(HEARTBEAT, "beats", timeout=HEARTBEAT_LASTS)
