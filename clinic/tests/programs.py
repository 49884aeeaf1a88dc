"""Programs of the tests: clients of the API that carry somebody's token."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from clinic.tests.people import Cast

ROOT = "/api/v1/"


@dataclass
class Program:
    """A program that acts for a person. Paths are relative to the API's root."""

    token: str
    facility: str = ""

    def __post_init__(self):
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **query):
        return self.client.get(self._at(path), query, headers=self._headers({}))

    def post(self, path: str, body: Any = None, **headers):
        return self._send("post", path, body, headers)

    def patch(self, path: str, body: Any, **headers):
        return self._send("patch", path, body, headers)

    def delete(self, path: str, **headers):
        return self.client.delete(self._at(path), headers=self._headers(headers))

    def upload(self, path: str, form: dict[str, Any], **headers):
        return self.client.post(self._at(path), form, headers=self._headers(headers))

    def raw(self, method: str, path: str, body: bytes, content_type: str = "application/json"):
        return self.client.generic(
            method, self._at(path), body, content_type=content_type, headers=self._headers({})
        )

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]):
        return getattr(self.client, method)(
            self._at(path),
            {} if body is None else body,
            content_type="application/json",
            headers=self._headers(headers),
        )

    def _at(self, path: str) -> str:
        return path if path.startswith(("/", "http")) else ROOT + path

    def _headers(self, given: dict[str, str]) -> dict[str, str]:
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.facility:
            own["X-Facility"] = self.facility
        return own | {name.replace("_", "-"): value for name, value in given.items()}


@pytest.fixture
def api(cast: Cast):
    """`api("sarah")` is a program that acts for Sarah; `api()` one without a token."""

    def program(name: str = "", facility: str = "") -> Program:
        return Program(cast.token(name) if name else "", facility)

    return program


def wrong_fields(answer) -> set[str]:
    """The fields that a refusal names; fails where the answer is no problem of status 400."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return set(answer.json()["errors"])
