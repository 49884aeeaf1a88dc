"""The schema is whole and true to itself; its page needs no script."""

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from clinic.security.permissions import Permission
from config import checks
from config.api import docs


@pytest.fixture(scope="module")
def schema() -> dict:
    docs.made.cache_clear()
    return docs.made("en")


def test_making_the_schema_warns_of_nothing(capsys):
    SchemaGenerator().get_schema(request=None, public=True)
    assert capsys.readouterr().err == ""


def test_every_operation_states_itself(schema):
    assert schema["openapi"] == "3.1.1"
    names = []
    for path, methods in schema["paths"].items():
        assert path.startswith("/api/v1/")
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["summary"] and operation["tags"], (path, method)
            good = [s for s in operation["responses"] if s.startswith("2")]
            assert len(good) == 1, (path, method)
            assert {"400", "429"} <= set(operation["responses"])
            public = path == "/api/v1/auth/token/"
            assert bool(operation.get("security")) is not public, (path, method)
            for parameter in operation.get("parameters", []):
                assert parameter["schema"] and parameter["description"], (path, parameter["name"])
    assert len(names) == len(set(names))


def test_every_body_has_an_example_that_fits_it(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            assert bool(content) is (method in {"post", "patch"}), (path, method)
            if media := content.get("application/json"):
                name = media["schema"]["$ref"].rpartition("/")[2]
                stated = schema["components"]["schemas"][name] | {
                    "components": schema["components"]
                }
                assert media.get("example") or not stated.get("properties"), (path, method)
                Draft202012Validator(stated).validate(media.get("example", {}))


def test_the_schema_is_served_to_programs(client, db):
    answer = client.get("/api/schema/")
    assert answer.status_code == 200 and answer["Content-Type"] == "application/json"
    assert answer.json()["info"]["title"] == "Chartroom"
    assert client.post("/api/schema/").status_code == 405


def test_the_page_shows_every_operation_without_a_foreign_part(client, db, schema, settings):
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    answer = client.get("/api/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    for path in schema["paths"]:
        assert f"<code>{path.replace('/', '/<wbr>')}</code>" in page
    assert "//cdn" not in page and "<style" not in page and "style=" not in page
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_a_view_that_states_no_permission_is_refused_at_start(monkeypatch):
    from patients.api.patients import Patients

    assert checks.every_api_view_states_its_permissions(None) == []
    monkeypatch.setattr(Patients, "required", {"list": Permission.PATIENT_VIEW, "create": True})
    found = [error.msg for error in checks.every_api_view_states_its_permissions(None)]
    assert len(found) == 2 and all("create" in m or "retrieve" in m for m in found)
