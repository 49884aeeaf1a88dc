"""Who looked: every look in plain words, put together by request, for those who may know."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from clinic.models import LogEntry
from clinic.security import tenancy, trail
from clinic.security.permissions import Category
from clinic.security.tenancy import Origin, Purpose
from patients import access, consent, family, looks, questions
from patients.models import AccessGrant, LookQuestion

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


def test_who_sees_the_record_is_told_in_plain_words(browse, cast):
    look(cast, "sarah", cast.mr_doe, "patients.accessgrant")
    [one] = looks_in(browse("john").get(PAGE))
    assert one.what == "Who can see the record"


def test_downloads_and_answers_are_told(browse, cast):
    look(cast, "sarah", cast.mr_doe, "records.document", how="download")
    [one] = looks_in(browse("john").get(PAGE))
    assert one.why == "The file was opened"


def test_the_family_is_named_by_its_relation(browse, cast):
    with tenancy.system(cast.harbor):
        family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")
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
    with django_assert_max_num_queries(23):
        page = browser.get(PAGE).context["looks"]
    assert len(list(page)) == 12 and page.paginator.count == 25
    assert len(list(browser.get(PAGE, {"page": 3}).context["looks"])) == 1


@pytest.mark.parametrize("page", ["0", "-1", "999", "x"])
def test_a_page_that_is_not_there_is_the_nearest_one(browse, page):
    assert browse("john").get(PAGE, {"page": page}).status_code == 200


class TestQuestions:
    """Asking the clinic about one look."""

    ASK = "/portal/access/ask/"

    @pytest.fixture
    def seen(self, cast):
        look(cast, "sarah", cast.mr_doe, "records.document", request_id="the-look")

    def asked(self, cast):
        with tenancy.system(cast.harbor):
            return list(LookQuestion.objects.filter(patient=cast.mr_doe))

    def test_one_asks_from_the_list_and_is_answered_below_it(self, browse, cast, seen):
        browser = browse("john")
        assert b"?look=the-look" in browser.get(PAGE).content
        page = browser.get(self.ASK, {"look": "the-look"})
        assert b"Sarah Test" in page.content and b"Physician" in page.content
        body = {"look": "the-look", "question": "Why did you look?"}
        answer = browser.post(self.ASK, body, follow=True)
        assert b"Your question is with the clinic" in answer.content
        assert b"Asked, not yet answered" in answer.content
        [question] = self.asked(cast)
        with cast.acting("alma"):
            questions.answer(question=question, answer="To read your result.", by=cast.alma)
        page = browser.get(PAGE).content
        assert b"To read your result." in page and b"Answered by Alma Test" in page
        assert b"?look=the-look" not in page

    @pytest.mark.parametrize("name", ["", "no-such", "of-jane", "own"])
    def test_what_is_no_look_at_this_record_cannot_be_asked_about(self, browse, cast, name):
        look(cast, "sarah", cast.mrs_doe, "records.document", request_id="of-jane")
        look(cast, "john", cast.mr_doe, "records.document", portal=True, request_id="own")
        browser = browse("john")
        body = {"look": name, "question": "Why?"}
        assert browser.get(self.ASK, {"look": name}).status_code == 404
        assert browser.post(self.ASK, body).status_code == 404
        assert self.asked(cast) == []

    def test_an_empty_question_and_a_second_one_are_refused(self, browse, cast, seen):
        browser, body = browse("john"), {"look": "the-look", "question": "Why?"}
        assert browser.post(self.ASK, body | {"question": " "}).status_code == 400
        browser.post(self.ASK, body)
        assert browser.post(self.ASK, body).status_code == 400
        assert len(self.asked(cast)) == 1

    def test_a_relative_without_the_list_asks_nothing(self, browse, cast, seen):
        with tenancy.system(cast.harbor):
            member = family.stand(
                patient=cast.mr_doe, user=cast.jane, relationship="spouse", level="limited"
            )
        with cast.acting("john", portal=True):
            consent.give(member=member, categories=[Category.RECORDS], by=cast.john)
        browser = browse("jane")
        session = browser.session
        session["person"] = str(cast.mr_doe.pk)
        session.save()
        body = {"look": "the-look", "question": "Why?"}
        answer = browser.post(self.ASK, body)
        assert answer.status_code == 403 and b"Sarah" not in answer.content
        assert self.asked(cast) == []

    def test_a_look_of_a_relative_is_asked_about_too(self, browse, cast):
        with tenancy.system(cast.harbor):
            family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse", level="full")
        look(
            cast, "jane", cast.mr_doe, "records.document",
            portal=True, purpose=Purpose.FAMILY, request_id="the-look",
        )  # fmt: skip
        answer = browse("john").post(self.ASK, {"look": "the-look", "question": "Why, Jane?"})
        assert answer.status_code == 302
        [question] = self.asked(cast)
        assert question.told == "Jane Test · Spouse or partner · Documents"

    def test_an_emergency_says_which_kind_it_was(self, browse, cast):
        now = timezone.now()
        with cast.acting("omar"), tenancy.by_verb():
            apps.get_model(looks.EMERGENCY).objects.create(
                facility=cast.harbor, patient=cast.mr_doe, user=cast.omar, category="acute",
                reason="plantedreason", scope=["summary"], opened_at=now, expires_at=now,
                review_due_at=now,
            )  # fmt: skip
        look(
            cast, "omar", cast.mr_doe, "patients.patient", purpose=Purpose.EMERGENCY,
            request_id="urgent",
        )  # fmt: skip
        page = browse("john").get(PAGE)
        [one] = looks_in(page)
        assert (one.purpose, one.emergency) == (Purpose.EMERGENCY, "Acute danger")
        assert b"Opened in an emergency: Acute danger" in page.content
        assert b"1 emergency look to check" in page.content and b"plantedreason" not in page.content
