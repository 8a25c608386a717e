"""A request as a platform sees it, and what the platform answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class BadBodyError(ValueError):
    """The body is not what the platform reads; the message says why."""


@dataclass(frozen=True)
class RowFault:
    """What a fault does to a row: refuse it for a reason, or, without a reason, leave it out without a word."""

    reason: str | None = None


class Modifiers(Protocol):
    """The scripted faults that a platform has to be asked for (fault_plan.py)."""

    def row_fault(self, position: int, key: str) -> RowFault | None:
        """What happens to a row of this request."""

    def is_job_stuck(self) -> bool:
        """Whether the job that this request starts never ends."""

    def is_import_locked(self) -> bool:
        """Whether somebody else's import is at work."""


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        path: without a trailing slash; `parameters` are its variable parts, `query` what follows the question mark.
        headers: by lower-case name.
        now: seconds since 1970, by the simulator's clock.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: float
    modifiers: Modifiers
    seconds_of_a_job: float
    parameters: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON. Raises BadBodyError."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise BadBodyError(f"not valid JSON: {error}") from None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadBodyError."""
        found = self.json()
        if not isinstance(found, dict):
            raise BadBodyError("not a JSON object")
        return found

    def row_fault(self, position: int, key: str) -> RowFault | None:
        """What a scripted fault does to a row of this request, or None."""
        return self.modifiers.row_fault(position, key)

    def job_seconds(self) -> float:
        """How long the job takes that this request starts; infinite when a scripted fault lets it get stuck."""
        return float("inf") if self.modifiers.is_job_stuck() else self.seconds_of_a_job

    def is_import_locked(self) -> bool:
        """Whether a scripted fault lets another import be at work."""
        return self.modifiers.is_import_locked()


@dataclass(frozen=True)
class Answer:
    """Status, body (bytes as they are, anything else as JSON, None for no body) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers, with the type of the body."""
        return ({} if self.body is None else {"content-type": "application/json"}) | dict(self.headers)

    @property
    def content(self) -> bytes:
        """The body as it goes over the wire."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
