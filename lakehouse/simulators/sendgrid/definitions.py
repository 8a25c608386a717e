"""What must be there before contacts are: SendGrid's custom fields and lists."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from lakehouse.simulators.call import Answer, Call

RESERVED = (
    "first_name",
    "last_name",
    "address_line_1",
    "address_line_2",
    "city",
    "state_province_region",
    "postal_code",
    "country",
    "phone_number",
    "whatsapp",
    "line",
    "facebook",
    "unique_name",
    "alternate_emails",
)
_TYPES = ("Text", "Number", "Date")


class Fields:
    """Custom fields: they must exist before a contact can have them, and are written by id."""

    def __init__(self) -> None:
        self.by_id: dict[str, dict[str, str]] = {}

    def get(self, call: Call) -> Answer:
        """GET /v3/marketing/field_definitions"""
        reserved = [{"id": f"_rf{at}_T", "name": name, "field_type": "Text"} for at, name in enumerate(RESERVED)]
        return Answer(200, {"custom_fields": list(self.by_id.values()), "reserved_fields": reserved})

    def create(self, call: Call) -> Answer:
        """POST /v3/marketing/field_definitions: the id is as SendGrid makes them, e1_T, e2_N, e3_D."""
        name, kind = call.object().get("name"), call.object().get("field_type")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w{0,99}", name):
            return error(400, "must be letters, digits and underscores, beginning with no digit", "name")
        if kind not in _TYPES:
            return error(400, f"must be one of {', '.join(_TYPES)}", "field_type")
        if any(field["name"].lower() == name.lower() for field in self.by_id.values()):
            return error(400, "a field with this name exists", "name")
        made = {"id": f"e{len(self.by_id) + 1}_{kind[0]}", "name": name, "field_type": kind}
        self.by_id[made["id"]] = made
        return Answer(200, made)


class Lists:
    """Lists: id -> name."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def get(self, call: Call) -> Answer:
        """GET /v3/marketing/lists"""
        return Answer(200, {"result": [{"id": id, "name": name} for id, name in self.names.items()]})

    def create(self, call: Call) -> Answer:
        """POST /v3/marketing/lists"""
        name = call.object().get("name")
        if not isinstance(name, str) or not name or name in self.names.values():
            return error(400, "is required and must be unique", "name")
        id = str(uuid.uuid4())
        self.names[id] = name
        return Answer(201, {"id": id, "name": name, "contact_count": 0})


def error(status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with one error, in the form of SendGrid's."""
    return Answer(status, {"errors": [{"field": field, "message": message}]}, headers or {})
