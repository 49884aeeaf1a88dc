"""The OpenAPI schema, with the answers that every operation can give."""

from drf_spectacular.openapi import AutoSchema

PROBLEMS = {
    "400": "The request is not valid.",
    "401": "Sign in first.",
    "403": "You may not do this.",
    "404": "There is no such thing here.",
    "405": "This method is not offered here.",
    "409": "This conflicts with what is there.",
    "412": "It was changed since you read it.",
    "413": "The upload is too large.",
    "415": "This format is not understood.",
    "422": "The key was used for another request.",
    "429": "Too many requests.",
}
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
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


class Schema(AutoSchema):
    def get_operation(self, *args, **kwargs):
        operation = super().get_operation(*args, **kwargs)
        if operation:
            for status, title in PROBLEMS.items():
                operation["responses"].setdefault(
                    status,
                    {
                        "description": title,
                        "content": {"application/problem+json": {"schema": PROBLEM}},
                    },
                )
        return operation
