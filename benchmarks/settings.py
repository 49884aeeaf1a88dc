"""The product's settings, with the bare views beside the product's own."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS, STORAGES

PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks"]
ROOT_URLCONF = "benchmarks.bare"
WSGI_APPLICATION = None
API_RATE = 10_000_000
STORAGES = {**STORAGES, "staticfiles": PLAIN}  # nothing was collected
