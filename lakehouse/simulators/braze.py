"""Braze: users/track, export of users, deletion, subscription states.

Facts: https://www.braze.com/docs/api/endpoints/user_data/post_user_track and the pages beside it. Guesses, where they
say nothing: the texts of errors about a row, and that what is accepted is applied at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.simulators.call import Answer, BadBodyError, Call
from lakehouse.simulators.people import Person
from lakehouse.simulators.platform import Happening, Options, Platform, Refusal, Route
from lakehouse.simulators.rate_limit import Allowance, Count, Window

_ARRAYS = ("attributes", "events", "purchases")
_MOST_OBJECTS = 75  # of a users/track call, in all arrays together
_MOST_IDS = 50  # of an export or a deletion
_MOST_STATES = 50  # addresses of a change of subscription
_STATES = ("opted_in", "subscribed", "unsubscribed")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_NOT_ATTRIBUTES = {"external_id", "user_alias", "braze_id", "_update_existing_only", "email_subscribe"}
_HAPPENED: Mapping[Happening, str] = {"subscribed": "opted_in", "unsubscribed": "unsubscribed"}
_LIMITS = {
    "/users/track": Allowance("users/track", (Window(3000, 3),)),
    "/users/delete": Allowance("users/delete", (Window(20_000, 60),)),
    "/users/export/ids": Allowance("users/export/ids", (Window(250, 60),)),
    "/email/status": Allowance("subscriptions", (Window(5000, 60),)),
}
_OTHERS = Allowance("others", (Window(250_000, 3600),))


class _RowError(Exception):
    """Why an object of users/track is not applied, in Braze's words."""


