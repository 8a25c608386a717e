"""Iterable: users by bulkUpdate, known by `userId`, which is our customer_id (of a project that knows users by it).

https://api.iterable.com/api/docs#users_bulkUpdateUser. A call takes 4 MB, about 1,000 users. What it did not take is
named in lists of addresses and ids by reason. Who asked to be forgotten is refused for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

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
    rows_per_call=1_000,
    bytes_per_call=4_000_000,
    bytes_per_row=100_000,
    overhead_bytes=50,
    rates={"bulk": (Rate(5, 1),), "user": (Rate(10, 1),)},
    calls_per_body={"bulk": 1},
    connections=5,
    readiness="eventually",
    is_replay_safe=True,
    nulls=("unset", "omit"),
    keeps_other_fields=True,
)


# Lists of users that it may take another time.
_PASSING = ("conflict", "notFound")


class Iterable:
    """One campaign's users."""

    capabilities = CAPABILITIES

    def __init__(self, audience: Audience) -> None:
        self._marker = audience.marker

    def encode(self, row: Row) -> bytes:
        """A user; a removal only takes back the marker of the audience."""
        user: dict[str, Any] = {"userId": row.customer_id, "preferUserId": True}
        if row.is_removal:
            return plain_json(user | {"dataFields": {self._marker: False}})
        user |= {"email": row.email} if row.is_address_new else {}
        return plain_json(user | {"dataFields": {self._marker: True, **row.attributes}})

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """One call."""
        body = b'{"users":[' + b",".join(item.body for item in items) + b"]}"
        answer = await call(Call("POST", "/api/users/bulkUpdate", "bulk", body))
        told = answer.json()
        if not answer.is_success:
            raise CallRefusedError(platform_reason(told.get("code"), told.get("msg")))
        rejected = _rejected(told, items)
        failed = int(told.get("failCount") or 0)
        if failed > len(rejected):
            raise UnreadableAnswerError(f"{failed} users failed, but {len(rejected)} of them are named")
        return Outcomes("", rejected)

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """Whether the user has the campaign's marker as it was sent; one who is not there needs no removal."""
        answer = await call(Call("GET", f"/api/users/byUserId/{quote(row.customer_id, safe='')}", "user"))
        user = (answer.json() or {}).get("user") if answer.is_success or answer.status in (400, 404) else None
        if not user:
            return row.is_removal
        return (user.get("dataFields") or {}).get(self._marker) is (not row.is_removal)


def _rejected(told: Mapping[str, Any], items: Sequence[Item]) -> dict[int, Rejection]:
    """The lists of an answer, `failedUpdates.<reason>Emails` and `...UserIds` and those beside it, by position."""
    places: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        for name in (item.row.customer_id, item.row.email.lower()):
            places.setdefault(name, []).append(place)
    lists = {name: told.get(name) for name in ("invalidEmails", "invalidUserIds")} | (told.get("failedUpdates") or {})
    found: dict[int, Rejection] = {}
    for name, people in lists.items():
        is_forgotten = name.startswith("forgotten")
        for person in people or ():
            for place in places.get(str(person)) or places.get(str(person).lower()) or ():
                found[place] = Rejection(platform_reason(None, name), not name.startswith(_PASSING), is_forgotten)
    return found


def _headers(login: Login) -> Mapping[str, str]:
    return {"Api-Key": login.secret, "Content-Type": "application/json"}


KIND = PlatformKind("https://api.iterable.com", (), CAPABILITIES, _headers, Iterable)
