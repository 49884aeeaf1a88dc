"""Where the apps are wired together: settings, addresses, worker, API and admin site."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