class Braze(Platform):
    """A Braze workspace. Its key of a person is the external_id; persons known by address only have that."""

    name = "braze"
    max_body_bytes = 4_000_000
    own_faults = frozenset({"row_errors", "silent_skip"})
    unknown_subscription = "subscribed"  # Braze mails whoever did not say no, unless a campaign asks for opted_in

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._by_email: dict[str, str] = {}  # -> key
        self._count_data_points = 0
        self._count_events = 0

    def routes(self) -> Sequence[Route]:
        """What it answers."""
        return [
            ("POST", "/users/track", self._track),
            ("POST", "/users/export/ids", self._export),
            ("POST", "/users/delete", self._delete),
            ("POST", "/email/status", self._set_status),
        ]

    def credential(self, call: Call) -> str | None:
        """Authorization: Bearer <key>."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        return key if scheme == "Bearer" else None

    def allowance(self, call: Call) -> Allowance:
        """Some endpoints have a limit of their own, the others share one."""
        return _LIMITS.get(call.path, _OTHERS)

    def rate_headers(self, counts: Sequence[Count], now: float) -> Mapping[str, str]:
        """Limit, what remains of it, and when (seconds since 1970) it begins anew."""
        return {
            name: value
            for count in counts
            for name, value in (
                ("X-RateLimit-Limit", str(count.window.requests)),
                ("X-RateLimit-Remaining", str(count.remaining)),
                ("X-RateLimit-Reset", str(math.ceil(now + count.reset_seconds))),
            )
        }

    def refused(self, call: Call, why: Refusal) -> Answer:
        """401."""
        return Answer(401, {"message": "Invalid API key" if why != "missing" else "Missing API key"})

    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """429, with when to come back in a header of its own."""
        headers = {} if retry_after is None else {"X-Ratelimit-Retry-After": retry_after}
        return Answer(429, {"message": "Rate limit exceeded. Please try again later."}, headers)

    def failed(self, call: Call, status: int) -> Answer:
        """5xx."""
        return Answer(status, {"message": "Internal server error, please retry with exponential backoff."})

    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """404 and 405."""
        return Answer(405 if allowed else 404, {"message": "Method not allowed" if allowed else "Invalid URL"})

    def bad_body(self, call: Call, problem: str) -> Answer:
        """400."""
        return Answer(400, {"message": problem})

    def too_large(self, call: Call) -> Answer:
        """413."""
        return Answer(413, {"message": "The request body is too large."})

    def happened(self, email: str, what: Happening, now: float) -> None:
        """A person opted in, unsubscribed, bounced, complained or was erased."""
        key = self._by_email.get(email.lower(), email.lower())
        if what == "erased":
            self._forget(key)
            return
        person = self.people.get_or_create(key, now)
        person.email, self._by_email[email.lower()] = email, key
        person.subscription = _HAPPENED.get(what, "unsubscribed" if what == "complained" else person.subscription)
        person.is_suppressed = what in ("bounced", "complained")

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """What it holds, with what Braze charges for: an attribute sent is a data point, whether it changed or not."""
        told = super().state(now, keys, with_people)
        told["totals"] |= {"count_data_points": self._count_data_points, "count_events": self._count_events}
        return told

    def _track(self, call: Call) -> Answer:
        body = call.object()
        arrays = {name: body.get(name) or [] for name in _ARRAYS}
        if not all(isinstance(rows, list) for rows in arrays.values()):
            raise BadBodyError("'attributes', 'events' and 'purchases' must be arrays of objects")
        if sum(map(len, arrays.values())) > _MOST_OBJECTS:
            raise BadBodyError(f"The request must have at most {_MOST_OBJECTS} objects in total.")
        errors: list[dict[str, Any]] = []
        processed = dict.fromkeys(_ARRAYS, 0)
        for name, rows in arrays.items():
            for at, row in enumerate(rows):
                try:
                    self._apply(call, name, at, row)
                    processed[name] += 1
                except _RowError as error:
                    errors.append({"type": str(error), "input_array": name, "index": at})
        if not any(processed.values()):
            message = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
            return Answer(400, {"message": message, "errors": errors})
        told: dict[str, Any] = {"message": "success"} | ({"errors": errors} if errors else {})
        return Answer(201, told | {f"{name}_processed": count for name, count in processed.items() if count})

    def _apply(self, call: Call, array: str, at: int, row: Any) -> None:
        """Apply one object. Raises _RowError, FullError."""
        key = _key(row, self._by_email)
        fault = call.row_fault(at, key)
        if fault is not None and fault.reason is not None:
            raise _RowError(fault.reason)
        if array != "attributes":
            if not row.get("name" if array == "events" else "product_id") or not row.get("time"):
                raise _RowError("'name' and 'time' are required" if array == "events" else "'product_id' is required")
            self._count_events += fault is None
            return
        email, state = row.get("email"), row.get("email_subscribe")
        if email is not None and not (isinstance(email, str) and _EMAIL.fullmatch(email)):
            raise _RowError("'email' is not a valid email address")
        if state is not None and state not in _STATES:
            raise _RowError("'email_subscribe' is not valid")
        is_unknown = self.people.get(key) is None
        if fault is not None or (row.get("_update_existing_only") and is_unknown):
            return
        attributes = {name: value for name, value in row.items() if name not in _NOT_ATTRIBUTES}
        self._write(self.people.get_or_create(key, call.now), attributes, state, call.now)

    def _write(self, person: Person, attributes: Mapping[str, Any], state: str | None, now: float) -> None:
        if "email" in attributes:
            self._by_email.pop(person.email.lower(), None)
            person.email = attributes["email"] or ""
            if person.email:
                self._by_email[person.email.lower()] = person.id
        cleared = tuple(name for name, value in attributes.items() if value is None)
        person.write({name: value for name, value in attributes.items() if value is not None}, now, cleared)
        self._count_data_points += len(attributes)
        if state is not None:
            _subscribe(person, state)

    def _export(self, call: Call) -> Answer:
        ids, body = _ids(call), call.object()
        wanted = body.get("fields_to_export")
        if not isinstance(wanted, list) or not wanted:
            raise BadBodyError("'fields_to_export' is required")
        found = [person for id in ids if (person := self.people.get(id)) is not None]
        if body.get("email_address"):
            found += filter(None, [self.people.get(self._by_email.get(str(body["email_address"]).lower(), ""))])
        known = {person.id for person in found}
        users = [{name: value for name, value in _exported(person).items() if name in wanted} for person in found]
        missing = [id for id in ids if id not in known]
        return Answer(201, {"message": "success", "users": users} | ({"invalid_user_ids": missing} if missing else {}))

    def _delete(self, call: Call) -> Answer:
        deleted = [self._forget(id) for id in _ids(call)]
        return Answer(201, {"message": "success", "deleted": sum(person is not None for person in deleted)})

    def _set_status(self, call: Call) -> Answer:
        body = call.object()
        emails = body.get("email")
        emails = [emails] if isinstance(emails, str) else emails
        state = body.get("subscription_state")
        if not isinstance(emails, list) or not 0 < len(emails) <= _MOST_STATES or state not in _STATES:
            raise BadBodyError("'email' and a 'subscription_state' of opted_in, subscribed, unsubscribed are required")
        for email in emails:
            person = self.people.get(self._by_email.get(str(email).lower(), ""))
            if person is not None:
                _subscribe(person, state)
        return Answer(201, {"message": "success"})

    def _forget(self, key: str) -> Person | None:
        person = self.people.remove(key)
        if person is not None:
            self._by_email.pop(person.email.lower(), None)
        return person


def _key(row: Any, by_email: Mapping[str, str]) -> str:
    if not isinstance(row, dict):
        raise _RowError("must be an object")
    if row.get("external_id"):
        return str(row["external_id"])
    if isinstance(row.get("email"), str) and row["email"]:
        return by_email.get(row["email"].lower(), row["email"].lower())
    raise _RowError("'external_id', 'braze_id', 'user_alias' or 'email' is required")


def _ids(call: Call) -> list[str]:
    ids = call.object().get("external_ids") or []
    if not isinstance(ids, list) or len(ids) > _MOST_IDS:
        raise BadBodyError(f"'external_ids' must be an array of at most {_MOST_IDS} ids")
    return [str(id) for id in ids]


def _subscribe(person: Person, state: str) -> None:
    """A call of the API sets the subscription; a bounce stays."""
    person.count_raised += _STATES.index(state) < _STATES.index(person.subscription)
    person.subscription = state


def _exported(person: Person) -> dict[str, Any]:
    custom = {name: value for name, value in person.facts.items() if name not in ("email", "first_name", "last_name")}
    standard = {name: person.facts.get(name) for name in ("first_name", "last_name")}
    told = {"external_id": person.id, "email": person.email, "custom_attributes": custom, **standard}
    return told | {"email_subscribe": person.subscription}
