"""Emergency access on the staff's pages: the ceremony, the summary, its end, the review."""

import pytest
from django.urls import reverse

from clinic.models import LogEntry, SpentCode
from clinic.security import tenancy
from clinic.security.permissions import Category
from clinic.tests.people import nobody_id
from compliance.models import EmergencyAccess
from compliance.tests.emergencies import (
    BORN,
    CRITICAL,
    NOT_CRITICAL,
    REASON,
    break_glass,
    code,
    end_the_hour,
    proof_of,
)
from patients import access
from patients.models import Allergy

OPEN, QUEUE = "/admin/emergency/", "/admin/emergencies/"
EMPTY = (
    "No allergies on record", "No medicines on record", "No problems on record", "No results yet",
    "Nothing has happened yet", "No documents yet", "No visits yet",
)  # fmt: skip


def typed(cast, **given) -> dict:
    """What is typed into the form, with a code that was not used yet."""
    SpentCode.objects.all().delete()
    form = {"mrn": cast.maria.mrn, "category": "acute", "reason": REASON, "otp": code()}
    return form | given


def opened(cast, name: str = "omar") -> EmergencyAccess:
    with cast.acting(name):
        return break_glass(cast, name)


def address(row: EmergencyAccess, page: str = "emergency_summary") -> str:
    return reverse(f"admin:{page}", args=[row.pk])


def stored(cast) -> list[EmergencyAccess]:
    with tenancy.system(cast.harbor):
        return list(EmergencyAccess.objects.all())


def words_in(page) -> list[str]:
    body = page.content.decode()
    return [word for word in (*CRITICAL, *NOT_CRITICAL) if word in body]


def test_the_ceremony_leads_to_the_summary(emergency, browse):
    omar = browse("omar")
    assert omar.get(reverse("admin:chart", args=[emergency.maria.pk])).status_code == 404
    page = omar.post(OPEN, typed(emergency), follow=True)
    assert page.status_code == 200 and words_in(page) == list(CRITICAL)
    body = page.content.decode()
    assert "Severe allergy: plantedpenicillin" in body and "O−" in body
    assert 'href="tel:+12125550177"' in body and 'data-seconds="3' in body
    assert page["Refresh"] and "no-store" in page["Cache-Control"]
    assert "Plantedsouza" not in body.partition("</title>")[0]


