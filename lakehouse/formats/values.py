"""Values and records as text: what a typed source delivered, written so that the silver job can cast it back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from lakehouse.formats.delivered_file import landed_names

LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character, which no UTF-8 can hold


class NumberText(str):
    """A JSON number as it was written, so that 1.10 stays 1.10 and no digit of a long id is lost."""


def parse_json(text: str | bytes) -> Any:
    """JSON with numbers as NumberText; ValueError when it is not JSON (NaN and Infinity are not)."""
    return json.loads(text, parse_float=NumberText, parse_int=NumberText, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def text_of(value: Any) -> str | None:
    """A value as text: ISO 8601 for times, plain digits for numbers, true/false, JSON for what is nested; None stays
    None."""
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return plain_number(str(value))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()  # one text for one moment, whatever zone the session is in
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (dict, list, tuple)):
        return _json(value)
    if isinstance(value, (bytes, memoryview)):
        return _bytes_text(bytes(value))
    return str(value)


def plain_number(text: str) -> str:
    """A number without exponent, as the casts of the contract read it: `1e+16` -> `10000000000000000`."""
    return format(Decimal(text), "f") if "e" in text or "E" in text else text


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _json(value: Any) -> str:
    """Compact JSON in the order of delivery, numbers as they were written."""
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(str(key), ensure_ascii=False)}:{_json(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, (NumberText, int, float, Decimal)) or value is None:
        return str(value) if isinstance(value, NumberText) else json.dumps(value, default=str)
    return json.dumps(text_of(value), ensure_ascii=False)


def rows_of(records: Sequence[Mapping[str, Any]], expected: Sequence[str] = ()) -> pa.RecordBatch:
    """Records (column -> value) as a batch of string columns, in the order in which the names appear.

    Landed names in `expected` that no record has become columns of nulls. ValueError for names that clash.
    """
    names = list(dict.fromkeys(name for record in records for name in record))
    landed = landed_names(names, expected)
    columns = [pa.array([text_of(record.get(name)) for record in records], pa.string()) for name in names]
    absent = [name for name in expected if name not in landed]
    columns += [pa.nulls(len(records), pa.string()) for _ in absent]
    return pa.RecordBatch.from_arrays(columns, names=landed + absent)
