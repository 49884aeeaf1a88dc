"""The letters that allauth sends look and speak like ours, and lead to the house."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import translation

from clinic.security import tenancy

RESET = "/accounts/password/reset/"
LINK = re.compile(r"https?://\S+")


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = "https://chartroom.example.org"
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    cache.clear()
    with translation.override("en"):  # the language of a request stays after it
        yield


def letter_to(address: str, **headers) -> mail.EmailMultiAlternatives:
    assert Client(headers=headers).post(RESET, {"email": address}).status_code == 302
    (letter,) = mail.outbox
    return letter


def test_the_link_for_a_new_password_is_in_both_forms_and_works(cast):
    letter = letter_to("nina@harbor.test")
    (page,) = letter.alternatives
    (link,) = LINK.findall(letter.body)
    assert page.mimetype == "text/html" and f'href="{link}"' in page.content
    assert letter.from_email.startswith("Chartroom <") and letter.subject == "Set a new password"
    path = link.removeprefix("https://chartroom.example.org")
    form = Client().get(path, follow=True)
    assert b'name="password1"' in form.content
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"


def test_it_leads_to_the_house_whatever_host_was_asked(cast, settings):
    settings.ALLOWED_HOSTS = ["*"]
    letter = letter_to("nina@harbor.test", host="planted.example.com")
    (page,) = letter.alternatives
    assert "planted" not in letter.body + page.content


def test_it_speaks_the_readers_language_whoever_asked(cast):
    with tenancy.system(cast.harbor):
        cast.nina.preferred_language = "pt-br"
        cast.nina.save()
    letter = letter_to("nina@harbor.test", accept_language="es")
    (page,) = letter.alternatives
    assert '<html lang="pt-br">' in page.content


def test_an_address_without_an_account_is_told_so_and_offered_none(cast):
    letter = letter_to("nobody@harbor.test")
    (page,) = letter.alternatives
    for said in (letter.body, page.content):
        assert "It has no account here" in " ".join(said.split()) and "signup" not in said
        assert "https://chartroom.example.org/accounts/login/" in said


def test_without_an_account_the_letter_speaks_the_language_of_who_asks(cast):
    (page,) = letter_to("nobody@harbor.test", accept_language="es").alternatives
    assert '<html lang="es">' in page.content
