"""Who sees this patient, in the staff's site: shown, and changed by who may."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic.models import Facility, LogEntry
from clinic.security import tenancy
from clinic.security.permissions import Category
from patients import access, care_team, consent, family, referrals
from patients.models import AccessGrant
from patients.tests import opened

REASON = "plantedreason of the team"


def today(cast) -> date:
    """By the clinic's clocks."""
    return timezone.localdate(timezone=cast.harbor.zone)


def page(patient) -> str:
    return reverse("admin:patient_access", args=[patient.pk])


def ending(name: str, patient, user) -> str:
    return reverse(f"admin:{name}", args=[patient.pk, user.pk])


@pytest.fixture
def circle(cast):
    """Omar in the care team, Nina by referral, Jane as a spouse who sees medicines and HIV."""
    with cast.acting("sarah"):
        care_team.join(patient=cast.mr_doe, user=cast.omar, reason=REASON, by=cast.sarah)
        referrals.refer(
            patient=cast.mr_doe, to=cast.nina, reason="Wound", by=cast.sarah,
            until=timezone.now() + timedelta(days=9),
        )  # fmt: skip
    with tenancy.system(cast.harbor):
        jane = family.stand(patient=cast.mr_doe, user=cast.jane, relationship="spouse")
    with cast.acting("john", portal=True):
        wanted = [Category.MEDICATIONS, Category.HIV]
        consent.give(member=jane, categories=wanted, by=cast.john)
    return cast


def shown(answer) -> dict[str, list[str]]:
    """Who stands in each group of the page."""
    groups = {g["id"]: [h["one"].name for h in g["holders"]] for g in answer.context["groups"]}
    return groups | {"family": [r["member"].name for r in answer.context["relatives"]]}


def grants_of(cast, user, source: str) -> set[str]:
    return set(opened.ends_of(cast, user, cast.mr_doe, source))


# Shown
def test_everybody_stands_there_with_what_is_open_and_why(circle, browse):
    answer = browse("sarah").get(page(circle.mr_doe))
    assert shown(answer) == {
        "team": ["Omar Test"], "referrals": ["Nina Test"], "invited": [], "emergency": [],
        "family": ["Jane Test"],
    }  # fmt: skip
    body = answer.content.decode()
    for word in (REASON, "by Sarah Test", "Specialist", "Wound", "Spouse or partner", "Medicines"):
        assert word in body, word
    assert "Medicines, HIV" not in body, (
        "to whom such content is open tells that there is such content"
    )
    assert "Medicines, HIV" in browse("alma").get(page(circle.mr_doe)).content.decode()


def test_the_desk_sees_relatives_and_nothing_of_care(circle, browse):
    answer = browse("fred").get(page(circle.mr_doe))
    assert shown(answer) == {"family": ["Jane Test"]}
    body = answer.content.decode()
    assert REASON not in body and "Omar Test" not in body and ", HIV" not in body
    assert reverse("admin:patient_join", args=[circle.mr_doe.pk]) not in body
    assert reverse("admin:patient_family", args=[circle.mr_doe.pk]) in body


def test_who_reaches_everybody_is_said_as_the_clinic_has_set_it(circle, browse):
    told = browse("alma").get(page(circle.mr_doe)).context["by_role"]
    assert len(told) == 2 and "Physician, nurse, pharmacist" in told[0] and "Front desk" in told[1]
    with tenancy.system(circle.harbor):
        Facility.objects.filter(pk=circle.harbor.pk).update(care_reach="care_team")
    told = browse("alma").get(page(circle.mr_doe)).context["by_role"]
    assert "hysician" not in told[0] and told[2].endswith("Physician, nurse.")


def test_who_treats_by_a_grant_knows_who_else_does(circle, browse):
    assert shown(browse("omar").get(page(circle.mr_doe)))["referrals"] == ["Nina Test"]


@pytest.mark.parametrize(("name", "status"), [("omar", 404), ("lucia", 404), ("aud", 403)])
def test_out_of_reach_is_not_there(cast, browse, name, status):
    assert browse(name).get(page(cast.mr_doe)).status_code == status


def test_looking_is_on_the_trail(circle, browse):
    browse("nina").get(page(circle.mr_doe))
    with tenancy.system(circle.harbor):
        [entry] = LogEntry.entries.about(circle.mr_doe).reads().filter(actor=circle.nina)
    assert entry.resource == "patients.accessgrant"


