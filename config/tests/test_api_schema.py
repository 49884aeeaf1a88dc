"""Every operation, called with what its schema allows and with what it forbids, answers as the
schema says. The calls are the same in every run."""

import copy

import pytest
import schemathesis
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from clinic.models import RoleAssignment
from clinic.security import tenancy
from config.api import docs
from config.wsgi import application
from scheduling.tests.hours import at, open_hours, visit

EXAMPLES = 2  # of each operation, person and mode
CHECKED = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "negative_data_rejection",
)  # fmt: skip
FACTS = {
    "allergies": {"allergen": "Penicillin"},
    "medications": {"generic_name": "Metformin"},
    "conditions": {"display": "Diabetes"},
    "immunizations": {"vaccine": "Influenza"},
    "readings": {"reading_type": "pain", "value": 3, "taken_at": "2026-01-01T10:00:00Z"},
}


@pytest.fixture
def known(cast, api, settings, tmp_path) -> dict[str, str]:
    """The id of one thing of each kind, by the address of its list."""
    settings.DOCUMENT_STORAGE_URL = tmp_path.as_uri()
    sarah, john = api("sarah"), str(cast.mr_doe.pk)
    kind = open_hours(cast)
    found = {
        "/patients/": john,
        "/appointments/": str(visit(cast, kind, cast.mr_doe, at(10)).pk),
        "/appointment-types/": str(kind.pk),
        "/specialists/": str(cast.specialists["sarah"].pk),
        "/facilities/": str(cast.harbor.pk),
        "/users/": str(cast.nina.pk),
    }
    for kind, body in FACTS.items():
        made = sarah.post(f"patients/{john}/{kind}/", body)
        found[f"/patients/{{patient_id}}/{kind}/"] = made.json()["id"]
    for path, body in {
        "/medical-records/": {"patient": john, "primary_diagnosis": "Sinusitis"},
        "/conversations/": {"patient": john},
    }.items():
        found[path] = sarah.post(path.lstrip("/"), body).json()["id"]
    form = {"file": SimpleUploadedFile("a.txt", b"A letter."), "patient": john}
    found["/documents/"] = sarah.upload("documents/", form).json()["id"]
    return found


@pytest.fixture
def program():
    """The program as a server calls it, on the test's connection."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield application
    for signal in signals:
        signal.connect(close_old_connections)


def parameters_of(path: str, known: dict[str, str]) -> dict[str, str]:
    """Ids of things that are there, for the path's parameters."""
    beginning = path.removeprefix("/api/v1").partition("{id}")[0]
    found = {"id": known.get(beginning)}
    found |= {"patient_id": known["/patients/"], "conversation_id": known["/conversations/"]}
    return {name: value for name, value in found.items() if value and f"{{{name}}}" in path}


def at_home() -> dict:
    """The schema without `X-Facility`: everybody acts in her own."""
    schema = copy.deepcopy(docs.made("en"))
    for methods in schema["paths"].values():
        for operation in methods.values():
            given = operation.get("parameters", [])
            operation["parameters"] = [p for p in given if p["name"] != "X-Facility"]
    return schema


def call(cast, name: str, case) -> None:
    """Call the operation as the person and compare the answer."""
    answer = case.call(headers={"Authorization": f"Bearer {cast.token(name)}"})
    case.validate_response(answer, checks=[CHECKS.get_one(check) for check in CHECKED])


@pytest.mark.parametrize("name", ["alma", "sarah"])
def test_answers_are_as_the_schema_says(cast, known, program, name):
    load_all_checks()
    schema = schemathesis.openapi.from_dict(at_home())
    schema.app = program
    for found in schema.get_all_operations():
        operation = found.ok()
        ids = parameters_of(operation.path, known)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            run(cast, name, operation, mode, EXAMPLES, ids)
        if ids:
            run(cast, name, operation, GenerationMode.NEGATIVE, 1, {})
        cache.clear()
    with tenancy.system(cast.harbor):
        assert RoleAssignment.objects.filter(user=cast.people[name], is_active=True).count() == 1


def run(cast, name: str, operation, mode: GenerationMode, most: int, ids: dict[str, str]) -> None:
    """Call the operation `most` times; with `ids` in its path, or with made-up ones."""
    fixed = {"path_parameters": ids} if ids else {}

    @seed(1)
    @settings(
        max_examples=most, phases=[Phase.generate], derandomize=True, database=None,
        deadline=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode, **fixed))
    def each(case):
        call(cast, name, case)

    try:
        each()
    except Unsatisfiable:
        assert mode == GenerationMode.NEGATIVE, "what the schema allows can be made"
