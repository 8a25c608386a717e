"""Customer.io: people by the batch endpoint of its Track API, known by `id`, which is our customer_id.

https://docs.customer.io/api/track/#operation/batch. A call takes 1,000 operations and 500 KB, 32 KB each; refused ones
come back with their position in a 207. The API tells nothing about a person, and applies what it took at once. Of its
actions only `identify` is used: `suppress` and `unsuppress` never are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.platform import (
    Call,
    Caller,
    CallRefusedError,
    Item,
    Outcomes,
    Row,
    UnreadableAnswerError,
    platform_reason,
)
from lakehouse.activation.destinations.platform_kind import Audience, Login, PlatformKind, basic_login
from lakehouse.activation.destinations.rates import Rate
from lakehouse.utils.plain_json import plain_json

CAPABILITIES = Capabilities(
    identity="customer_id",
    rows_per_call=1_000,
    bytes_per_call=500_000,
    bytes_per_row=32_000,
    overhead_bytes=20,
    rates={"batch": (Rate(100, 1),)},
    calls_per_body={"batch": 1},
    connections=10,
    readiness="at_once",
    is_replay_safe=True,
    nulls=("unset", "omit"),
    keeps_other_fields=True,
)


class CustomerIo:
    """One campaign's people."""

    capabilities = CAPABILITIES

    def __init__(self, audience: Audience) -> None:
        self._marker = audience.marker

    def encode(self, row: Row) -> bytes:
        """An operation; an empty text removes an attribute there, so it stands for null."""
        attributes: dict[str, Any] = {self._marker: not row.is_removal}
        if not row.is_removal:
            attributes |= {"email": row.email} if row.is_address_new else {}
            attributes |= {name: "" if value is None else value for name, value in row.attributes.items()}
        person = {"type": "person", "action": "identify", "identifiers": {"id": row.customer_id}}
        return plain_json(person | {"attributes": attributes})

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """One call."""
        body = b'{"batch":[' + b",".join(item.body for item in items) + b"]}"
        answer = await call(Call("POST", "/api/v2/batch", "batch", body))
        told = answer.json() if answer.content.strip() else {}
        errors = told.get("errors") or []
        if not answer.is_success:
            first = errors[0] if errors and isinstance(errors[0], dict) else {}
            raise CallRefusedError(
                platform_reason(first.get("reason"), first.get("message") or f"HTTP {answer.status}")
            )
        rejected: dict[int, Rejection] = {}
        for error in errors:
            at = error.get("batch_index")
            if not isinstance(at, int) or not 0 <= at < len(items):
                raise UnreadableAnswerError("an error does not say which operation it is about")
            reason = platform_reason(error.get("reason"), error.get("message"))
            rejected[at] = Rejection(reason, has_refused="suppress" in reason.lower())
        return Outcomes("", rejected)

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """True: the key that writes people cannot read them, and what was answered has been applied."""
        return True


def _headers(login: Login) -> Mapping[str, str]:
    return {"Authorization": basic_login(login.user, login.secret), "Content-Type": "application/json"}


KIND = PlatformKind("https://track.customer.io", ("user",), CAPABILITIES, _headers, CustomerIo)
