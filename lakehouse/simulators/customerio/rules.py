"""What Customer.io takes, and the words in which it refuses the rest.

Limits and messages: https://docs.customer.io/journeys/invalid-api-requests and the reference of the Track API. Its
values of `reason` and `field` are documented by name only; those here are ours.
"""

from __future__ import annotations

import json
from typing import Any

from lakehouse.simulators.customerio.people import Identifiers

Json = dict[str, Any]

BATCH_BYTES = 500 * 1024
BATCH_OPERATIONS = 1000
OPERATION_BYTES = 32 * 1024
_ATTRIBUTES = 300  # of one call
_NAME_BYTES = 150
_VALUE_BYTES = 1000
_EVENT_NAME_BYTES = 100
_LAST_SECOND = 253_402_300_799  # of the year 9999; a larger number counts milliseconds


class RefusedError(Exception):
    """The platform does not take a call."""

    def __init__(self, field: str, message: str, reason: str = "invalid") -> None:
        super().__init__(message)
        self.field, self.message, self.reason = field, message, reason

    def as_json(self) -> Json:
        """The entry of `errors`."""
        return {"reason": self.reason, "field": self.field, "message": self.message}


def check_operation(operation: Any) -> Json:
    """An operation of Track API v2 about a person. Raises RefusedError."""
    if not isinstance(operation, dict):
        raise RefusedError("batch", "operation must be an object")
    if len(_text(operation).encode()) > OPERATION_BYTES:
        raise RefusedError("batch", "operation cannot be larger than 32kb")
    if operation.get("type") in ("object", "delivery"):
        raise RefusedError("type", "this simulator has people only, no objects and no deliveries")
    if operation.get("type") != "person":
        raise RefusedError("type", "type must be one of person, object, delivery")
    return operation


def one_identifier(value: Any, field: str = "identifiers") -> Identifiers:
    """The one identifier of a call. Raises RefusedError."""
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in ("id", "email", "cio_id"):
        raise RefusedError(field, "identifiers must have exactly one of id, email, cio_id", "required")
    kind, text = next(iter(value.items()))
    if not isinstance(text, str):
        raise RefusedError(f"{field}.{kind}", f"{kind} attribute must be a string value")
    if not text:
        raise RefusedError(f"{field}.{kind}", f"{kind} attribute cannot be an empty string", "required")
    if kind == "email" and ("@" not in text[1:-1] or " " in text):
        raise RefusedError(f"{field}.email", "email is not a valid address")
    return {kind: text}


def attributes_of(value: Any) -> Json:
    """The attributes of a call. Raises RefusedError."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError("attributes", "attributes must be an object")
    if len(value) > _ATTRIBUTES:
        raise RefusedError("attributes", "cannot identify more than 300 attributes in one request")
    for name, content in value.items():
        if len(name.encode()) > _NAME_BYTES:
            raise RefusedError("attributes", "attribute name cannot be longer than 150 bytes")
        if len(_text(content).encode()) > _VALUE_BYTES:
            message = f"value for attribute '{name}' cannot be longer than 1000 bytes"
            raise RefusedError(f"attributes.{name}", message)
    if value.get("email") not in (None, ""):
        one_identifier({"email": value["email"]}, "attributes")
    return value


def seconds(value: Any, default: float) -> int:
    """A time in Unix seconds. Raises RefusedError."""
    if value is None:
        return int(default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_SECOND:
        raise RefusedError("timestamp", "timestamp must be a valid unix timestamp")
    return value


def event(call: Json, data_key: str) -> Json:
    """Name and data of an event. Raises RefusedError."""
    name, data = call.get("name"), call.get(data_key) or {}
    if not isinstance(name, str) or not name.strip():
        raise RefusedError("name", "event name must not be blank", "required")
    if len(name.encode()) > _EVENT_NAME_BYTES:
        raise RefusedError("name", "event name cannot be longer than 100 bytes")
    if not isinstance(data, dict):
        raise RefusedError(data_key, "event data must be a hash")
    if not isinstance(call.get("id", ""), str):
        raise RefusedError("id", "id must be a valid ULID")
    seconds(call.get("timestamp"), 0)
    return {"name": name, "data": data}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
