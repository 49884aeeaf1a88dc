"""The trail explored: filtered, in words, and itself on the trail."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clinic import accounts
from clinic.models import LogEntry
from clinic.security import tenancy, trail
from patients import registration

TRAIL = "/admin/trail/"


@pytest.fixture
def busy(cast):
    """Sarah opened John's chart, Fred found two patients and corrected Jane, Nina was refused."""
    with cast.acting("sarah"):
        trail.read("patients.patient", [(cast.mr_doe.pk, cast.mr_doe.pk)], how="chart")
    with cast.acting("fred"):
        both = [(p.pk, p.pk) for p in (cast.mr_doe, cast.mrs_doe)]
        trail.read("patients.patient", both, how="search")
        registration.correct(patient=cast.mrs_doe, by=cast.fred, phone="plantedphone")
    with cast.acting("nina"):
        trail.note("refusal", flags=["refused"], details={"status": 403})
    return cast


def shown(browser, **query) -> list:
    return list(browser.get(TRAIL, query).context["entries"])


def test_entries_stand_in_words(browse, busy):
    lines = shown(browse("alma"), who="sarah@harbor")
    assert [(line.what, line.who, line.role) for line in lines] == [
        ("Opened the chart", "Sarah Test", "Physician")
    ]
    assert lines[0].patient == f"John Doe, {busy.mr_doe.mrn}"


def test_one_search_is_one_line_and_leads_to_all_its_patients(browse, busy):
    with tenancy.system(busy.harbor):
        LogEntry.entries.filter(actor=busy.fred)
    lines = [line for line in shown(browse("alma"), who="fred@") if "search" in line.what]
    assert [line.patient for line in lines] == ["2 patients"]


@pytest.mark.parametrize(
    ("query", "whats"),
    [
        ({"action": "refused"}, {"Was refused access"}),
        ({"who": "fred@", "action": "1"}, {"Changed: patient"}),
        ({"who": "sarah@", "resource": "patients.patient"}, {"Opened the chart"}),
        ({"flag": "refused"}, {"Was refused access"}),
        ({"who": "nobody@"}, set()),
        ({"patient": "ZZ000000"}, set()),
    ],
)
def test_the_filters(browse, busy, query, whats):
    assert {line.what for line in shown(browse("alma"), **query)} == whats


def test_a_patient_is_named_by_number_or_id(browse, busy):
    by_number = shown(browse("alma"), patient=busy.mr_doe.mrn.lower(), action="3")
    by_id = shown(browse("alma"), patient=str(busy.mr_doe.pk), action="3")
    assert {line.who for line in by_number} == {"Sarah Test", "Fred Test"}
    assert [line.what for line in by_id] == [line.what for line in by_number]


def test_an_auditor_reads_the_trail_without_names_of_patients(browse, busy):
    page = browse("aud").get(TRAIL)
    body = page.content.decode()
    assert "Opened the chart" in body
    assert "John Doe" not in body and busy.mr_doe.mrn not in body and "plantedphone" not in body
    assert f"Patient …{str(busy.mr_doe.pk)[-6:]}" in body


def test_a_change_names_its_details_and_never_their_values(browse, busy):
    line = next(line for line in shown(browse("alma"), who="fred@", action="1"))
    assert "phone" in line.why and "plantedphone" not in line.why


def test_days_are_those_of_the_clinic_and_both_are_included(browse, busy):
    browser, today = browse("alma"), timezone.now().astimezone(busy.harbor.zone).date()
    assert shown(browser, **{"from": today, "to": today, "who": "sarah@"})
    yesterday = today - timedelta(days=1)
    assert not shown(browser, **{"from": yesterday, "to": yesterday, "who": "sarah@"})


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-01", "to": "2026-01-01"}, {"from": "2026-01-01", "to": "2026-12-01"},
        {"from": "x"}, {"action": "99"}, {"page": "x"}, {"page": "-3"}, {"patient": "a" * 60},
        {"from": "2090-01-01"}, {"to": "0001-01-01"}, {"resource": "auth.user"},
    ],
)  # fmt: skip
def test_nonsense_is_told_or_passed_over_never_a_fault(browse, busy, query):
    assert browse("alma").get(TRAIL, query).status_code == 200


def test_a_failed_sign_in_names_the_account_and_nobody_as_who(browse, busy):
    accounts.note_failed_sign_in(sender=__name__, credentials={"email": busy.nina.email})
    (line,) = shown(browse("alma"), flag="login_failed")
    assert line.what == "Could not sign in as Nina Test" and line.tone == "danger"
    assert (line.who, line.role) == ("Somebody who was not signed in", "")
    assert not shown(browse("rita"), flag="login_failed")


def test_reading_the_trail_is_on_the_trail(browse, busy):
    browse("aud").get(TRAIL)
    with tenancy.system(busy.harbor):
        assert LogEntry.entries.filter(actor=busy.aud, resource="clinic.logentry").exists()


def test_another_clinics_trail_is_not_shown(browse, busy):
    assert not [line for line in shown(browse("rita")) if "Sarah" in line.who]


def test_the_front_page_of_an_auditor_is_the_trail(browse, busy):
    assert browse("aud").get(reverse("admin:index"))["Location"] == TRAIL
