"""Questions about looks, in the staff's site: the queue, the answer, and who may."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.models import Notification
from clinic.security import tenancy
from patients.models import LookQuestion

PAGE = "/admin/questions/"


@pytest.fixture
def asked(cast):
    """John asks about a look of Sarah."""
    with tenancy.system(cast.harbor):
        return LookQuestion.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, look="req-1", looked_at=timezone.now(),
            looker=cast.sarah, told="Sarah Test · Physician · Documents",
            question="plantedquestion", asked_by=cast.john,
        )  # fmt: skip


def one(asked) -> str:
    return reverse("admin:question", args=[asked.pk])


def stored(cast, asked) -> LookQuestion:
    with tenancy.system(cast.harbor):
        return LookQuestion.objects.get(pk=asked.pk)


def test_the_oldest_waits_first_and_a_late_one_says_so(cast, browse, asked):
    with tenancy.system(cast.harbor):
        older = LookQuestion.objects.create(
            facility=cast.harbor, patient=cast.mrs_doe, look="7", looked_at=timezone.now(),
            told="Nina Test", question="plantedolder", asked_by=cast.jane,
        )  # fmt: skip
        LookQuestion.objects.filter(pk=older.pk).update(
            created_at=timezone.now() - timedelta(days=9)
        )
    answer = browse("alma").get(PAGE)
    waiting = [(row["question"].question, row["late"]) for row in answer.context["waiting"]]
    assert waiting == [("plantedolder", True), ("plantedquestion", False)]
    assert "2 questions wait" in answer.content.decode()


def test_the_look_is_shown_in_words_and_on_the_trail(cast, browse, asked):
    alma = browse("alma")
    answer = alma.get(one(asked))
    body = answer.content.decode()
    assert "plantedquestion" in body and "Sarah Test · Physician · Documents" in body
    trail = answer.context["trail_url"]
    assert "request=req-1" in trail and alma.get(trail).status_code == 200


def test_an_answer_reaches_the_patient_and_stands(cast, browse, asked):
    alma = browse("alma")
    assert alma.post(one(asked), {"answer": "She wrote your letter."})["Location"] == PAGE
    row = stored(cast, asked)
    assert (row.answer, row.answered_by_id) == ("She wrote your letter.", cast.alma.pk)
    with tenancy.system(cast.harbor):
        [told] = Notification.objects.filter(user=cast.john)
    assert "letter" not in told.title + told.text
    answer = alma.get(PAGE)
    assert not answer.context["waiting"] and len(answer.context["answered"].object_list) == 1
    assert alma.post(one(asked), {"answer": "Something else."}).status_code == 400
    assert stored(cast, asked).answer == "She wrote your letter."
    assert "Send the answer" not in alma.get(one(asked)).content.decode()


@pytest.mark.parametrize("answer", ["", "   ", "x" * 2001])
def test_an_answer_that_is_none(cast, browse, asked, answer):
    page = browse("alma").post(one(asked), {"answer": answer})
    assert page.status_code == 400 and "answer" in page.context["form"].errors
    assert stored(cast, asked).answered_at is None


def test_nobody_answers_about_herself(cast, browse, asked):
    with tenancy.system(cast.harbor):
        LookQuestion.objects.update(looker=cast.alma)
    alma = browse("alma")
    assert "The question is about you" in alma.get(one(asked)).content.decode()
    assert alma.post(one(asked), {"answer": "It was right."}).status_code == 400
    assert stored(cast, asked).answered_at is None


@pytest.mark.parametrize("name", ["sarah", "fred", "aud", "nina"])
def test_only_who_oversees_answers(cast, browse, asked, name):
    browser = browse(name)
    for answer in (browser.get(PAGE), browser.get(one(asked)), browser.post(one(asked), {})):
        assert answer.status_code == 403 and b"plantedquestion" not in answer.content
    assert stored(cast, asked).answered_at is None


def test_another_clinics_question_does_not_exist(cast, browse, asked):
    rita = browse("rita")
    assert rita.get(one(asked)).status_code == 404
    assert rita.post(one(asked), {"answer": "x"}).status_code == 404
    assert b"plantedquestion" not in rita.get(PAGE).content
    assert stored(cast, asked).answered_at is None


def test_the_first_page_says_that_somebody_asks(cast, browse, asked):
    titles = [alert["title"] for alert in browse("alma").get("/admin/").context["alerts"]]
    assert "1 patient asks who looked" in titles
    others = [alert["title"] for alert in browse("sarah").get("/admin/").context["alerts"]]
    assert "1 patient asks who looked" not in others
