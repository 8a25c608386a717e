"""Received text -> the type a contract names. What cannot be read becomes null; nothing is guessed and nothing fails.

Both engines agree on what is written here (checked by the parity test): their casts differ on exponents, on incomplete
dates and on words like `now`, so those are refused before the cast.
"""

from __future__ import annotations

from lakehouse.contracts import Column

_BLANKS = "' \\t\\r\\n'"
# After the ten characters of the date: a time that ends in a letter (Z, UTC, a region) or in an offset.
_HAS_ZONE = "^.{10}.*([A-Za-z]|:[0-9]{2}.*[+-][0-9]{2}(:?[0-9]{2})?)$"


def received_sql(mapped: str) -> str:
    """The text that a mapping yields: trimmed; blank is null."""
    return f"nullif(btrim(cast({mapped} as string), {_BLANKS}), '')"


def typed_sql(column: Column, received: str, timezone: str) -> str:
    """SQL that reads `received` (SQL yielding text) as the column's type, null when it cannot be read.

    Decimals: digits with a point, rounded half up to the scale; no exponent, no thousands separator. Timestamps: ISO
    8601, date first; with an offset, or naive in `timezone`. ValueError for a type that cannot be delivered.
    """
    if column.type == "string":
        return received
    if column.type in ("int", "bigint"):
        return f"try_cast({received} as {column.type})"
    if column.type.startswith("decimal"):
        has_exponent = f"contains({received}, 'e') or contains({received}, 'E')"
        return f"case when not ({has_exponent}) then try_cast({received} as {column.type}) end"
    if column.type == "timestamp":
        return _timestamp_sql(received, timezone)
    if column.type == "date":
        return f"case when {received} like '____-__-__' then try_cast({received} as date) end"
    if column.type == "boolean":
        word = f"lower({received})"
        is_true, is_false = (
            f"{word} in ({words})" for words in ("'true', 't', 'yes', 'y', '1'", "'false', 'f', 'no', 'n', '0'")
        )
        return f"case when {is_true} then true when {is_false} then false end"
    raise ValueError(f"{column.name}: a column of type {column.type} cannot be delivered")


def _timestamp_sql(received: str, timezone: str) -> str:
    is_iso = f"{received} like '____-__-__%'"
    instant = f"try_cast({received} as timestamp)"
    if timezone in ("UTC", "Etc/UTC"):
        return f"case when {is_iso} then {instant} end"
    # The session's zone is UTC, so a naive time was read as UTC and is shifted to where it belongs.
    shifted = f"to_utc_timestamp({instant}, '{timezone}')"
    return f"case when {is_iso} then case when {received} rlike '{_HAS_ZONE}' then {instant} else {shifted} end end"
