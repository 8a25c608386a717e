"""Klaviyo: profiles by bulk import jobs, found again by `external_id`, which is our customer_id.

https://developers.klaviyo.com/en/reference/bulk_import_profiles. A job takes 10,000 profiles and 5 MB, 100 KB each; it
runs on its own, and says afterwards which profiles it did not take. A null does not clear a property in a job, so the
names of empty ones are unset. Consent has other endpoints, none of which is called.
"""

from __future__ import annotations

import re
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
    as_text,
    platform_reason,
)
from lakehouse.activation.destinations.platform_kind import Audience, Login, PlatformKind
from lakehouse.activation.destinations.rates import Rate
from lakehouse.utils.pauses import growing_pauses
from lakehouse.utils.plain_json import plain_json

_RATES = (Rate(10, 1), Rate(150, 60))  # of each endpoint by itself
# Attributes of a profile itself; all others are its properties.
_OWN = frozenset({"first_name", "last_name", "organization", "locale", "title", "image"})
CAPABILITIES = Capabilities(
    identity="customer_id",
    rows_per_call=10_000,
    bytes_per_call=5_000_000,
    bytes_per_row=100_000,
    overhead_bytes=200,
    rates={"import": _RATES, "job": _RATES, "errors": _RATES, "profiles": (Rate(75, 1), Rate(700, 60))},
    calls_per_body={"import": 1, "job": 1},
    connections=8,
    readiness="job",
    is_replay_safe=True,
    nulls=("unset", "omit"),
    keeps_values_of=_OWN,
    keeps_other_fields=True,
)
_JOBS = "/api/profile-bulk-import-jobs"
_PLACE = re.compile(r"/profiles/data/(\d+)(?:/|$)")
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0  # seconds between two questions about a job


class Klaviyo:
    """One campaign's profiles."""

    capabilities = CAPABILITIES

    def __init__(self, audience: Audience) -> None:
        self._marker = audience.marker

    def encode(self, row: Row) -> bytes:
        """A profile; a removal only takes back the marker of the audience."""
        properties: dict[str, Any] = {self._marker: not row.is_removal}
        attributes: dict[str, Any] = {"external_id": row.customer_id, "properties": properties}
        profile: dict[str, Any] = {"type": "profile", "attributes": attributes}
        if not row.is_removal and row.is_address_new:
            attributes["email"] = row.email
        empty = []
        for name, value in row.attributes.items():  # a removal has none
            if name in _OWN:
                if value is not None:
                    attributes[name] = as_text(value)
            elif value is None:
                empty.append(name)
            else:
                properties[name] = value
        if empty:
            profile["meta"] = {"patch_properties": {"unset": sorted(empty)}}
        return plain_json(profile)

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """One job, until it has ended."""
        body = (
            b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":['
            + b",".join(item.body for item in items)
            + b"]}}}}"
        )
        answer = await call(Call("POST", _JOBS, "import", body))
        if not answer.is_success:
            raise CallRefusedError(platform_reason(*_first_error(answer.json())))
        job = str(_data(answer.json())["id"])
        failed = await self._ended(job, call)
        rejected = await self._rejected(job, items, call) if failed else {}
        if len(rejected) != failed:
            raise UnreadableAnswerError(f"job {job} failed for {failed} profiles, but names {len(rejected)}")
        return Outcomes(job, rejected)

    async def _ended(self, job: str, call: Caller) -> int:
        """Number of profiles that the job did not take, once it has ended."""
        async for _ in growing_pauses(_FIRST_WAIT, _LONGEST_WAIT):
            answer = await call(Call("GET", f"{_JOBS}/{quote(job, safe='')}", "job"))
            if not answer.is_success:
                raise UnreadableAnswerError(f"job {job} is not known (HTTP {answer.status})")
            attributes = _data(answer.json())["attributes"]
            if attributes["status"] == "complete":
                return int(attributes.get("failed_count") or 0)
            if attributes["status"] == "cancelled":
                raise CallRefusedError(f"job {job} was cancelled at the platform", is_permanent=False)
        raise AssertionError("pauses have no end")

    async def _rejected(self, job: str, items: Sequence[Item], call: Caller) -> dict[int, Rejection]:
        places = {item.row.customer_id: place for place, item in enumerate(items)}
        found: dict[int, Rejection] = {}
        path: str | None = f"{_JOBS}/{quote(job, safe='')}/import-errors"
        while path:
            answer = await call(Call("GET", path, "errors"))
            if not answer.is_success:
                raise UnreadableAnswerError(f"the errors of job {job} cannot be read (HTTP {answer.status})")
            page = answer.json()
            for error in page["data"]:
                attributes = error["attributes"]
                reason = platform_reason(attributes.get("code"), attributes.get("detail") or attributes.get("title"))
                found[_place(attributes, places, job)] = Rejection(reason, has_refused=_says_suppressed(attributes))
            path = _next_page(page)
        return found

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """Whether the profile has the campaign's marker as it was sent."""
        wanted = quote(f'equals(external_id,"{row.customer_id}")', safe="(),")
        answer = await call(Call("GET", f"/api/profiles?filter={wanted}", "profiles"))
        if not answer.is_success:
            raise UnreadableAnswerError(f"profiles cannot be read (HTTP {answer.status})")
        found = answer.json()["data"]
        return bool(found) and found[0]["attributes"].get("properties", {}).get(self._marker) is (not row.is_removal)


def _headers(login: Login) -> Mapping[str, str]:
    return {
        "Authorization": f"Klaviyo-API-Key {login.secret}",
        "revision": "2026-10-15",
        "Content-Type": "application/vnd.api+json",
        "Accept": "application/vnd.api+json",
    }


def _data(document: Any) -> Any:
    if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
        raise UnreadableAnswerError("an answer has no data")
    return document["data"]


def _first_error(document: Any) -> tuple[str | None, str | None]:
    errors = document.get("errors") or [{}] if isinstance(document, dict) else [{}]
    return errors[0].get("code"), errors[0].get("detail") or errors[0].get("title")


def _place(error: Mapping[str, Any], places: Mapping[str, int], job: str) -> int:
    """Which of the items an error is about: by its pointer, else by the profile that it repeats."""
    pointer = _PLACE.search(str((error.get("source") or {}).get("pointer") or ""))
    if pointer and int(pointer[1]) < len(places):
        return int(pointer[1])
    payload = error.get("original_payload") or {}
    customer = str((payload.get("attributes") or payload).get("external_id"))
    if customer not in places:
        raise UnreadableAnswerError(f"job {job} does not say which profile an error is about")
    return places[customer]


def _says_suppressed(error: Mapping[str, Any]) -> bool:
    return "suppress" in f"{error.get('code')} {error.get('title')}".lower()


def _next_page(page: Mapping[str, Any]) -> str | None:
    """Path and query of the next page: whatever host a link names, the account's own is asked."""
    link = (page.get("links") or {}).get("next")
    if not link:
        return None
    return "/" + link.split("://", 1)[-1].split("/", 1)[1] if "://" in link else str(link)


KIND = PlatformKind("https://a.klaviyo.com", (), CAPABILITIES, _headers, Klaviyo)
