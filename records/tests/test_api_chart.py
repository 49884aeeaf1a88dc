"""A patient's chart in one answer."""

from django.utils import timezone

from clinic.models import LogEntry
from clinic.security import tenancy
from clinic.security.permissions import Category
from clinic.tests.people import nobody_id
from patients import access
from patients.models import AccessGrant
from records.models import Encounter
from scheduling.tests.hours import at, open_hours, visit

PARTS = {
    "demographics",
    "allergies",
    "medications",
    "conditions",
    "readings",
    "immunizations",
    "encounters",
    "records",
    "documents",
    "appointments",
    "blood_types",
}
EMPTY = {"documents", "blood_types"}  # fmt: skip


def fill(cast, api) -> None:
    """A fact of each kind, a record, a visit and a past encounter for John Doe."""
    sarah, patient = api("sarah"), f"patients/{cast.mr_doe.pk}"
    now = timezone.now().isoformat()
    for path, body in {
        f"{patient}/allergies/": {"allergen": "Penicillin"},
        f"{patient}/medications/": {"generic_name": "Metformin"},
        f"{patient}/conditions/": {"display": "Diabetes"},
        f"{patient}/immunizations/": {"vaccine": "Influenza", "given_at": now},
        f"{patient}/readings/": {"reading_type": "pain", "value": 3, "taken_at": now},
        "medical-records/": {"patient": str(cast.mr_doe.pk), "primary_diagnosis": "Sinusitis"},
    }.items():
        answer = sarah.post(path, body)
        assert answer.status_code == 201, answer.content
    visit(cast, open_hours(cast), cast.mr_doe, at(10))
    with tenancy.system(cast.harbor):
        Encounter.objects.create(
            facility=cast.harbor, patient=cast.mr_doe, display="Check-up", started_at=timezone.now()
        )


def test_everything_on_one_page(api, cast, django_assert_max_num_queries):
    fill(cast, api)
    sarah, path = api("sarah"), f"patients/{cast.mr_doe.pk}/chart/"
    with django_assert_max_num_queries(17):
        chart = sarah.get(path).json()
    assert chart.pop("partial") == []
    assert set(chart) == PARTS
    assert chart["demographics"]["last_name"] == "Doe"
    assert chart["demographics"]["allergies"] == ["Penicillin"]
    assert {name: len(rows) for name, rows in chart.items() if name != "demographics"} == {
        name: int(name not in EMPTY) for name in PARTS - {"demographics"}
    }
    with cast.acting("alma"):
        entry = LogEntry.entries.reads().filter(patient_id=cast.mr_doe.pk).latest("id")
        assert entry.additional_data["how"] == "chart" and entry.actor_id == cast.sarah.pk


def test_the_chart_is_for_who_reaches_it(api, cast):
    fill(cast, api)
    path = f"patients/{cast.mr_doe.pk}/chart/"
    for name, status in (
        ("john", 200), ("phil", 200), ("jane", 404), ("omar", 404), ("lucia", 404), ("ana", 404),
        ("fred", 403), ("aud", 403),
    ):  # fmt: skip
        answer = api(name).get(path)
        assert answer.status_code == status, name
        assert status == 200 or b"Penicillin" not in answer.content
    assert api("sarah").get(f"patients/{nobody_id()}/chart/").status_code == 404


def test_a_part_that_is_not_open_is_null(api, cast):
    fill(cast, api)
    with tenancy.system(cast.harbor):
        access.grant(
            patient=cast.mr_doe, user=cast.jane, source=AccessGrant.Source.FAMILY,
            categories=[Category.VIEW, Category.MEDICATIONS],
        )  # fmt: skip
    chart = api("jane").get(f"patients/{cast.mr_doe.pk}/chart/").json()
    assert chart.pop("partial") == []
    assert {name for name, part in chart.items() if part is None} == PARTS - {
        "demographics", "allergies", "medications"
    }  # fmt: skip
    assert chart["medications"][0]["generic_name"] == "Metformin"
