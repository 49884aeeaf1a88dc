"""The checks at start: each holds for the product, and fails where what it guards is missing."""

from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import models
from django.http import HttpResponse
from django.urls import path
from rest_framework import generics, viewsets

from clinic.api.idempotent import idempotent
from clinic.api.resource import Resource
from clinic.models import Facility
from clinic.portal import PortalPage
from clinic.security.permissions import Permission
from config import checks, urls


def ids(check) -> list[str]:
    return [error.id for error in check(None)]


def test_the_product_passes():
    for check in (
        checks.every_table_states_its_tenancy,
        checks.every_api_view_states_its_permissions,
        checks.every_page_states_its_permission,
        checks.documents_have_a_place,
        checks.the_reader_knows_its_languages,
    ):
        assert check(None) == []


def test_a_table_without_a_facility_is_named(monkeypatch):
    class Loose(models.Model):
        class Meta:
            app_label = "clinic"
            apps = type(apps)()  # a registry of its own: other tests never see it

        def __str__(self):
            return ""

    monkeypatch.setattr(apps, "get_models", lambda: [Facility, Loose])
    errors = checks.every_table_states_its_tenancy(None)
    assert [error.obj for error in errors] == [Loose] and errors[0].id == "chartroom.E001"


def beside(monkeypatch, stray) -> None:
    """The product's addresses, and one more."""
    patterns = [*urls.urlpatterns, stray]
    monkeypatch.setattr("django.urls.get_resolver", lambda: SimpleNamespace(url_patterns=patterns))


class Silent(viewsets.GenericViewSet):
    """States nothing."""

    def list(self, request):
        return HttpResponse()


class Half(Silent):
    """States one of its two actions."""

    required = {"list": Permission.PATIENT_VIEW}

    def create(self, request):
        return HttpResponse()


class Worded(Silent):
    """States a word that is no permission."""

    required = {"list": "anything"}


class Plain(generics.GenericAPIView):
    """No viewset: it has no actions that could be stated."""


def bare(request):
    return HttpResponse()


@pytest.mark.parametrize(
    "view",
    [
        Silent.as_view({"get": "list"}),
        Half.as_view({"get": "list", "post": "create"}),
        Worded.as_view({"get": "list"}),
        Plain.as_view(),
        bare,
    ],
    ids=["silent", "half", "worded", "plain", "bare"],
)
def test_an_api_view_that_states_no_permission_is_named(monkeypatch, view):
    # `api/v1/` is itself an include; a stray route beside it is found as well.
    resolver = type(
        "Resolver", (), {"url_patterns": [*urls.urlpatterns, path("api/v1/new/", view)]}
    )
    monkeypatch.setattr("django.urls.get_resolver", resolver)
    errors = checks.every_api_view_states_its_permissions(None)
    assert [error.id for error in errors] == ["chartroom.E002"]
    assert "api/v1/new/" in errors[0].msg


class Forgetful(Resource):
    """Keeps what it answered, and does not say of what."""

    required = {"create": Permission.CHART_WRITE}

    @idempotent
    def create(self, request):
        return HttpResponse()


def test_what_keeps_its_answers_says_of_what(monkeypatch):
    beside(monkeypatch, path("api/v1/new/", Forgetful.as_view({"post": "create"})))
    (error,) = checks.every_api_view_states_its_permissions(None)
    assert error.id == "chartroom.E006" and "api/v1/new/" in error.msg


class Unstated(PortalPage):
    """Takes back the permission that every page of the portal needs."""

    permission = None


@pytest.mark.parametrize(
    "stray",
    [path("portal/new/", bare), path("admin/new/", bare), path("new/", Unstated.as_view())],
    ids=["bare", "beside-the-site", "unstated"],
)
def test_a_page_that_states_no_permission_is_named(monkeypatch, stray):
    beside(monkeypatch, stray)
    errors = checks.every_page_states_its_permission(None)
    assert [error.id for error in errors] == ["chartroom.E004"]
    assert str(stray.pattern) in errors[0].msg


def test_a_language_that_cannot_be_read_is_named(settings):
    settings.OCR_LANGUAGES = ["en", "tlh"]
    (error,) = checks.the_reader_knows_its_languages(None)
    assert error.id == "chartroom.E003" and "tlh" in error.msg


def test_a_store_that_there_is_none_of_is_named(settings):
    settings.DOCUMENT_STORAGE_URL = "ftp://documents.example/"
    (error,) = checks.documents_have_a_place(None)
    assert error.id == "chartroom.E005" and "DOCUMENT_STORAGE_URL" in error.msg
