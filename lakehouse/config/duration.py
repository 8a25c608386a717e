"""Lengths of time as people write them: `3 days`, `12h`, `30 minutes`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LENGTH = re.compile(r"(\d{1,6}) ?([smhd]|seconds?|minutes?|hours?|days?)")


def duration(text: str) -> timedelta | None:
    """`3 days`, `12h` -> timedelta; None for a text that is no length of time."""
    found = _LENGTH.fullmatch(text)
    return timedelta(**{_UNITS[found[2][0]]: int(found[1])}) if found else None


def duration_text(length: timedelta) -> str:
    """The shortest text of a length in whole seconds: `6h`, `90m`, `45s`."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
