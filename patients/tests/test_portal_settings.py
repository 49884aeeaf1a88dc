"""Language and appearance: a person's own, kept on the account and in the browser."""

import pytest
from django.test import Client

from clinic.models import User
from clinic.tests.people import PASSWORD

PAGE = "/portal/settings/"


def test_the_choice_is_kept_and_the_pages_change_at_once(browse, cast):
    browser = browse("john")
    answer = browser.post(PAGE, {"language": "pt-br", "theme": "dark"}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    john = User.objects.get(pk=cast.john.pk)
    assert (john.preferred_language, john.theme) == ("pt-br", "dark")
    page = browser.get(PAGE).content.decode()
    assert '<html lang="pt-br"' in page and 'data-theme="dark"' in page


@pytest.mark.parametrize(
    ("form", "wrong"),
    [({"language": "xx", "theme": "dark"}, {"language"}),
     ({"language": "en", "theme": "<script>"}, {"theme"}), ({}, {"language", "theme"})],
)  # fmt: skip
def test_what_is_not_offered_is_refused(browse, cast, form, wrong):
    answer = browse("john").post(PAGE, form)
    assert answer.status_code == 400 and set(answer.context["form"].errors) == wrong
    assert b"There is a problem" in answer.content and b"<script>" not in answer.content
    assert User.objects.get(pk=cast.john.pk).theme == "auto"


def test_after_signing_in_the_pages_speak_the_persons_language(browse, cast):
    User.objects.filter(pk=cast.john.pk).update(preferred_language="es")
    cast.john.set_password(PASSWORD)
    cast.john.save(update_fields=["password"])
    browser = Client(headers={"Accept-Language": "en"})
    browser.cookies["django_language"] = "pt-br"  # of who used the browser before
    browser.post("/accounts/login/", {"login": cast.john.email, "password": PASSWORD})
    assert '<html lang="es"' in browser.get("/portal/").content.decode()


def test_the_language_can_be_changed_on_any_page(browse):
    browser = browse("john")
    answer = browser.post("/language/", {"language": "es", "next": "/portal/visits/"})
    assert answer["Location"] == "/portal/visits/"
    assert '<html lang="es"' in browser.get("/portal/visits/").content.decode()
    away = browser.post("/language/", {"language": "es", "next": "https://example.org/"})
    assert "example.org" not in away["Location"]


def test_the_second_step_says_whether_it_is_on(browse):
    answer = browse("john").get(PAGE)
    assert answer.context["second_factor"] is False
    assert b'href="/accounts/2fa/"' in answer.content
