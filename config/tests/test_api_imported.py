"""An imported chart, with all that real data brings, is answered as the schema says."""

import json

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from clinic.security import tenancy
from config.api import docs
from records.fhir.importing import import_bundle
from records.tests.bundles import DEMO


@pytest.fixture
def patients(cast) -> list[str]:
    """The patients of two bundles."""
    found = []
    with tenancy.system(cast.harbor):
        for path in DEMO[:2]:
            outcome = import_bundle(data=path.read_bytes(), facility=cast.harbor, by=None)
            found += [str(patient.pk) for patient in outcome.patients]
    return found


def check(path: str, answer) -> None:
    """Fail where the answer is not what the schema says of GET on `path`."""
    assert answer.status_code == 200, answer.content
    schema = docs.made("en")
    stated = schema["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]["content"]
    wanted = stated["application/json"]["schema"] | {"components": schema["components"]}
    validator = Draft202012Validator(wanted, format_checker=FormatChecker())
    wrong = [
        f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(answer.json())
    ]
    assert wrong == [], (path, wrong[:5])


def test_every_part_of_an_imported_chart(api, patients):
    sarah = api("sarah")
    check("patients/", sarah.get("patients/"))
    for patient in patients:
        check("patients/{id}/", sarah.get(f"patients/{patient}/"))
        chart = sarah.get(f"patients/{patient}/chart/")
        check("patients/{patient_id}/chart/", chart)
        assert 0 < len(chart.json()["readings"]) <= 200
        for kind in ("allergies", "medications", "conditions", "readings", "immunizations"):
            path = f"patients/{{patient_id}}/{kind}/"
            count, answer = 0, sarah.get(path.format(patient_id=patient), limit=200)
            while answer:
                check(path, answer)
                count += len(answer.json()["results"])
                following = answer.json()["next"]
                answer = sarah.get(following) if following else None
            assert count >= len(chart.json()[kind])


def test_an_imported_patient_is_found_and_her_chart_says_who_she_is(api, patients):
    sarah = api("sarah")
    for patient in patients:
        body = sarah.get(f"patients/{patient}/").json()
        found = sarah.get("patients/", q=f"{body['first_name']} {body['last_name']}").json()
        assert patient in {p["id"] for p in found["results"]}
        assert json.dumps(body["address"]) != "{}"
