"""Everything that a simulator received, in order, without the values of secrets."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.messages import SECRET, names_a_secret

_MOST = 20_000  # requests that are kept
_MOST_BYTES = 64 * 2**20  # of their bodies


@dataclass
class Received:
    """One request; `status` is None while it is not answered, or when it never is."""

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    size: int
    number: int = 0
    body: bytes | None = None
    status: int | None = None
    faults: tuple[str, ...] = ()

    def shown(self, with_body: bool) -> dict[str, Any]:
        """The request in `/_sim/requests`; a body that is no JSON is a text."""
        told = {
            "number": self.number,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": {name: SECRET if _is_secret(name) else value for name, value in self.headers.items()},
            "size": self.size,
            "status": self.status,
            "faults": list(self.faults),
        }
        if with_body and self.body is not None:
            told["body"] = _read(self.body)
        return told


class RequestLog:
    """The latest requests. The oldest bodies are dropped first, then the oldest requests; both are counted."""

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        """At most so many requests, and bytes of their bodies."""
        self._most, self._most_bytes = most, most_bytes
        self._entries: deque[Received] = deque()
        self._with_body: deque[Received] = deque()
        self._bytes = 0
        self.count = 0

    def add(self, entry: Received, body: bytes) -> Received:
        """Remember a request; its number is the count of requests so far."""
        self.count += 1
        entry.number, entry.body = self.count, body
        self._entries.append(entry)
        self._with_body.append(entry)
        self._bytes += len(body)
        if len(self._entries) > self._most:
            oldest = self._entries.popleft()
            if self._with_body and self._with_body[0] is oldest:
                self._drop_body()
        while self._bytes > self._most_bytes:
            self._drop_body()
        return entry

    def _drop_body(self) -> None:
        oldest = self._with_body.popleft()
        self._bytes -= len(oldest.body or b"")
        oldest.body = None

    def shown(self, with_bodies: bool = True) -> dict[str, Any]:
        """The answer of `/_sim/requests`."""
        return {
            "count": self.count,
            "count_dropped": self.count - len(self._entries),
            "requests": [entry.shown(with_bodies) for entry in self._entries],
        }


def _is_secret(name: str) -> bool:
    return name in ("authorization", "api-key", "cookie") or names_a_secret(name)


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")
