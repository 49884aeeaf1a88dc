"""The OpenAPI schema, made from what each resource states (`clinic.api.resource`)."""

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter

from clinic.api.fields import CLOCK
from clinic.api.serializing import Nothing
from config.api.errors import PROBLEM_JSON, TITLES
from config.api.pagination import WholeList

UUID = {"type": "string", "format": "uuid"}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "On 400: what is wrong, by field.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
# What limits an input says nothing of an answer: what was imported keeps its length.
LIMITS = ("maxLength", "minLength", "pattern", "maximum", "minimum", "maxItems", "minItems",
          "exclusiveMaximum", "exclusiveMinimum", "default")  # fmt: skip
FACILITY = OpenApiParameter(
    "X-Facility", {"type": "string", "pattern": r"^[-a-zA-Z0-9_]{1,50}$"}, OpenApiParameter.HEADER,
    description="The slug of the facility to act in, for people of several.",
)  # fmt: skip
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 200},
    OpenApiParameter.HEADER,
    description="The same key and body replay the first answer; another body answers 422.",
)  # fmt: skip
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER,
    description="The `ETag` that was read; an old one answers 412.",
)  # fmt: skip
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="The object's version."
)

# What parameters mean whose resource says nothing more of them.
PARAMETERS = {
    "id": "Which one, as lists and `Location` name it.",
    "patient_id": "Whose; a patient out of reach answers 404.",
    "conversation_id": "Of which of one's own conversations.",
    "patient": "Only what is of this patient.",
    "medication": "Only what is of this medicine.",
    "specialist": "Only of this specialist.",
    "appointment_type": "The kind of visit; it says how long a slot is.",
    "status": "Only what stands so.",
    "document_type": "Only documents of this kind.",
    "processing_status": "Only documents that the worker is so far with.",
    "reading_type": "Only measurements of this kind.",
    "is_active": "Only what holds (true), or holds no longer (false).",
    "actor": "Only what this person did.",
    "action": "Only entries of this kind.",
    "resource": "Only entries about this kind of object, like `patients.patient`.",
    "flag": "Only entries that carry this flag, like `refused`.",
    "from": "Not before this moment.",
    "to": "Before this moment.",
    "q": "What to look for, in one's own words.",
    "limit": "How many at most.",
}


