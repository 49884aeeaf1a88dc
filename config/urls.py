"""Addresses. Each app's portal and API are named here, and nowhere else."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

import chat.portal
import patients.portal
import records.portal
import scheduling.portal
from clinic.welcome import InvitationPage
from config import pages
from config.api import docs
from scheduling import webhooks
from scheduling.portal.feed import calendar_feed

portal = [
    *patients.portal.urlpatterns,
    *scheduling.portal.urlpatterns,
    *records.portal.urlpatterns,
    *chat.portal.urlpatterns,
]

urlpatterns = [
    path("", pages.home, name="home"),
    path("healthz", pages.healthz, name="healthz"),
    path("readyz", pages.readyz, name="readyz"),
    path("accounts/invitation/<str:key>/", InvitationPage.as_view(), name="invitation"),
    path("accounts/", include("clinic.signed_in")),
    path("admin/", admin.site.urls),
    path("portal/", include((portal, "portal"))),
    path("webhooks/sms/", webhooks.text_messages, name="sms-webhook"),
    path("webhooks/whatsapp/", webhooks.whatsapp_events, name="whatsapp-webhook"),
    path("calendars/<str:secret>.ics", calendar_feed, name="calendar_feed"),
    path("language/", set_language, name="set_language"),
    path("api/v1/", include("config.api.router")),
    path("api/schema/", docs.schema, name="api-schema"),
    path("api/docs/", docs.docs, name="api-docs"),
]

handler400 = "config.api.errors.bad_request"
handler403 = "config.api.errors.forbidden"
handler404 = "config.api.errors.not_found"
handler500 = "config.api.errors.server_error"