def test_the_chart_leads_there(cast, browse):
    chart = reverse("admin:chart", args=[cast.mr_doe.pk])
    family_page = reverse("admin:patient_family", args=[cast.mr_doe.pk])
    for name, offered in (("sarah", False), ("fred", True), ("alma", True)):
        body = browse(name).get(chart).content.decode()
        assert page(cast.mr_doe) in body and (family_page in body) == offered, name


# The care team
def test_a_colleague_is_added_and_taken_off(cast, browse):
    sarah, join = browse("sarah"), reverse("admin:patient_join", args=[cast.mr_doe.pk])
    until = today(cast) + timedelta(days=20)
    said = {"user": cast.omar.pk, "categories": ["records"], "reason": REASON, "until": until}
    assert sarah.get(join).status_code == 200
    answer = sarah.post(join, said, follow=True)
    assert "Omar Test is in the care team." in answer.content.decode()
    assert grants_of(cast, cast.omar, "care_team") == {"view", "records"}
    with tenancy.system(cast.harbor):
        ends = AccessGrant.grants.filter(user=cast.omar).values_list("expires_at", flat=True)
        local = {end.astimezone(cast.harbor.zone) for end in ends}
    assert {(end.date(), end.hour, end.minute) for end in local} == {(until, 23, 59)}
    leave = ending("patient_leave", cast.mr_doe, cast.omar)
    assert "Omar Test" in sarah.get(leave).content.decode()
    assert grants_of(cast, cast.omar, "care_team"), "asking once more changes nothing"
    assert sarah.post(leave)["Location"] == page(cast.mr_doe)
    assert grants_of(cast, cast.omar, "care_team") == set()
    assert sarah.get(leave).status_code == sarah.post(leave).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"user": ""}, "user"), ({"user": "nobody"}, "user"), ({"categories": []}, "categories"),
        ({"categories": ["hiv"]}, "categories"), ({"categories": ["sharing"]}, "categories"),
        ({"until": "2020-01-01"}, None), ({"until": "soon"}, "until"),
        ({"reason": "x" * 301}, "reason"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_on_the_form_and_nothing_is_open(cast, browse, wrong, field):
    said = {"user": cast.omar.pk, "categories": ["records"], "reason": REASON} | wrong
    answer = browse("sarah").post(reverse("admin:patient_join", args=[cast.mr_doe.pk]), said)
    assert answer.status_code == 400
    assert (field in answer.context["form"].errors) if field else answer.context["form"].errors
    assert grants_of(cast, cast.omar, "care_team") == set()


def test_people_of_other_clinics_and_patients_are_not_to_be_chosen(cast, browse):
    join = reverse("admin:patient_join", args=[cast.mr_doe.pk])
    body = browse("sarah").get(join).content.decode()
    assert "Omar Test, Specialist" in body and "Lucia" not in body and "Jane Test" not in body
    for stranger in (cast.lucia, cast.jane):
        said = {"user": stranger.pk, "categories": ["records"]}
        assert browse("sarah").post(join, said).status_code == 400
        assert grants_of(cast, stranger, "care_team") == set()


@pytest.mark.parametrize(
    "place", ["patient_join", "patient_refer", "patient_confide", "patient_leave"]
)
def test_who_may_not_is_refused_and_nothing_changes(circle, browse, place):
    colleague = place == "patient_leave"
    keys = [circle.mr_doe.pk, circle.omar.pk] if colleague else [circle.mr_doe.pk]
    address, before = (
        reverse(f"admin:{place}", args=keys),
        grants_of(circle, circle.omar, "care_team"),
    )
    said = {"user": circle.phil.pk, "categories": ["records"], "reason": REASON,
            "until": today(circle) + timedelta(days=3)}  # fmt: skip
    for name, status in (("fred", 403), ("phil", 403), ("aud", 403), ("lucia", 404)):
        browser = browse(name)
        assert browser.get(address).status_code == status, name
        assert browser.post(address, said).status_code == status, name
    assert grants_of(circle, circle.omar, "care_team") == before
    assert not any(grants_of(circle, circle.phil, s) for s in ("care_team", "referral"))


def test_a_specialist_lets_nobody_in(circle, browse):
    omar = browse("omar")
    for address in (
        reverse("admin:patient_join", args=[circle.mr_doe.pk]),
        ending("patient_leave", circle.mr_doe, circle.omar),
    ):
        assert omar.get(address).status_code == omar.post(address).status_code == 403
    body = omar.get(page(circle.mr_doe)).content.decode()
    assert "Add to the care team" not in body and "Refer the patient" in body


# Referrals
def test_a_patient_is_referred_and_the_referral_ended(cast, browse):
    refer = reverse("admin:patient_refer", args=[cast.mr_doe.pk])
    day = today(cast) + timedelta(days=30)
    said = {"user": cast.omar.pk, "categories": ["records"], "reason": "Back", "until": day}
    sarah, omar = browse("sarah"), browse("omar")
    assert "Sarah Test" not in str(sarah.get(refer).context["form"]["user"])
    assert sarah.post(refer, said)["Location"] == page(cast.mr_doe)
    assert grants_of(cast, cast.omar, "referral") == {"view", "records"}
    address = ending("patient_referral", cast.mr_doe, cast.omar)
    assert omar.get(page(cast.mr_doe)).content.decode().count(address) == 1
    answer = omar.post(address)
    assert answer["Location"] == reverse("admin:relationships"), "she sees the patient no more"
    assert grants_of(cast, cast.omar, "referral") == set()
    assert omar.get(page(cast.mr_doe)).status_code == 404


@pytest.mark.parametrize(
    "days, wrong", [(30, {"until": ""}), (30, {"reason": ""}), (400, {}), (-1, {})]
)
def test_a_referral_has_a_reason_and_an_end_within_a_year(cast, browse, days, wrong):
    day = today(cast) + timedelta(days=days)
    said = {"user": cast.omar.pk, "categories": ["records"], "reason": "Back", "until": day}
    refer = reverse("admin:patient_refer", args=[cast.mr_doe.pk])
    assert browse("sarah").post(refer, said | wrong).status_code == 400
    assert grants_of(cast, cast.omar, "referral") == set()


# Confidential content
def test_an_administrator_opens_confidential_content_to_others(cast, browse):
    confide = reverse("admin:patient_confide", args=[cast.mr_doe.pk])
    said = {"user": cast.nina.pk, "categories": ["hiv"], "reason": "She treats him for this."}
    alma = browse("alma")
    assert "Alma Test" not in str(alma.get(confide).context["form"]["user"])
    assert alma.post(confide, said | {"user": cast.alma.pk}).status_code == 400
    assert alma.post(confide, said | {"reason": "HIV"}).status_code == 400
    assert (
        grants_of(cast, cast.nina, "care_team") == grants_of(cast, cast.alma, "care_team") == set()
    )
    assert alma.post(confide, said).status_code == 302
    assert grants_of(cast, cast.nina, "care_team") == {"view", "hiv"}
    nina = browse("nina").get(confide).context["form"]["categories"]
    assert [value for value, _label in nina.field.choices] == ["hiv"], "what she reads herself"
    assert browse("sarah").get(confide).status_code == 403


def test_confidential_content_is_opened_until_a_day(cast, browse):
    confide = reverse("admin:patient_confide", args=[cast.mr_doe.pk])
    said = {"user": cast.nina.pk, "categories": ["hiv"], "reason": "She treats him for this."}
    alma = browse("alma")
    past = alma.post(confide, said | {"until": today(cast) - timedelta(days=1)})
    assert past.status_code == 400 and past.context["form"].errors["until"]
    assert grants_of(cast, cast.nina, "care_team") == set()
    assert alma.post(confide, said | {"until": today(cast) + timedelta(days=7)}).status_code == 302
    with tenancy.system(cast.harbor):
        rows = AccessGrant.grants.filter(user=cast.nina, source="care_team")
        ends = {timezone.localdate(grant.expires_at, cast.harbor.zone) for grant in rows}
    assert ends == {today(cast) + timedelta(days=7)}


def test_where_physicians_see_whom_they_treat_the_page_works_for_them(cast, browse):
    with tenancy.system(cast.harbor):
        Facility.objects.filter(pk=cast.harbor.pk).update(care_reach="care_team")
        access.grant(
            patient=cast.mr_doe, user=cast.sarah, source=AccessGrant.Source.CARE_TEAM,
            categories=care_team.USUAL,
        )  # fmt: skip
    sarah, join = browse("sarah"), reverse("admin:patient_join", args=[cast.mr_doe.pk])
    assert sarah.get(page(cast.mrs_doe)).status_code == 404
    said = {"user": cast.nina.pk, "categories": ["records"], "reason": REASON}
    assert sarah.post(join, said).status_code == 302
    assert set(shown(sarah.get(page(cast.mr_doe)))["team"]) == {"Nina Test", "Sarah Test"}
    assert sarah.post(join, said | {"user": cast.sarah.pk}).status_code == 400
