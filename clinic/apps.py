"""The ground floor: facilities, people, security."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClinicConfig(AppConfig):
    name = "clinic"
    verbose_name = _("Clinic")

    def ready(self):
        from clinic import accounts, sessions  # noqa: F401  they hear of who signs in
