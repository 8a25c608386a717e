"""Answers as listmonk writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from lakehouse.simulators.call import Answer, BadBodyError


def data(value: Any) -> Answer:
    """200."""
    return Answer(200, {"data": value})


def error(status: int, message: str) -> Answer:
    """Anything else."""
    return Answer(status, {"message": message})


def json_of(content: bytes) -> Any:
    """A field of a form as JSON. Raises BadBodyError."""
    try:
        return json.loads(content)
    except ValueError as problem:
        raise BadBodyError(f"Invalid params: {problem}") from None


def timestamp(seconds: float) -> str:
    """A moment, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