class Schema(AutoSchema):
    """An operation as its resource states it: parameters, body, answers, problems."""

    @property
    def action(self) -> str:
        return getattr(self.view, "action", "")

    @property
    def is_public(self) -> bool:
        return getattr(self.view, "public", False)

    def get_operation(self, *args, **kwargs) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            for status in self._problems():
                operation["responses"].setdefault(str(status), self._problem(status))
            operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def get_summary(self) -> str:
        summary = self.get_description().replace("\n", " ").split(". ")[0].rstrip(".")
        is_named = self.action == "retrieve" and self.path.endswith("{id}/")
        return gettext("One of: %s") % summary if is_named else summary

    def get_operation_id(self) -> str:
        words = [token.replace("-", "_") for token in self._tokenize_path()]
        return "_".join(words if words[-1] == self.action else [*words, self.action])

    def get_serializer_name(self, serializer, direction) -> str:
        return super().get_serializer_name(serializer, direction).removesuffix("Body")

    def get_override_parameters(self) -> list:
        given: list = []
        if question := self.view.asked.get(self.action):
            given.append(question)
        if not self.is_public:
            given.append(FACILITY)
            given += [IDEMPOTENCY_KEY] if self.method == "POST" else []
        if self.action in self.view.matched:
            given.append(IF_MATCH)
        body = self.view.serializer_class
        if body and "version" in body().fields and self.action not in {"list", "destroy"}:
            given.append(ETAG)
        return given

    def get_request_serializer(self):
        return self.view.bodies.get(self.action) or self.view.serializer_class or Nothing

    def get_response_serializers(self):
        return self.view.answers.get(self.action) or self.view.serializer_class

    def _get_request_body(self, direction="request"):
        body = super()._get_request_body(direction)
        example = getattr(self.get_request_serializer(), "example", None)
        if body and example:
            for media in body["content"].values():
                media["example"] = example
        return body

    def _get_paginator(self):
        if self.action == "list" and self.view.pagination_class is None:
            return WholeList()
        return super()._get_paginator()

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "path", "required": True, "schema": UUID} for name in variables
        ]

    def _get_parameters(self):
        parameters = super()._get_parameters()
        for one in parameters:
            one.setdefault("description", PARAMETERS.get(one["name"], ""))
        return parameters

    def _map_basic_serializer(self, serializer, direction):
        mapped = super()._map_basic_serializer(serializer, direction)
        if direction == "response":
            for schema in mapped.get("properties", {}).values():
                _as_answered(schema)
            always = set(mapped.get("properties", {})) - getattr(serializer, "sometimes", set())
            mapped["required"] = sorted(always)
        else:
            mapped["additionalProperties"] = False
        return mapped

    def _problems(self) -> set[int]:
        statuses = {400, 401, 406, 429, 500, 503} | getattr(self.view, "also_answers", frozenset())
        if not self.is_public:
            statuses.add(403)
        if "{" in self.path or self.method != "GET":
            statuses.add(404)
        if self.method != "GET" and not self.is_public:
            statuses.add(409)
        if self.method in {"POST", "PATCH"}:
            statuses |= {413, 415}
        if self.method == "POST" and not self.is_public:
            statuses.add(422)
        if self.action in self.view.matched:
            statuses.add(412)
        return statuses

    def _problem(self, status: int) -> dict[str, Any]:
        component = ResolvedComponent(
            name="Problem", type=ResolvedComponent.SCHEMA, object="Problem", schema=PROBLEM
        )
        self.registry.register_on_missing(component)
        content = {PROBLEM_JSON: {"schema": component.ref}}
        return {"description": str(TITLES[status]), "content": content}


def _as_answered(schema: dict[str, Any]) -> None:
    """Drop from a field's schema what only limits what may be sent."""
    for name in LIMITS:
        schema.pop(name, None)
    if schema.get("format") == "email":
        del schema["format"]
    if "oneOf" in schema and all("$ref" not in choice for choice in schema["oneOf"]):
        del schema["oneOf"]
        schema["type"] = "string"
    if isinstance(schema.get("items"), dict):
        _as_answered(schema["items"])


def tidy(result: dict[str, Any], generator, request, public) -> dict[str, Any]:
    """The schema without the marks by which its maker names enumerations."""
    _without(result, "x-spec-enum-id")
    return result


def _without(value: Any, name: str) -> None:
    if isinstance(value, dict):
        value.pop(name, None)
        for inner in value.values():
            _without(inner, name)
    elif isinstance(value, list):
        for inner in value:
            _without(inner, name)


class ClockField(OpenApiSerializerFieldExtension):
    target_class = "clinic.api.fields.Clock"

    def map_serializer_field(self, auto_schema, direction):
        return {"type": "string", "pattern": f"^{CLOCK.pattern}$"}


class ReferenceField(OpenApiSerializerFieldExtension):
    target_class = "clinic.api.fields.Reference"

    def map_serializer_field(self, auto_schema, direction):
        return dict(UUID)


class DetailsField(OpenApiSerializerFieldExtension):
    target_class = "clinic.api.fields.Details"

    def map_serializer_field(self, auto_schema, direction):
        return {"type": "object", "additionalProperties": True}


class NumberField(OpenApiSerializerFieldExtension):
    target_class = "clinic.api.fields.Number"

    def map_serializer_field(self, auto_schema, direction):
        limit = 10**self.target.max_whole_digits - 1
        return {"type": "number", "maximum": limit, "minimum": -limit}
