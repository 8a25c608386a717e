"""Received text -> the type a contract names. What cannot be read becomes null; nothing is guessed and nothing fails.

Both engines agree on what is written here (checked by the parity test): their casts differ on exponents, on incomplete
dates and on words like `now`, so those are refused before the cast.
"""

from __future__ import annotations

from lakehouse.contracts import Column

_BLANKS = "' \\t\\r\\n'"
# What pandas makes of the whole number 7 where another value of its column is missing: 7.0.
_WHOLE_FLOAT = "^[+-]?[0-9]+[.]0+$"
# The ten characters of a date, and a time of digits alone. Whatever else the engines can read has a zone or an offset
# (`Z`, `EST`, `GMT+2`, `+2`, `+02:00:00`), which they apply.
_IS_LOCAL = "^.{10}([ T][0-9:.]*)?$"


def received_sql(mapped: str) -> str:
    """The text that a mapping yields: trimmed; blank is null."""
    return f"nullif(btrim(cast({mapped} as string), {_BLANKS}), '')"


def typed_sql(column: Column, received: str, timezone: str) -> str:
    """SQL that reads `received` (SQL yielding text) as the column's type, null when it cannot be read.

    Whole numbers: digits, also with a point and zeros. Decimals: digits with a point, rounded half up to the scale; no
    exponent, no thousands separator. Timestamps: ISO 8601, date first; with an offset, or naive in `timezone`.
    ValueError for a type that cannot be delivered.
    """
    if column.type == "string":
        return received
    if column.type in ("int", "bigint"):
        plain = f"try_cast({received} as {column.type})"
        whole = f"try_cast(substring_index({received}, '.', 1) as {column.type})"
        return f"coalesce({plain}, case when {received} rlike '{_WHOLE_FLOAT}' then {whole} end)"
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
    # The engines read only a capital Z; a small one is as good (RFC 3339), and rare, so it is a second try.
    small_z = f"case when {received} rlike '[0-9]z$' then try_cast(upper({received}) as timestamp) end"
    instant = f"coalesce(try_cast({received} as timestamp), {small_z})"
    if timezone in ("UTC", "Etc/UTC"):
        return f"case when {is_iso} then {instant} end"
    # The session's zone is UTC, so a naive time was read as UTC and is shifted to where it belongs.
    shifted = f"to_utc_timestamp({instant}, '{timezone}')"
    return f"case when {is_iso} then case when {received} rlike '{_IS_LOCAL}' then {shifted} else {instant} end end"


def latest_reading_sql(typed: str, received: str, timezone: str) -> str:
    """SQL for the last instant that a received time can mean.

    A date lasts to the end of its day, a time without seconds to the end of its minute, one without fractions to the
    end of its second. A naive time that occurs twice, because clocks are set back, is the later one.

    Args:
        typed: column with the timestamp that was read (its earliest reading).
        received: column with the text it was read from.
        timezone: zone of naive times.
    """
    later = f"{typed} + interval 1 hour"
    if timezone in ("UTC", "Etc/UTC"):
        instant = typed
    else:
        occurs_twice = f"from_utc_timestamp({later}, '{timezone}') = from_utc_timestamp({typed}, '{timezone}')"
        instant = f"case when {received} rlike '{_IS_LOCAL}' and {occurs_twice} then {later} else {typed} end"
    has_no_seconds = f"{received} rlike '^.{{10}}.[0-9]{{2}}:[0-9]{{2}}(?:[^:.0-9].*)?$'"
    return (
        f"case when length({received}) = 10 then {_next_day(typed, timezone)} - interval 1 microsecond"
        f" when {has_no_seconds} then {instant} + interval 59999999 microseconds"
        f" when not contains({received}, '.') then {instant} + interval 999999 microseconds"
        f" else {instant} end"
    )


def _next_day(typed: str, timezone: str) -> str:
    """The first moment of the next day in the zone."""
    if timezone in ("UTC", "Etc/UTC"):
        return f"{typed} + interval 1 day"
    return f"to_utc_timestamp(from_utc_timestamp({typed}, '{timezone}') + interval 1 day, '{timezone}')"
