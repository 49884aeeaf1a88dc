"""Visits in the portal: one's own, with the clinic's clock; canceling is asked and once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.tests.people import nobody_id
from scheduling.tests.hours import at, open_hours, visit


@pytest.fixture
def kind(cast):
    return open_hours(cast)


def test_next_and_past_visits_are_told_apart(browse, cast, kind):
    visit(cast, kind, cast.mr_doe, at(10), reason="Cough")
    visit(cast, kind, cast.mr_doe, at(9, days=-30), status="Completed")
    visit(cast, kind, cast.mr_doe, at(11), status="Canceled")
    visit(cast, kind, cast.mr_doe, at(12), status="NoShow")  # said before its end
    answer = browse("john").get("/portal/visits/")
    assert [v.status for v in answer.context["upcoming"]] == ["Confirmed"]
    assert {v.status for v in answer.context["past"]} == {"Completed", "Canceled", "NoShow"}


def test_the_visits_of_others_are_not_there(browse, cast, kind):
    theirs = visit(cast, kind, cast.mr_doe, at(10), reason="Cough")
    browser = browse("jane")
    assert b"Sarah" not in browser.get("/portal/visits/").content
    for address in (f"/portal/visits/{theirs.pk}/", f"/portal/visits/{theirs.pk}/cancel/"):
        assert browser.get(address).status_code == 404
        assert browser.post(address).status_code in {404, 405}
    assert browse("ana").get(f"/portal/visits/{theirs.pk}/").status_code == 404
    with tenancy.system(cast.harbor):
        theirs.refresh_from_db()
    assert theirs.status == "Confirmed"


def test_a_childs_visit_is_shown_only_while_the_child_is(browse, cast, kind):
    childs = visit(cast, kind, cast.jimmy, at(10))
    browser = browse("john")
    assert browser.get(f"/portal/visits/{childs.pk}/").status_code == 404
    browser.post(f"/portal/person/{cast.jimmy.pk}/")
    assert browser.get(f"/portal/visits/{childs.pk}/").status_code == 200


def test_times_are_those_of_the_clinic(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10))
    assert "10:00 to 10:30" in browse("john").get(f"/portal/visits/{own.pk}/").content.decode()


def test_canceling_asks_first_and_gives_the_time_back(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10))
    browser = browse("john")
    address = f"/portal/visits/{own.pk}/cancel/"
    assert b"Cancel this visit?" in browser.get(address).content
    answer = browser.post(address, {"cancel_reason": "I am away"}, follow=True)
    assert answer.redirect_chain == [("/portal/visits/", 302)]
    assert b"The visit is canceled" in answer.content
    with tenancy.system(cast.harbor):
        own.refresh_from_db()
        assert (own.status, own.cancel_reason) == ("Canceled", "I am away")
    again = browser.post(address)
    assert again.status_code == 400 and "cannot become" in again.content.decode()


def test_a_visit_that_has_begun_is_not_canceled_here(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10, days=-1))
    browser = browse("john")
    assert browser.get(f"/portal/visits/{own.pk}/").context["can_cancel"] is False
    assert browser.get(f"/portal/visits/{own.pk}/cancel/").status_code == 302
    answer = browser.post(f"/portal/visits/{own.pk}/cancel/")
    assert answer.status_code == 400 and b"already begun" in answer.content


def test_a_reason_that_is_too_long_comes_back_with_the_form(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10))
    answer = browse("john").post(f"/portal/visits/{own.pk}/cancel/", {"cancel_reason": "a" * 501})
    assert answer.status_code == 400
    assert b"There is a problem" in answer.content and b"a" * 501 in answer.content


def test_each_look_is_on_the_trail(browse, cast, kind):
    own = visit(cast, kind, cast.mr_doe, at(10))
    browser = browse("john")
    browser.get("/portal/visits/")
    browser.get(f"/portal/visits/{own.pk}/")
    browser.get(f"/portal/visits/{nobody_id()}/")
    with tenancy.system(cast.harbor):
        entries = LogEntry.entries.reads().filter(actor=cast.john, object_pk=str(own.pk))
        hows = list(entries.order_by("id").values_list("additional_data__how", flat=True))
        assert hows == ["list", "detail"]
        refused = LogEntry.entries.filter(resource="refusal", actor=cast.john).get()
        assert refused.additional_data["status"] == 404


def test_a_long_list_asks_no_more_than_a_short_one(browse, cast, kind, django_assert_num_queries):
    for days in range(1, 3):
        visit(cast, kind, cast.mr_doe, at(10, days=-days), status="Completed")
    browser = browse("john")
    browser.get("/portal/visits/")
    with CaptureQueriesContext(connection) as short:
        browser.get("/portal/visits/")
    for days in range(3, 30):
        visit(cast, kind, cast.mr_doe, at(10, days=-days), status="Completed")
    with django_assert_num_queries(len(short)):
        page = browser.get("/portal/visits/").context["past"]
    assert len(page) == 15 and page.paginator.num_pages == 2
