"""Pages ask the database a fixed number of questions, however much they show.

Savepoints are left out: under test a request's transaction is one, in the product it is not.
"""

from datetime import datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import LogEntry, RoleAssignment, Specialist
from clinic.security import tenancy
from clinic.tests.people import person
from config.tests.scene import more_patients
from patients import search
from patients.models import Condition, Reading
from records.models import Encounter
from scheduling.models import Appointment

CHART, DAY, FIND = 28, 10, 12  # the bell of notices and the count of messages among them


def asked(browser, address: str) -> list[str]:
    """The statements of a request that is not the browser's first."""
    browser.get(address)
    with CaptureQueriesContext(connection) as context:
        assert browser.get(address).status_code == 200
    found = [query["sql"] for query in context.captured_queries]
    return [sql for sql in found if "SAVEPOINT" not in sql]


def test_the_chart(scene, browse):
    browser, address = browse("sarah"), reverse("admin:chart", args=[scene.mr_doe.pk])
    few = len(asked(browser, address))
    rows = {"facility": scene.harbor, "patient": scene.mr_doe}
    start = datetime(2024, 1, 1, tzinfo=scene.harbor.zone)
    with tenancy.system(scene.harbor):
        for n in range(40):
            at = start + timedelta(days=n)
            Condition.objects.create(**rows, display=f"problem {n}")
            Reading.objects.create(**rows, reading_type="heart_rate", value=60 + n, taken_at=at)
            Encounter.objects.create(**rows, display=f"visit {n}", started_at=at)
    many = asked(browser, address)
    assert len(many) == few <= CHART, "\n".join(many)


WHO = {"day": lambda scene: "", "week": lambda scene: scene.specialists["sarah"].pk}


def test_a_day_of_thirty_visits(scene, browse):
    patients = more_patients(scene, 30, "Daily")
    today = datetime.now(scene.harbor.zone).date()
    with tenancy.system(scene.harbor):
        specialists = [scene.specialists["sarah"], scene.specialists["omar"]]
        user = person("vera", scene.harbor, RoleAssignment.objects.first().role)
        specialists.append(
            Specialist.objects.create(facility=scene.harbor, user=user, specialty="Knees")
        )
        for n, patient in enumerate(patients):
            start = datetime.combine(today, time(11 + n // 6, n % 6 // 3 * 30), scene.harbor.zone)
            Appointment.objects.create(
                facility=scene.harbor, patient=patient, specialist=specialists[n % 3],
                appointment_type=scene.kind, start_datetime=start,
                end_datetime=start + timedelta(minutes=30),
            )  # fmt: skip
    browser = browse("fred")
    for name, by in (("day", "specialist"), ("day", "room"), ("week", "specialist")):
        statements = asked(browser, f"{reverse(f'admin:{name}')}?by={by}&who={WHO[name](scene)}")
        assert len(statements) <= DAY, "\n".join(statements)
    assert browser.get(reverse("admin:day")).context["total"] == 31


def test_fifty_patients_found(scene, browse):
    more_patients(scene, 50, "Quillfeather")
    browser, address = browse("fred"), reverse("admin:find_patient") + "?q=quill"
    statements = asked(browser, address)
    page = browser.get(address)
    assert len(page.context["results"]) == 50
    assert len(statements) <= FIND, "\n".join(statements)
    names = [result["patient"].full_name for result in page.context["results"]]
    assert names == sorted(names)
    with tenancy.system(scene.harbor):
        seen = LogEntry.entries.reads().filter(actor=scene.fred, additional_data__how="search")
        assert seen.count() == 3 * 50


def test_too_many_to_sort_are_counted_and_not_shown(scene, browse, monkeypatch):
    monkeypatch.setattr(search, "MOST_SORTED", 20)
    more_patients(scene, 21, "Quillfeather")
    page = browse("fred").get(reverse("admin:find_patient") + "?q=quill")
    body = page.content.decode()
    assert page.context["results"] == [] and page.context["too_many"] == 21
    assert "21 patients match" in body and "Quillfeather" not in body


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("zo", "Type at least 3 letters"),
        ("zzzz", "Nobody found"),
        ("", "Who is it?"),
        ("%00", None),
        ("x" * 400, "Nobody found"),
        ("' OR 1=1 --", None),
        ("2026-99-99", "Nobody found"),
    ],
)
def test_the_finder_says_what_it_needs(scene, browse, query, told):
    page = browse("fred").get(reverse("admin:find_patient"), {"q": query})
    assert page.status_code == 200
    assert told is None or told in page.content.decode()


def test_the_trail(scene, browse):
    browser, address = browse("alma"), reverse("admin:trail")
    statements = asked(browser, address)
    assert len(statements) <= 20, "\n".join(statements)
