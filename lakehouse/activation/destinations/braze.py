"""Braze: attributes of users by users/track, known by `external_id`, which is our customer_id.

https://www.braze.com/docs/api/endpoints/user_data/post_user_track. A call takes 75 objects; what is wrong with single
ones comes back with their position, and the others are applied. Attributes only are sent: an event sent twice would be
two events. Subscription has other endpoints, none of which is called.
"""

from __future__ import annotations

import json
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
from lakehouse.activation.destinations.platform_kind import Audience, Login, PlatformKind
from lakehouse.activation.destinations.rates import Rate
from lakehouse.utils.plain_json import plain_json

CAPABILITIES = Capabilities(
    identity="customer_id",
    rows_per_call=75,
    bytes_per_call=4_000_000,
    bytes_per_row=100_000,
    overhead_bytes=50,
    rates={"track": (Rate(3000, 3),), "export": (Rate(250, 60),)},
    calls_per_body={"track": 1},
    connections=20,
    readiness="eventually",
    is_replay_safe=True,
    nulls=("unset", "omit"),
    keeps_other_fields=True,
    wait_headers=("Retry-After", "X-Ratelimit-Retry-After"),
)


class Braze:
    """One campaign's users."""

    capabilities = CAPABILITIES

    def __init__(self, audience: Audience) -> None:
        self._marker = audience.marker

    def encode(self, row: Row) -> bytes:
        """An attributes object; a removal only takes back the marker of the audience, of a user that is there."""
        user: dict[str, Any] = {"external_id": row.customer_id, self._marker: not row.is_removal}
        user |= {"_update_existing_only": True} if row.is_removal else self._profile(row)
        return plain_json(user)

    def _profile(self, row: Row) -> dict[str, Any]:
        return {**({"email": row.email} if row.is_address_new else {}), **row.attributes}

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """One call."""
        body = b'{"attributes":[' + b",".join(item.body for item in items) + b"]}"
        answer = await call(Call("POST", "/users/track", "track", body))
        told = answer.json()
        errors = told.get("errors") or []
        if not answer.is_success:
            said = errors[0].get("type") if errors and isinstance(errors[0], dict) else told.get("message")
            raise CallRefusedError(platform_reason(None, said))
        rejected: dict[int, Rejection] = {}
        for error in errors:
            at = error.get("index")
            if error.get("input_array") != "attributes" or not isinstance(at, int) or not 0 <= at < len(items):
                raise UnreadableAnswerError("an error does not say which user it is about")
            rejected[at] = Rejection(platform_reason(None, error.get("type")))
        return Outcomes("", rejected)

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """Whether the user has the campaign's marker as it was sent; one who is not there needs no removal."""
        wanted = {"external_ids": [row.customer_id], "fields_to_export": ["external_id", "custom_attributes"]}
        answer = await call(Call("POST", "/users/export/ids", "export", json.dumps(wanted).encode()))
        if not answer.is_success:
            raise UnreadableAnswerError(f"users cannot be read (HTTP {answer.status})")
        found = answer.json().get("users") or []
        if not found:
            return row.is_removal
        return (found[0].get("custom_attributes") or {}).get(self._marker) is (not row.is_removal)


def _headers(login: Login) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {login.secret}", "Content-Type": "application/json"}


KIND = PlatformKind("", ("base_url",), CAPABILITIES, _headers, Braze)