def test_by_name_and_date_of_birth(emergency, browse):
    form = typed(emergency, mrn="", name="Maria Plantedsouza", born=BORN.isoformat())
    assert browse("omar").post(OPEN, form).status_code == 302
    assert [row.patient_id for row in stored(emergency)] == [emergency.maria.pk]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mrn": ""}, "mrn"),
        ({"mrn": "", "name": "Maria Plantedsouza"}, "mrn"),
        ({"reason": ""}, "reason"),
        ({"reason": "it is urgent"}, "reason"),
        ({"reason": "!" * 30}, "reason"),
        ({"category": ""}, "category"),
        ({"otp": "000000"}, "otp"),
        ({"otp": ""}, "otp"),
        ({"lacking": "sharing"}, "lacking"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(emergency, browse, given, field):
    page = browse("omar").post(OPEN, typed(emergency, **given))
    assert page.status_code == 400 and list(page.context["form"].errors) == [field]
    assert not stored(emergency) and not words_in(page)


def test_nobody_and_another_clinics_patient_read_alike(emergency, browse):
    omar, answers = browse("omar"), set()
    for given in (
        {"mrn": "NO-SUCH"},
        {"mrn": str(emergency.dona_ana.pk)},
        {"mrn": "", "name": "Ana Souza", "born": "1975-02-02"},
        {"mrn": "", "name": "Maria Plantedsouza", "born": "1990-05-18"},
    ):
        page = omar.post(OPEN, typed(emergency, **given))
        answers.add((page.status_code, tuple(page.context["form"].non_field_errors())))
    assert len(answers) == 1 and not stored(emergency)


@pytest.mark.parametrize("name", ["fred", "aud", "alma", "phil"])
def test_who_may_not_break_the_glass_finds_no_way(emergency, browse, name):
    browser = browse(name)
    assert browser.get(OPEN).status_code == 403
    assert browser.post(OPEN, typed(emergency)).status_code == 403
    assert not stored(emergency)
    home = browser.get("/admin/", follow=True).content.decode()
    assert f'href="{OPEN}"' not in home


def test_the_way_stands_beside_every_page_and_where_nobody_was_found(emergency, browse):
    page = browse("omar").get(reverse("admin:find_patient"), {"q": "plantedsouza"})
    assert page.context["results"] == []
    assert page.content.decode().count(f'href="{OPEN}"') >= 2


def test_the_chart_gives_way_to_the_summary(emergency, browse):
    row = opened(emergency)
    chart = reverse("admin:chart", args=[emergency.maria.pk])
    answer = browse("omar").get(chart)
    assert answer.status_code == 302 and answer["Location"] == address(row)


def test_more_is_opened_on_the_chart_and_closed_parts_are_said_to_be_closed(emergency, browse):
    row, omar = opened(emergency), browse("omar")
    form = typed(emergency, categories=["records"])
    page = omar.post(address(row, "emergency_more"), form, follow=True)
    assert page.redirect_chain[-1][0] == reverse("admin:chart", args=[emergency.maria.pk])
    body = page.content.decode()
    assert "plantedmeasles" in body and "plantedpollen" not in body
    assert page.context["closed"] == ["Medicines", "Documents", "Visits"]
    assert body.count("Not open to you") >= 3 and "Allergies are not open to you" in body
    assert [text for text in EMPTY if text in body] == ["No results yet"]
    assert 'id="glass"' in body and address(row) in body


def test_a_grant_in_part_says_what_is_closed(emergency, browse):
    """Without any emergency: a specialist with medicines only is told of no problems nothing."""
    with tenancy.system(emergency.harbor):
        access.grant(
            patient=emergency.maria, user=emergency.omar, source="care_team",
            categories=[Category.VIEW, Category.MEDICATIONS],
        )  # fmt: skip
        Allergy.objects.filter(patient=emergency.maria).delete()
    omar = browse("omar")
    for path in ("chart", "write_record"):
        body = omar.get(reverse(f"admin:{path}", args=[emergency.maria.pk])).content.decode()
        shown = [text for text in EMPTY if text in body]
        assert shown == ["No allergies on record"], path
        assert "Not open to you" in body and "plantedepilepsy" not in body


def test_who_sees_the_cover_only_is_told_so(emergency, browse):
    with tenancy.system(emergency.harbor):
        access.grant(
            patient=emergency.maria, user=emergency.omar, source="care_team",
            categories=[Category.VIEW],
        )  # fmt: skip
    chart = reverse("admin:chart", args=[emergency.maria.pk])
    page = browse("omar").get(chart)
    assert page.context["closed"] == ["Medicines", "Records", "Documents", "Visits"]
    body = page.content.decode()
    assert "You see a part of this record" in body and not [t for t in EMPTY if t in body]
    desk = browse("fred").get(chart)
    assert desk.context["closed"] == [] and "You see a part" not in desk.content.decode()


def test_an_expired_access_ends_in_the_middle(emergency, browse):
    row, omar = opened(emergency), browse("omar")
    state = f"{OPEN}state/?patient={emergency.maria.pk}"
    assert omar.get(address(row)).status_code == 200
    assert omar.get(state).status_code == 204
    end_the_hour(emergency, row)
    answers = [omar.get(state), omar.get(address(row)), omar.get(address(row, "emergency_more")),
               omar.post(address(row, "emergency_more"), typed(emergency, categories=["hiv"])),
               omar.get(reverse("admin:chart", args=[emergency.maria.pk]))]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 410, 410, 410, 404]
    for answer in answers:
        assert not words_in(answer) and "Plantedsouza" not in answer.content.decode()
    assert "The access has ended" in answers[0].content.decode()
    assert stored(emergency)[0].scope == ["view", "summary"]


def test_what_the_poll_answers_tells_nothing_of_who_exists(emergency, browse):
    omar = browse("omar")
    asked = [emergency.maria.pk, emergency.dona_ana.pk, nobody_id(), "nonsense", ""]
    answers = {omar.get(f"{OPEN}state/?patient={pk}").content for pk in asked}
    assert len(answers) == 1
    assert browse("fred").get(f"{OPEN}state/").status_code == 403


def test_giving_back_closes_the_patient(emergency, browse):
    row, omar = opened(emergency), browse("omar")
    page = omar.post(address(row, "emergency_give_back"), follow=True)
    assert "The emergency access has ended." in page.content.decode()
    assert stored(emergency)[0].ended_at
    assert omar.get(address(row)).status_code == 410
    assert omar.get(reverse("admin:chart", args=[emergency.maria.pk])).status_code == 404
    assert omar.get(f"{OPEN}state/?patient={emergency.maria.pk}").status_code == 200


