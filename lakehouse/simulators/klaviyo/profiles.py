"""Klaviyo's profiles: who is who, and what a write does to one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.simulators.call import Call
from lakehouse.simulators.klaviyo.documents import InvalidError, moment, resource
from lakehouse.simulators.people import People, Person
from lakehouse.simulators.reading import inner, texts

MOST_BYTES = 100_000  # of one profile
_IDENTIFIERS = ("email", "phone_number", "external_id")
_TEXTS = (*_IDENTIFIERS, "first_name", "last_name", "organization", "locale", "title", "image")
_KNOWN = {*_TEXTS, "_kx", "location", "properties"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")


class RowError(Exception):
    """Why one profile cannot be written: code, detail, and the attribute that is wrong."""

    def __init__(self, code: str, detail: str, attribute: str = "", duplicate_id: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.attribute, self.duplicate_id = code, detail, attribute, duplicate_id


class Profiles:
    """All profiles, found by id and by each identifier."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._ids: dict[tuple[str, str], str] = {}  # identifier and its value -> id
        self._made = 0

    def find(self, identifier: str, value: str) -> Person | None:
        """The profile with that `id`, `email`, `phone_number` or `external_id`."""
        if identifier == "id":
            return self._people.get(value)
        return self._people.get(self._ids.get((identifier, _compared(identifier, value)), ""))

    def match(self, data: Mapping[str, Any]) -> Person | None:
        """The one profile that a resource is about: by id, or by any identifier. Raises RowError."""
        attributes = data["attributes"]
        found = [self._people.get(str(data["id"]))] if data.get("id") else []
        found += [self.find(name, attributes[name]) for name in _IDENTIFIERS if attributes.get(name)]
        different = {person.id: person for person in found if person is not None}
        if len(different) > 1:
            raise RowError("duplicate_profile", "The identifiers belong to different profiles.", "", min(different))
        return next(iter(different.values()), None)

    def write(self, data: Mapping[str, Any], now: float, nulls_clear: bool) -> Person:
        """Create or update the profile of a resource. Raises RowError, FullError.

        `nulls_clear`: a null removes a field; otherwise it does nothing, as in bulk imports.
        """
        attributes = {name: value for name, value in data["attributes"].items() if nulls_clear or value is not None}
        _check_values(attributes)
        person = self.match(data)
        if person is None:
            self._made += 1
            person = self._people.get_or_create(f"01SIM{self._made:021d}", now)
        properties = dict(person.facts.get("properties", ()))
        for name, value in (attributes.pop("properties", None) or {}).items():
            if nulls_clear or value is not None:
                properties[name] = value
        for name in _unset(data):
            properties.pop(name, None)
        cleared = tuple(name for name, value in attributes.items() if value is None)
        for name in cleared:
            del attributes[name]
        before = _identifiers(person)
        person.write({**attributes, "properties": properties}, now, cleared)
        self._index(person, before)
        return person

    def forget(self, person: Person) -> None:
        """Remove a profile."""
        before = _identifiers(person)
        person.facts.clear()
        self._index(person, before)
        self._people.remove(person.id)

    def _index(self, person: Person, before: Sequence[str | None]) -> None:
        """Let the person be found by the identifiers they have now, and not by those they had before."""
        now = _identifiers(person)
        if now == before:
            return
        for name, old, new in zip(_IDENTIFIERS, before, now, strict=True):
            if old:
                self._ids.pop((name, _compared(name, old)), None)
            if new:
                self._ids[name, _compared(name, new)] = person.id
        person.email = now[0] or ""
        person.key = next(filter(None, now), person.id)


def check_shape(data: Any, pointer: str) -> None:
    """Check what refuses a whole request: types, unknown attributes, no identifier, size. Raises InvalidError."""
    if not isinstance(data, dict) or data.get("type") != "profile" or not isinstance(data.get("attributes"), dict):
        raise InvalidError("A profile must be an object with type 'profile' and attributes.", pointer)
    attributes, at = data["attributes"], f"{pointer}/attributes"
    for name, value in attributes.items():
        if name not in _KNOWN:
            raise InvalidError(f"'{name}' is not a valid field for the resource 'profile'.", f"{at}/{name}")
        if name in _TEXTS and not isinstance(value, str | None):
            raise InvalidError(f"'{name}' must be a string.", f"{at}/{name}")
        if name in ("properties", "location") and not isinstance(value, dict | None):
            raise InvalidError(f"'{name}' must be an object.", f"{at}/{name}")
    if not data.get("id") and not any(attributes.get(name) for name in _IDENTIFIERS):
        raise InvalidError("One of 'email', 'phone_number', 'external_id' or 'id' must be provided.", at)
    _unset(data)
    # A sign has at most four bytes, and the text of a value about as many signs as its JSON: mostly that decides.
    if len(repr(data)) > MOST_BYTES // 4 and len(_json(data)) > MOST_BYTES:
        raise InvalidError("The profile is larger than the maximum of 100KB.", pointer)


def key_of(data: Mapping[str, Any]) -> str:
    """What a row is called in a file of faults: its first identifier."""
    attributes = data["attributes"]
    return next((attributes[name] for name in _IDENTIFIERS if attributes.get(name)), str(data.get("id", "")))


def shown(person: Person, with_subscriptions: bool) -> dict[str, Any]:
    """A profile as a resource."""
    facts = {name: person.facts.get(name) for name in (*_TEXTS, "location")}
    facts |= {"properties": person.facts.get("properties", {})}
    facts |= {"created": moment(person.created_at), "updated": moment(person.updated_at)}
    if with_subscriptions:
        suppression = [{"reason": "USER_SUPPRESSED", "timestamp": moment(person.updated_at)}]
        marketing = {
            "can_receive_email_marketing": not person.is_suppressed and person.subscription != "UNSUBSCRIBED",
            "consent": person.subscription,
            "suppression": suppression if person.is_suppressed else [],
            "list_suppressions": [],
        }
        facts["subscriptions"] = {"email": {"marketing": marketing}}
    return resource("profile", person.id, "/api/profiles", facts)


def wants_subscriptions(call: Call) -> bool:
    """Whether profiles are asked for with their subscriptions."""
    return "subscriptions" in call.query.get("additional-fields[profile]", "")


def _check_values(attributes: Mapping[str, Any]) -> None:
    email, phone = attributes.get("email"), attributes.get("phone_number")
    if email and not _EMAIL.fullmatch(email):
        raise RowError("invalid", "Invalid email address", "email")
    if phone and not _PHONE.fullmatch(phone):
        raise RowError(
            "invalid", "Invalid phone number format (Example of a valid format: +12345678901)", "phone_number"
        )


def _identifiers(person: Person) -> list[str | None]:
    return [person.facts.get(name) for name in _IDENTIFIERS]


def _json(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def _unset(data: Mapping[str, Any]) -> list[str]:
    unset = inner(data, "meta", "patch_properties", "unset")
    return [unset] if isinstance(unset, str) else texts(unset, "unset")


def _compared(identifier: str, value: str) -> str:
    return value.strip().lower() if identifier == "email" else value
