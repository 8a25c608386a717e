"""Mailchimp: members of one list in batches, known by their address; a tag says who is in an audience.

https://mailchimp.com/developer/marketing/api/lists/batch-subscribe-or-unsubscribe/. A call takes 500 members; what is
wrong with single ones comes back with their address, within a 200. A member who is there is written without `status`.
Who is unknown then is made as `transactional`, which is no subscription, by a second call that changes nobody who is
there. A tag is a static segment: a removal takes members out of it. Nobody is archived or deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.mailchimp_fields import MergeFields, tag_of
from lakehouse.activation.destinations.platform import (
    Call,
    Caller,
    CallRefusedError,
    Item,
    Outcomes,
    Row,
    UnreadableAnswerError,
    as_text,
    platform_reason,
)
from lakehouse.activation.destinations.platform_kind import Audience, Login, PlatformKind, basic_login
from lakehouse.activation.destinations.rates import Rate
from lakehouse.utils.canonical_json import json_text
from lakehouse.utils.plain_json import plain_json

CAPABILITIES = Capabilities(
    identity="email",
    rows_per_call=500,
    bytes_per_call=5_000_000,
    bytes_per_row=100_000,
    overhead_bytes=100,
    rates={"lists": (Rate(100, 1),)},  # it limits how many calls are at work, not how many there are
    calls_per_body={"lists": 1},
    connections=10,
    readiness="at_once",
    is_replay_safe=True,
    nulls=("send", "omit"),
    keeps_other_fields=False,  # a member who is not there is made of the same row
)
_SEGMENTS_PER_PAGE = 1000
_EXISTS = "ERROR_CONTACT_EXISTS"
# Words of errors about somebody who does not want mail, or cannot get any.
_REFUSED = ("unsubscribe", "cleaned", "compliance state", "permanently deleted")
_NOT_MENTIONED = Rejection("Mailchimp's answer does not mention the member", is_permanent=False)


class Mailchimp:
    """One campaign's members of a list."""

    capabilities = CAPABILITIES

    def __init__(self, audience: Audience) -> None:
        self._tag = audience.marker
        self._list = f"/3.0/lists/{quote(audience.list or '', safe='')}"
        self._fields = MergeFields(self._list)
        self._segment: str | None = None

    def encode(self, row: Row) -> bytes:
        """A member without a status, an empty text for what is empty; of a removal the address alone."""
        if row.is_removal:
            return json_text(row.email).encode()
        merge = {tag_of(name): _merge_value(value) for name, value in row.attributes.items()}
        return plain_json({"email_address": row.email, "merge_fields": merge, "tags": [self._tag]})

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """One call for those who are there, and one for those who are not. Who turns out to be there in the second one,
        because an attempt without an answer has made them or because the first one refused them, is in a third."""
        if items[0].row.is_removal:
            await self._untag(items, call)
            return Outcomes("")
        await self._fields.ensure([item.row.attributes for item in items], call)
        refused = await self._write(dict(enumerate(items)), True, call)
        if refused:
            refused = await self._write({at: items[at] for at in refused}, False, call)
        if there := {at: items[at] for at, error in refused.items() if error.get("error_code") == _EXISTS}:
            others = {at: error for at, error in refused.items() if at not in there}
            refused = others | await self._write(there, True, call)
        return Outcomes("", {at: _rejection(error) for at, error in refused.items()})

    async def _write(self, items: Mapping[int, Item], are_there: bool, call: Caller) -> dict[int, Mapping[str, Any]]:
        """Update members who are there, or make those who are not; errors by position."""
        status = b"" if are_there else b'"status":"transactional",'
        members = b",".join(b"{" + status + item.body[1:] for item in items.values())
        body = b'{"update_existing":' + (b"true" if are_there else b"false") + b',"members":[' + members + b"]}"
        answer = await call(Call("POST", f"{self._list}?skip_merge_validation=true", "lists", body))
        told = answer.json()
        if not answer.is_success:
            raise CallRefusedError(platform_reason(told.get("title"), told.get("detail")))
        places = {item.row.email.lower(): at for at, item in items.items()}
        errors: dict[int, Mapping[str, Any]] = {}
        for error in told.get("errors") or []:
            at = places.pop(str(error.get("email_address")).lower(), None)
            if at is None:
                raise UnreadableAnswerError("an error does not say which member it is about")
            errors[at] = error
        for member in [*(told.get("new_members") or []), *(told.get("updated_members") or [])]:
            places.pop(str(member.get("email_address")).lower(), None)
        return errors | {key: {} for key in places.values()}

    async def _untag(self, items: Sequence[Item], call: Caller) -> None:
        """Take members out of the tag; those who are not in the list are ignored."""
        self._segment = self._segment or await self._found_segment(call)
        if self._segment is None:  # nobody has the tag
            return
        body = b'{"members_to_remove":[' + b",".join(item.body for item in items) + b"]}"
        answer = await call(Call("POST", f"{self._list}/segments/{self._segment}", "lists", body))
        if not answer.is_success:
            told = answer.json()
            raise CallRefusedError(platform_reason(told.get("title"), told.get("detail")), is_permanent=False)

    async def _found_segment(self, call: Caller) -> str | None:
        """The id of the tag as a segment."""
        offset = 0
        while True:
            wanted = f"type=static&count={_SEGMENTS_PER_PAGE}&offset={offset}"
            answer = await call(Call("GET", f"{self._list}/segments?{wanted}", "lists"))
            if not answer.is_success:
                raise UnreadableAnswerError(f"the tags of the list cannot be read (HTTP {answer.status})")
            segments = answer.json()["segments"]
            for segment in segments:
                if segment["name"] == self._tag:
                    return str(segment["id"])
            if len(segments) < _SEGMENTS_PER_PAGE:
                return None
            offset += _SEGMENTS_PER_PAGE

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """Whether the member has the campaign's tag as it was sent; one who is not there needs no removal."""
        if not row.email:
            return True
        member = hashlib.md5(row.email.lower().encode(), usedforsecurity=False).hexdigest()
        answer = await call(Call("GET", f"{self._list}/members/{member}", "lists"))
        if answer.status == 404:
            return row.is_removal
        if not answer.is_success:
            raise UnreadableAnswerError(f"members cannot be read (HTTP {answer.status})")
        tags = {tag["name"] for tag in answer.json().get("tags") or []}
        return (self._tag in tags) is not row.is_removal


def _rejection(error: Mapping[str, Any]) -> Rejection:
    if not error:
        return _NOT_MENTIONED
    said = " ".join(str(error[name]) for name in ("error", "field", "field_message") if error.get(name))
    words = said.replace(str(error.get("email_address")), "...")
    code = error.get("error_code")
    reason = platform_reason(None if code == "ERROR_GENERIC" else code, words)
    return Rejection(reason, has_refused=any(word in said.lower() for word in _REFUSED))


def _merge_value(value: Any) -> Any:
    if value is None:
        return ""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else as_text(value)


def _headers(login: Login) -> Mapping[str, str]:
    return {"Authorization": basic_login("any", login.secret), "Content-Type": "application/json"}


KIND = PlatformKind("", ("base_url", "list"), CAPABILITIES, _headers, Mailchimp)
