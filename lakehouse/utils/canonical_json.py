"""JSON with exact decimals and ISO times, the same bytes for the same value: answers of `lakehouse sql`, payloads that
are hashed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from json.encoder import encode_basestring as _quoted
from typing import Any


def json_text(value: Any, is_sorted: bool = False) -> str:
    """Compact JSON. Decimals are numbers with all their digits, timestamps ISO 8601 (aware ones in UTC with Z), dates
    ISO, binary is hex, not-a-number and infinity are null, anything else unknown to JSON (UUID, interval) is its text.

    `is_sorted` sorts the keys of objects, so that equal values give equal bytes.
    """
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "null"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, Mapping):
        keys = sorted(value, key=str) if is_sorted else list(value)
        return "{" + ",".join(f"{_quoted(_plain(key))}:{json_text(value[key], is_sorted)}" for key in keys) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(json_text(item, is_sorted) for item in value) + "]"
    return _quoted(_plain(value))


def plain_text(value: Any) -> str:
    """A value for a cell of a CSV file or of a table: text as it is, else as in JSON without quotes. Not-a-number and
    infinity go by name there."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = json_text(value)
    return text[1:-1] if text.startswith('"') else text


def _plain(value: Any) -> str:
    """Text of a value that JSON has no type for."""
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)