@pytest.mark.parametrize("name", ["nina", "sarah", "alma", "lucia", "fred"])
def test_anothers_access_is_no_page(emergency, browse, name):
    row, browser = opened(emergency), browse(name)
    for page in ("emergency_summary", "emergency_more"):
        assert browser.get(address(row, page)).status_code in {403, 404}
    assert browser.post(address(row, "emergency_give_back")).status_code in {403, 404}
    assert browser.get(address(row, "emergency_give_back")).status_code in {403, 404, 405}
    assert stored(emergency)[0].ended_at is None


def test_reading_the_summary_is_one_marked_look(emergency, browse):
    row = opened(emergency)
    browse("omar").get(address(row))
    with tenancy.system(emergency.harbor):
        looks = LogEntry.entries.reads().filter(patient_id=emergency.maria.pk, surface="admin")
        (look,) = looks
    assert look.additional_data == {"how": "summary", "emergency": "unconscious"}
    assert (look.purpose, look.compliance_flags) == ("emergency", ["break_glass"])


# --- The review ----------------------------------------------------------------------------------


def test_the_queue_and_the_review(emergency, browse):
    row = opened(emergency)
    browse("omar").get(address(row))
    alma = browse("alma")
    home = alma.get("/admin/")
    titles = [alert["title"] for alert in home.context["alerts"]]
    assert titles[0] == "1 emergency access waits for a review"
    page = alma.get(QUEUE)
    assert [one.pk for one in page.context["emergencies"].object_list] == [row.pk]
    page = alma.get(address(row, "emergency_review"))
    body = page.content.decode()
    assert REASON in body and "Opened the emergency summary" in body
    assert not words_in(page), "a review needs no clinical content"
    with emergency.acting("alma"):
        read = LogEntry.entries.reads().filter(resource="compliance.emergencyaccess")
        assert {entry.purpose for entry in read} == {"operations"}
    page = alma.post(address(row, "emergency_review"), {"outcome": "questioned", "note": ""})
    assert page.status_code == 400 and "note" in page.context["form"].errors
    page = alma.post(
        address(row, "emergency_review"), {"outcome": "questioned", "note": "Phone."}, follow=True
    )
    assert page.context["emergencies"].paginator.count == 0
    done = alma.get(QUEUE, {"show": "reviewed"})
    assert "To be talked about" in done.content.decode()
    assert "Phone." in alma.get(address(row, "emergency_review")).content.decode()


def test_late_ones_stand_out(emergency, browse):
    row = opened(emergency)
    end_the_hour(emergency, row)
    with tenancy.system(emergency.harbor):
        EmergencyAccess.objects.update(review_due_at=row.opened_at)
    page = browse("alma").get(QUEUE).content.decode()
    assert "1 review is late" in page and "Late" in page


@pytest.mark.parametrize("name", ["omar", "sarah", "fred", "aud"])
def test_who_may_not_review_sees_no_queue(emergency, browse, name):
    row, browser = opened(emergency), browse(name)
    assert browser.get(QUEUE).status_code == 403
    review = address(row, "emergency_review")
    assert browser.get(review).status_code == 403
    assert browser.post(review, {"outcome": "justified"}).status_code == 403
    assert stored(emergency)[0].reviewed_at is None


def test_another_clinics_review_is_no_page(emergency, browse):
    row, rita = opened(emergency), browse("rita")
    review = address(row, "emergency_review")
    answers = [rita.get(review), rita.post(review, {"outcome": "justified"})]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert stored(emergency)[0].reviewed_at is None
    assert rita.get(QUEUE).context["emergencies"].paginator.count == 0


def test_nobody_is_offered_to_review_herself(emergency, browse):
    from clinic import staffing

    with tenancy.system(emergency.harbor):
        staffing.assign(user=emergency.omar, role="administrator", facility=emergency.harbor)
    with emergency.acting("omar"):
        row = break_glass(emergency, lacking=[Category.HIV], proof=proof_of(emergency.omar))
    page = browse("omar").get(address(row, "emergency_review"))
    assert "somebody else reviews it" in page.content.decode()
    answer = browse("omar").post(address(row, "emergency_review"), {"outcome": "justified"})
    assert answer.status_code == 403 and stored(emergency)[0].reviewed_at is None
