"""The chart on one page: what stands there, for whom, and how reading it is noted."""

import pytest
from django.urls import reverse

from chat import indexing
from clinic.models import LogEntry
from clinic.security import tenancy
from config.tests.scene import CLINICAL
from patients.models import Allergy, Condition


def chart(patient) -> str:
    return reverse("admin:chart", args=[patient.pk])


def looks(scene, name: str):
    with tenancy.system(scene.harbor):
        rows = LogEntry.entries.reads().filter(actor=scene.people[name], surface="admin")
        return list(rows)


def test_the_whole_chart_stands_on_one_page(scene, browse):
    page = browse("sarah").get(chart(scene.mr_doe))
    body = page.content.decode()
    missing = [word for word in CLINICAL if word not in body]
    assert missing == ["plantedreason"], "why a patient comes stands on the visit"
    assert "Severe allergy: plantedallergen" in body
    context = page.context
    assert [(v.name, v.value, v.unit) for v in context["vitals"]] == [("Weight", "76", "kg")]
    assert context["vitals"][0].badge == "Up 1\N{NO-BREAK SPACE}kg"
    assert len(context["charts"][0].chart.series[0].points) == 3
    result = context["results"][0]
    assert (result.name, str(result.value), result.word) == ("plantedlab", "5.60", "High")
    assert {visit.kind for visit in context["visits"]} == {"Check-up", "plantedencounter"}
    assert context["timeline"]


def test_what_is_not_sure_says_so_and_a_high_risk_is_critical(scene, browse):
    rows = {"facility": scene.harbor, "patient": scene.mr_doe}
    sarah = browse("sarah")
    write = reverse("admin:write_record", args=[scene.mr_doe.pk])
    words = ("Unconfirmed", "Differential", "High risk", "High-risk allergy: Latex")
    before = sarah.get(chart(scene.mr_doe)).content.decode()
    assert not [word for word in words if word in before]
    with tenancy.system(scene.harbor):
        Allergy.objects.create(
            **rows, allergen="Latex", severity="mild", criticality="high",
            verification_status="unconfirmed",
        )  # fmt: skip
        Allergy.objects.create(
            **rows, allergen="Soy", severity="mild", criticality="low",
            verification_status="confirmed",
        )  # fmt: skip
        Condition.objects.create(**rows, display="Lupus", verification_status="differential")
    page = sarah.get(chart(scene.mr_doe))
    assert {one.allergen for one in page.context["critical"]} == {"Latex", "plantedallergen"}
    body = page.content.decode()
    assert not [word for word in words if word not in body]
    assert body.count("Unconfirmed") == 2, "in the alert and in the list"
    assert "Mild" in body and "Low risk" not in body and "Confirmed" not in body
    beside = sarah.get(write).content.decode()
    assert not [word for word in words[:3] if word not in beside]


def test_reading_a_chart_is_one_look(scene, browse):
    browse("sarah").get(chart(scene.mr_doe))
    entry, *others = looks(scene, "sarah")
    assert not others and entry.additional_data == {"how": "chart"}
    assert (entry.resource, entry.patient_id) == ("patients.patient", scene.mr_doe.pk)


def test_the_desk_sees_who_it_is_and_when_she_comes(scene, browse):
    page = browse("fred").get(chart(scene.mr_doe))
    body = page.content.decode()
    assert "John Doe" in body and "Check-up" in body
    assert not [word for word in CLINICAL if word in body]
    assert "Ask about this chart" not in body and "allerg" not in body.lower()
    assert "conditions" not in page.context and "records" not in page.context


def test_an_answer_stands_on_the_chart_and_leads_to_its_passage(scene, browse):
    with tenancy.system(scene.harbor):
        indexing.index(scene.letter.pk)
    browser = browse("sarah")
    ask = reverse("admin:chart_ask", args=[scene.mr_doe.pk])
    page = browser.post(ask, {"question": "When should I come back for the knee?"}, follow=True)
    answer = page.context["answer"]
    assert page.context["question"] == "When should I come back for the knee?"
    assert not answer.abstained and "March 2027" in " ".join(c.text for c in answer.claims)
    assert all(claim.numbers for claim in answer.claims)
    marked = browser.get(answer.sources[0].href).content.decode()
    assert "March 2027" in marked.partition('<mark class="cr-mark">')[2].partition("</mark>")[0]


def test_where_nothing_is_written_no_answer_is_made_up(scene, browse):
    with tenancy.system(scene.harbor):
        indexing.index(scene.letter.pk)
    ask = reverse("admin:chart_ask", args=[scene.mr_doe.pk])
    page = browse("sarah").post(ask, {"question": "Which vaccine was given in 1998?"}, follow=True)
    assert page.context["answer"].abstained
    assert "Nothing in the documents answers this." in page.content.decode()


@pytest.mark.parametrize("question", ["", "   ", "x" * 4001])
def test_a_question_that_is_none(scene, browse, question):
    ask = reverse("admin:chart_ask", args=[scene.mr_doe.pk])
    page = browse("sarah").post(ask, {"question": question})
    assert page.status_code == 400 and "question" in page.context["ask_form"].errors


def test_anothers_answer_is_not_shown(scene, browse):
    with tenancy.system(scene.harbor):
        indexing.index(scene.letter.pk)
    ask = reverse("admin:chart_ask", args=[scene.mr_doe.pk])
    answer = browse("sarah").post(ask, {"question": "When should I come back?"})["Location"]
    page = browse("nina").get(answer)
    assert page.status_code == 200 and "answer" not in page.context


def test_who_may_not_ask_is_refused(scene, browse):
    ask = reverse("admin:chart_ask", args=[scene.mr_doe.pk])
    assert browse("fred").post(ask, {"question": "knee?"}).status_code == 403


def test_the_first_page_shows_the_day_and_what_waits(scene, browse):
    page = browse("sarah").get("/admin/")
    assert [visit.patient_id for visit in page.context["visits"]] == [scene.mr_doe.pk]
    assert "10:00–10:30" in page.content.decode()
    assert page.context["documents"] == [] and page.context["alerts"] == []
    with tenancy.system(scene.harbor):
        type(scene.letter).objects.update(processing_status="error", error_reason="empty")
        type(scene.visit).objects.update(status="Pending")
    page = browse("sarah").get("/admin/")
    titles = [alert["title"] for alert in page.context["alerts"]]
    assert titles == ["1 document could not be read", "1 visit of today is not confirmed"]
    desk = browse("fred").get("/admin/")
    assert [alert["title"] for alert in desk.context["alerts"]] == titles[1:]
