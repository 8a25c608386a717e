"""The time of a send as people write it: a local time and an IANA time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo


def utc_time(value: Any) -> datetime:
    """`2018-01-05 09:00 Europe/Berlin` -> UTC. A local time that clock changes skip, or repeat, is not valid."""
    expected = "a local time and an IANA time zone, e.g. 2018-01-05 09:00 Europe/Berlin"
    local_text, _, zone_name = str(value).strip().rpartition(" ")
    try:
        local = datetime.fromisoformat(local_text)
    except ValueError:
        raise ValueError(f"{str(value)!r} is not a valid time; expected {expected}") from None
    try:
        zone = ZoneInfo(zone_name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{str(value)!r}: there is no time zone {zone_name!r}; expected {expected}") from None
    if local.tzinfo is not None:
        raise ValueError(f"{str(value)!r} has both an offset and a time zone; expected {expected}")
    found = local.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(
            f"{str(value)!r} does not exist in that time zone, because the clocks go forward; expected {expected}"
        )
    if local.replace(tzinfo=zone, fold=1).astimezone(UTC) != found:
        raise ValueError(
            f"{str(value)!r} happens twice in that time zone, because the clocks go back; expected a time that happens"
            " once"
        )
    return found
