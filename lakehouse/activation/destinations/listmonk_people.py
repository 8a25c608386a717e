"""Subscribers of listmonk as they are read, and as they have to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

_LOOKED_UP = 100  # addresses of one question, so that its address is not too long


def lookups(emails: Sequence[str]) -> Iterator[str]:
    """Paths that ask for the subscribers with these addresses. listmonk keeps addresses in lower case."""
    for start in range(0, len(emails), _LOOKED_UP):
        some = emails[start : start + _LOOKED_UP]
        values = ",".join("'" + email.lower().replace("'", "''") + "'" for email in some)
        query = {"query": f"subscribers.email IN ({values})", "per_page": len(some), "page": 1}
        yield f"/api/subscribers?{urlencode(query)}"


def merged(row: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """A row with everything that the subscriber has and the row does not say; what is empty in it is left out."""
    attributes = {**(found.get("attribs") or {}), **row["attributes"]}
    named = row["attributes"].get("name")
    return {
        "email": row["email"],
        "name": named if isinstance(named, str) else found.get("name") or "",
        "attributes": {name: value for name, value in attributes.items() if value is not None},
    }


def is_as_sent(row: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Whether a subscriber has the attributes of a row."""
    return found is not None and (found.get("attribs") or {}) == row["attributes"]
