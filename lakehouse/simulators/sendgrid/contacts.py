"""SendGrid's contacts: found by address, written by imports, searched and deleted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from lakehouse.simulators.people import People, Person
from lakehouse.simulators.sendgrid.definitions import RESERVED, Fields

_IDENTIFIERS = ("email", "external_id", "phone_number_id", "anonymous_id")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_TYPES: Mapping[str, tuple[type, ...]] = {"Text": (str,), "Number": (int, float), "Date": (str,)}


class ContactError(Exception):
    """What is wrong with a contact, and in which field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def check_contact(contact: Any, fields: Fields) -> None:
    """Check what refuses a whole request: no identifier, unknown or mistyped fields. Raises ContactError."""
    if not isinstance(contact, dict):
        raise ContactError("", "must be an object")
    if not any(contact.get(name) for name in _IDENTIFIERS):
        raise ContactError("email", "at least one identifier is required: " + ", ".join(_IDENTIFIERS))
    for name, value in contact.items():
        if name not in (*RESERVED, *_IDENTIFIERS, "custom_fields"):
            raise ContactError(name, "invalid field")
        if name not in ("custom_fields", "alternate_emails") and not isinstance(value, str | None):
            raise ContactError(name, "must be a string")
    custom = contact.get("custom_fields") or {}
    if not isinstance(custom, dict):
        raise ContactError("custom_fields", "must be an object")
    for id, value in custom.items():
        if id not in fields.by_id:
            raise ContactError(f"custom_fields.{id}", "invalid custom field id")
        expected = _TYPES[fields.by_id[id]["field_type"]]
        if value is not None and (isinstance(value, bool) or not isinstance(value, expected)):
            raise ContactError(f"custom_fields.{id}", f"must be a {fields.by_id[id]['field_type'].lower()}")


def key_of(contact: Mapping[str, Any]) -> str:
    """What a contact is called here: its address in lower case, or its other identifier."""
    first = next(str(contact[name]) for name in _IDENTIFIERS if contact.get(name))
    return first.lower() if contact.get("email") else first


class Contacts:
    """All contacts, by their key; SendGrid's id of each is made for it."""

    def __init__(self, people: People) -> None:
        self.people = people
        self._keys: dict[str, str] = {}  # SendGrid's id -> key
        self._ids: dict[str, str] = {}

    def write(self, contact: Mapping[str, Any], now: float) -> bool:
        """Create or update a contact; whether it is new. What is not sent, or null, stays. Raises ContactError."""
        if contact.get("email") and not _EMAIL.fullmatch(contact["email"]):
            raise ContactError("email", "invalid email")
        key = key_of(contact)
        is_new = self.people.get(key) is None
        person = self.people.get_or_create(key, now)
        person.email = person.email or str(contact.get("email") or "").lower()
        if is_new:
            self._ids[key] = str(uuid.uuid4())
            self._keys[self._ids[key]] = key
        sent = {name: value for name, value in contact.items() if value is not None and name != "custom_fields"}
        custom = {id: value for id, value in (contact.get("custom_fields") or {}).items() if value is not None}
        if person.email:
            sent["email"] = person.email
        person.write({**sent, "custom_fields": {**person.facts.get("custom_fields", {}), **custom}}, now)
        return is_new

    def find(self, id: str) -> Person | None:
        """The contact with SendGrid's id."""
        return self.people.get(self._keys.get(id, ""))

    def remove(self, key: str) -> bool:
        """Delete a contact; whether there was one."""
        self._keys.pop(self._ids.pop(key, ""), None)
        return self.people.remove(key) is not None

    def id_of(self, person: Person) -> str:
        """SendGrid's id of a contact."""
        return self._ids[person.id]

    def shown(self, person: Person, fields: Fields) -> dict[str, Any]:
        """A contact as SendGrid shows it: custom fields by name."""
        custom = {fields.by_id[id]["name"]: value for id, value in person.facts.get("custom_fields", {}).items()}
        told = {name: person.facts.get(name, "") for name in RESERVED if name != "alternate_emails"}
        told |= {"id": self.id_of(person), "email": person.email, "list_ids": sorted(person.memberships)}
        return {**told, "custom_fields": custom}
