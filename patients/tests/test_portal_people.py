"""Whose record the portal shows: one's own and those that are shared, nobody else's."""

import re

import pytest

from clinic.models import LogEntry, User
from clinic.security import tenancy
from clinic.security.permissions import Category
from clinic.tests.people import nobody_id
from patients import access
from patients.models import AccessGrant, FamilyMember, Gender
from patients.portal.person import CHOSEN, relation_of

PAGES = [
    "", "visits/", "visits/book/", "record/", "documents/", "ask/", "access/", "sharing/",
    "shared/", "settings/", "no-longer/",
]  # fmt: skip


def choose(browser, patient_id):
    return browser.post(f"/portal/person/{patient_id}/", follow=True)


def share(cast, patient, user, *categories):
    with tenancy.system(cast.harbor):
        access.grant(
            patient=patient, user=user, categories=categories, source=AccessGrant.Source.FAMILY
        )


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_led_to_the_sign_in(client, db, settings, page):
    answer = client.get(f"/portal/{page}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=/portal/")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["sarah", "fred", "alma", "aud"])
def test_staff_have_no_place_in_the_portal(browse, page, name):
    assert browse(name).get(f"/portal/{page}").status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_each_page_shows_whose_record_it_is(browse, cast, page):
    browser = browse("john")
    own = browser.get(f"/portal/{page}").content.decode()
    assert "You are looking at the record of" not in own
    choose(browser, cast.jimmy.pk)
    childs = browser.get(f"/portal/{page}").content.decode()
    assert "You are looking at the record of Jimmy Doe, " in childs
    assert "Back to my record" in childs


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_kept_by_no_cache(browse, page):
    assert "no-store" in browse("john").get(f"/portal/{page}")["Cache-Control"]


def test_the_choice_is_among_ones_own_people(browse, cast):
    answer = browse("john").get("/portal/")
    assert [person.name for person in answer.context["portal"].people] == ["John Doe", "Jimmy Doe"]
    assert b"Jane" not in answer.content and b"Ana" not in answer.content


@pytest.mark.parametrize("whom", ["mrs_doe", "dona_ana", None])
def test_nobody_else_can_be_chosen(browse, cast, whom):
    browser = browse("john")
    patient_id = cast.patients[whom].pk if whom else nobody_id()
    assert choose(browser, patient_id).status_code == 404
    assert browser.get("/portal/").context["portal"].shown.name == "John Doe"


@pytest.mark.parametrize("whom", ["mr_doe", "dona_ana"])
def test_a_forged_choice_in_the_session_is_ignored(browse, cast, whom):
    browser = browse("jane")
    session = browser.session
    session[CHOSEN] = str(cast.patients[whom].pk)
    session.save()
    for page in PAGES:
        answer = browser.get(f"/portal/{page}")
        assert answer.context["portal"].shown.name == "Jane Doe"
        text = re.sub(rb"<option.*?</option>", b"", answer.content, flags=re.DOTALL)  # St. John’s
        assert b"John" not in text and b"Souza" not in text


def test_a_choice_ends_with_the_grant(browse, cast):
    browser = browse("john")
    choose(browser, cast.jimmy.pk)
    with tenancy.system(cast.harbor):
        access.revoke(patient=cast.jimmy, user=cast.john, source=AccessGrant.Source.FAMILY)
    answer = browser.get("/portal/record/")
    assert answer.context["portal"].shown.name == "John Doe"
    assert b"Jimmy" not in answer.content


def test_what_is_not_shared_is_said_and_not_shown(browse, cast):
    share(cast, cast.mr_doe, cast.jane, Category.VIEW, Category.APPOINTMENTS)
    browser = browse("jane")
    choose(browser, cast.mr_doe.pk)
    assert browser.get("/portal/visits/").status_code == 200
    for page in ("record/", "documents/", "ask/", "access/"):
        answer = browser.get(f"/portal/{page}")
        assert answer.status_code == 403
        assert b"Not shared with you" in answer.content
        assert b"Allergies" not in answer.content and "looks" not in answer.context


def test_a_form_made_for_another_person_does_nothing(browse, cast):
    browser = browse("john")
    choose(browser, cast.jimmy.pk)
    answer = browser.post(
        "/portal/settings/", {"for": cast.mr_doe.pk, "language": "es", "theme": "dark"}, follow=True
    )
    assert b"Nothing was changed" in answer.content
    assert User.objects.get(pk=cast.john.pk).theme == "auto"


def test_a_list_that_refreshes_itself_goes_home_when_another_person_was_chosen(browse, cast):
    answer = browse("john").get(
        "/portal/documents/", {"for": cast.jimmy.pk}, headers={"HX-Request": "true"}
    )
    assert answer["HX-Redirect"] == "/portal/" and answer.content == b""


def test_looking_at_ones_child_is_noted_as_family(browse, cast):
    browser = browse("john")
    browser.get("/portal/record/")
    choose(browser, cast.jimmy.pk)
    browser.get("/portal/record/")
    with tenancy.system(cast.harbor):
        read = LogEntry.entries.reads().filter(actor=cast.john, additional_data__how="chart")
        noted = dict(read.values_list("patient_id", "purpose"))
    assert noted == {cast.mr_doe.pk: "own", cast.jimmy.pk: "family"}


def test_an_account_without_a_record_is_told_so(browse, cast):
    with tenancy.system(cast.harbor):
        access.revoke(patient=cast.mrs_doe, user=cast.jane, source=AccessGrant.Source.SELF)
    answer = browse("jane").get("/portal/")
    assert answer.status_code == 200
    assert b"No record to show" in answer.content and b"Doe" not in answer.content


@pytest.mark.parametrize("name", ["visits", "documents", "ask"])
@pytest.mark.parametrize("pk", ["not-an-id", "00000000-0000-0000-0000-000000000000"])
def test_bad_ids_are_pages_that_do_not_exist(browse, name, pk):
    assert browse("john").get(f"/portal/{name}/{pk}/").status_code == 404


def test_what_a_patient_is_to_a_relative():
    parent, other = FamilyMember.Relationship.PARENT, FamilyMember.Relationship.OTHER
    assert relation_of(parent, Gender.MALE) == "Your son"
    assert relation_of(parent, Gender.UNKNOWN) == "Your child"
    assert relation_of(other, Gender.FEMALE) == "Shared with you"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_a_bounded_number_of_questions(browse, django_assert_max_num_queries, page):
    browser = browse("john")
    with django_assert_max_num_queries(27):
        browser.get(f"/portal/{page}")
