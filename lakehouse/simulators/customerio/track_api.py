"""The calls of Customer.io's Track API.

Facts: the reference of the Track API, https://docs.customer.io/journeys/invalid-api-requests, and the `customerio`
client. A call answers before it is known what became of the people in it: whoever is suppressed, and an identifier that
belongs to another person, is dropped without a word. What is not documented is a choice of this simulator: the status
of a request that is too large (413), and the body of 401, 413, 429 and 5xx (`meta.error`, as in 400).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from lakehouse.simulators.call import Answer, Call, RowFault
from lakehouse.simulators.customerio import rules
from lakehouse.simulators.customerio.people import Identifiers, Workspace
from lakehouse.simulators.customerio.rules import Json, RefusedError
from lakehouse.simulators.platform import Happening, Options, Platform, Refusal, Route
from lakehouse.simulators.rate_limit import Allowance, Window

_RATE = Allowance("track", (Window(100, 1),))
_DROPPED = RowFault()  # a row that is left out without a word


class Customerio(Platform):
    """A workspace that identifies people by id and by address."""

    name = "customerio"
    max_body_bytes = rules.BATCH_BYTES
    own_faults = frozenset({"row_errors", "silent_skip"})
    unknown_subscription = "subscribed"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.workspace = Workspace(self.people)
        self.events: list[Json] = []
        self._event_ids: set[str] = set()

    def routes(self) -> Sequence[Route]:
        """Version 2 with all actions about people; version 1 as far as the official client uses it for people."""
        customer = "/api/v1/customers/{identifier}"
        return [
            ("POST", "/api/v2/batch", self._batch),
            ("POST", "/api/v2/entity", self._entity),
            ("PUT", customer, _version_1(self._identify)),
            ("DELETE", customer, _version_1(lambda call, person: self.workspace.delete(person))),
            ("POST", customer + "/suppress", _version_1(lambda call, person: self.workspace.suppress(person))),
            ("POST", customer + "/unsuppress", _version_1(lambda call, person: self.workspace.unsuppress(person))),
            ("POST", customer + "/events", _version_1(self._track)),
            ("POST", "/api/v1/merge_customers", self._merge_customers),
        ]

    def credential(self, call: Call) -> str | None:
        """`site_id:key`, as Basic authentication sends it."""
        scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
        try:
            return base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else None
        except (binascii.Error, UnicodeDecodeError):
            return None

    def allowance(self, call: Call) -> Allowance | None:
        """100 requests a second, whatever they are."""
        return _RATE

    def refused(self, call: Call, why: Refusal) -> Answer:
        """401."""
        return _error(401, "Unauthorized request. Make sure that you provided the right credentials.")

    def throttled(self, call: Call, wait_seconds: float, retry_after: str | None) -> Answer:
        """429."""
        return _error(429, "too many requests", {"Retry-After": retry_after} if retry_after else {})

    def failed(self, call: Call, status: int) -> Answer:
        """5xx."""
        return _error(status, "internal error")

    def not_found(self, call: Call, allowed: Sequence[str]) -> Answer:
        """404, or 405."""
        return _error(405, "method not allowed") if allowed else _error(404, "not found")

    def bad_body(self, call: Call, problem: str) -> Answer:
        """400 in the form of the version that was called."""
        return _refusal(call, RefusedError("body", problem))

    def too_large(self, call: Call) -> Answer:
        """413."""
        return _error(413, "request cannot be larger than 500kb")

    def happened(self, email: str, what: Happening, now: float) -> None:
        """What a person does sets the attribute `unsubscribed`; a bounce is the suppression of the e-mail provider."""
        identifiers = {"email": email}
        if what == "erased":
            self.workspace.suppress(identifiers)
            return
        person = self.workspace.find(identifiers)
        if person is None:
            return
        if what in ("bounced", "complained"):
            person.is_suppressed = True
        if what != "bounced":
            is_unsubscribed = what != "subscribed"
            person.facts["unsubscribed"] = is_unsubscribed
            person.subscription = "unsubscribed" if is_unsubscribed else "subscribed"

    def state(self, now: float, keys: list[str] | None, with_people: bool) -> dict[str, Any]:
        """Also the identifiers that are suppressed, the events, and what was dropped."""
        return super().state(now, keys, with_people) | {
            "suppressed": sorted(value for _, value in self.workspace.suppressed),
            "events": self.events,
            "failed_attribute_changes": self.workspace.failures,
        }

    def _batch(self, call: Call) -> Answer:
        operations = call.object().get("batch")
        if not isinstance(operations, list) or not operations:
            return _refusal(call, RefusedError("batch", "batch must be an array with at least one operation"))
        if len(operations) > rules.BATCH_OPERATIONS:
            return _refusal(call, RefusedError("batch", "batch cannot have more than 1000 operations"))
        errors: list[Json] = []
        for index, operation in enumerate(operations):
            try:
                self._operate(call, index, operation)
            except RefusedError as refused:
                errors.append({"batch_index": index} | refused.as_json())
        return Answer(207, {"errors": errors}) if errors else Answer(200, {})

    def _entity(self, call: Call) -> Answer:
        try:
            self._operate(call, 0, call.json())
        except RefusedError as refused:
            return _refusal(call, refused)
        return Answer(200, {})

    def _operate(self, call: Call, position: int, given: Any) -> None:
        operation = rules.check_operation(given)
        action = operation.get("action")
        person = rules.one_identifier(operation.get("primary" if action == "merge" else "identifiers"))
        attributes = rules.attributes_of(operation.get("attributes")) if action == "identify" else {}
        at = rules.seconds(operation.get("timestamp"), call.now)
        if _scripted(call, position, person) is _DROPPED:
            return
        match action:
            case "identify":
                self.workspace.identify(person, attributes, at, call.now)
            case "delete":
                self.workspace.delete(person)
            case "suppress":
                self.workspace.suppress(person)
            case "unsuppress":
                self.workspace.unsuppress(person)
            case "merge":
                self.workspace.merge(person, rules.one_identifier(operation.get("secondary"), "secondary"), call.now)
            case "event" | "page" | "screen":
                self._happen(call, person, operation, rules.event(operation, "attributes"))
            case _:
                raise RefusedError("action", f"action {action!r} is not known to this simulator")

    def _identify(self, call: Call, person: Identifiers) -> None:
        attributes = rules.attributes_of(call.object())
        at = rules.seconds(attributes.get("_timestamp"), call.now)
        if _scripted(call, 0, person) is not _DROPPED:
            wanted = {name: value for name, value in attributes.items() if name != "_timestamp"}
            self.workspace.identify(person, wanted, at, call.now)

    def _track(self, call: Call, person: Identifiers) -> None:
        body = call.object()
        self._happen(call, person, body, rules.event(body, "data"))

    def _merge_customers(self, call: Call) -> Answer:
        body = call.object()
        try:
            kept, gone = (rules.one_identifier(body.get(which), which) for which in ("primary", "secondary"))
        except RefusedError as refused:
            return _refusal(call, refused)
        self.workspace.merge(kept, gone, call.now)
        return Answer(200, {})

    def _happen(self, call: Call, person: Identifiers, body: Json, event: Json) -> None:
        """Note an event, once when it has an id; the person is created if need be."""
        if body.get("id") in self._event_ids or not (
            self.workspace.find(person) or self.workspace.identify(person, {}, int(call.now), call.now)
        ):
            return
        if body.get("id"):
            self._event_ids.add(body["id"])
        self.events.append({"person": next(iter(person.values())), **event})


def _version_1(change: Callable[[Call, Identifiers], None]) -> Callable[[Call], Answer]:
    """The function of a path with the identifier of a person: an id, an address, or cio_ and a cio_id."""

    def answer(call: Call) -> Answer:
        text = call.parameters["identifier"]
        kind = "cio_id" if text.startswith("cio_") else "email" if "@" in text else "id"
        try:
            change(call, {kind: text.removeprefix("cio_")})
        except RefusedError as refused:
            return _refusal(call, refused)
        return Answer(200, {})

    return answer


def _scripted(call: Call, position: int, person: Identifiers) -> RowFault | None:
    """_DROPPED when a scripted fault leaves out the row. Raises RefusedError when one refuses it."""
    fault = call.row_fault(position, next(iter(person.values())))
    if fault is None:
        return None
    if fault.reason is not None:
        raise RefusedError("attributes", fault.reason)
    return _DROPPED


def _refusal(call: Call, refused: RefusedError) -> Answer:
    if call.path.startswith("/api/v2/"):
        return Answer(400, {"errors": [refused.as_json()]})
    return _error(400, refused.message)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"meta": {"error": message}}, headers or {})
