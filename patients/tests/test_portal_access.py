"""Who looked: every look in plain words, put together by request, for those who may know."""

from dataclasses import replace
from datetime import timedelta

import pytest

from clinic.models import LogEntry
from clinic.security import tenancy, trail
from clinic.security.permissions import Category
from clinic.security.tenancy import Origin, Purpose
from patients import access, looks
from patients.models import AccessGrant, FamilyMember

PAGE = "/portal/access/"


def look(cast, name, patient, *resources, portal=False, request_id="r1", **details):
    """A look of a person at several things, in one request."""
    with cast.acting(name, portal=portal) as actor:
        actor = replace(actor, origin=Origin(request_id=request_id, surface="test"))
        actor = replace(actor, purpose=details.pop("purpose", actor.purpose))
        with tenancy.acting(actor):
            for resource in resources:
                trail.read(resource, [(patient.pk, patient.pk)], **details)


def looks_in(answer) -> list:
    return list(answer.context["looks"])


def test_a_request_is_one_look_in_plain_words(browse, cast):
    look(cast, "sarah", cast.mr_doe, "records.document", "scheduling.appointment")
    look(cast, "nina", cast.mr_doe, "patients.patient", request_id="r2", how="chart")
    first, second = looks_in(browse("john").get(PAGE))
    assert (first.who, first.role, first.what) == ("Nina Test", "Nurse", "The whole record")
    assert (second.who, second.role, second.what) == (
        "Sarah Test", "Physician", "Documents, visits",
    )  # fmt: skip
    assert second.purpose_text == "Treatment"


def test_downloads_and_answers_are_told(browse, cast):
    look(cast, "sarah", cast.mr_doe, "records.document", how="download")
    [one] = looks_in(browse("john").get(PAGE))
    assert one.why == "The file was opened"


def test_the_family_is_named_by_its_relation(browse, cast):
    with tenancy.system(cast.harbor):
        access.grant(
            patient=cast.mr_doe, user=cast.jane, categories=[Category.VIEW],
            source=AccessGrant.Source.FAMILY,
        )  # fmt: skip
        FamilyMember.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, user=cast.jane, relationship="spouse"
        )
    look(cast, "jane", cast.mr_doe, "patients.patient", portal=True, purpose=Purpose.FAMILY)
    [one] = looks_in(browse("john").get(PAGE))
    assert (one.who, one.role) == ("Jane Test", "Spouse or partner")
    assert (one.purpose, one.what) == ("family", "Name and details")


def test_an_emergency_stands_out(browse, cast):
    look(cast, "nina", cast.mr_doe, "patients.patient", purpose=Purpose.EMERGENCY)
    answer = browse("john").get(PAGE)
    assert answer.context["emergencies"] == 1
    assert b"1 emergency look to check" in answer.content


def test_looks_at_others_are_not_there(browse, cast):
    look(cast, "sarah", cast.mrs_doe, "records.document")
    look(cast, "lucia", cast.dona_ana, "records.document")
    answer = browse("john").get(PAGE)
    assert looks_in(answer) == [] and b"Sarah" not in answer.content


def test_ones_own_looks_are_there_when_they_are_asked_for(browse, cast):
    browser = browse("john")
    browser.get("/portal/record/")
    assert list(browser.get(PAGE).context["looks"]) == []
    looked, opened = browser.get(PAGE, {"own": 1}).context["looks"]
    assert (opened.role, opened.what, opened.purpose) == ("You", "The whole record", "own")
    assert looked.what == "Who looked"


def test_a_parent_is_seen_by_the_child(browse, cast):
    """Jimmy's own account, were he given one, shows that his father looked."""
    with tenancy.system(cast.harbor):
        cast.jimmy.user = cast.jane
        cast.jimmy.save()
        access.grant(patient=cast.jimmy, user=cast.jane, source=AccessGrant.Source.SELF)
    fathers = browse("john")
    fathers.post(f"/portal/person/{cast.jimmy.pk}/")
    fathers.get("/portal/record/")
    childs = browse("jane")
    childs.post(f"/portal/person/{cast.jimmy.pk}/")
    [look, *_home] = childs.get(PAGE).context["looks"]
    assert (look.who, look.role, look.purpose) == ("John Test", "Parent", "family")


def test_the_chart_counts_the_looks_of_each_week(browse, cast):
    for number in range(3):
        look(cast, "sarah", cast.mr_doe, "records.document", request_id=f"r{number}")
    answer = browse("john").get(PAGE)
    chart = answer.context["chart"]
    assert [bar.total for bar in chart.bars] == [0] * 5 + [3]
    assert answer.context["takeaway"].startswith("3 looks since ")
    assert answer.context["takeaway"].endswith("Most were by the care team.")


def test_refusals_and_changes_are_no_looks(cast):
    look(cast, "sarah", cast.mr_doe, "records.document", flags=["refused"])
    with cast.acting("john", portal=True):
        assert list(looks.looks_at(cast.mr_doe, cast.john)) == []
        assert LogEntry.entries.about(cast.mr_doe).count() > 0


def test_the_weeks_are_those_of_the_calendar(cast):
    with cast.acting("john", portal=True):
        weeks = looks.by_week(cast.mr_doe, cast.john, weeks=3)
    assert [week.start.isoweekday() for week in weeks] == [1, 1, 1]
    assert weeks[2].start - weeks[0].start == timedelta(weeks=2)


def test_many_looks_have_pages_and_ask_no_more(browse, cast, django_assert_max_num_queries):
    for number in range(25):
        name = ["sarah", "nina", "phil", "alma"][number % 4]
        look(cast, name, cast.mr_doe, "records.document", request_id=f"r{number}")
    browser = browse("john")
    with django_assert_max_num_queries(20):
        page = browser.get(PAGE).context["looks"]
    assert len(list(page)) == 12 and page.paginator.count == 25
    assert len(list(browser.get(PAGE, {"page": 3}).context["looks"])) == 1


@pytest.mark.parametrize("page", ["0", "-1", "999", "x"])
def test_a_page_that_is_not_there_is_the_nearest_one(browse, page):
    assert browse("john").get(PAGE, {"page": page}).status_code == 200
