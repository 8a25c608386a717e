"""Values of a row as texts that can be written, whatever a source put into them: one value costs no load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.formats.values import LONE_SURROGATE, text_of

_REPLACEMENT = "\ufffd"
_NAMED = 5  # rows named in one warning


class Repairs:
    """Which rows of a load had characters that cannot be written: by number among the landed rows, with the columns."""

    def __init__(self) -> None:
        self.count = 0
        self._named: list[str] = []

    def note(self, row_number: int, columns: list[str]) -> None:
        """Remember a row and the columns that were repaired."""
        self.count += 1
        if len(self._named) < _NAMED:
            self._named.append(f"_row_number {row_number} ({', '.join(columns)})")

    def __str__(self) -> str:
        more = f" and {self.count - _NAMED} more" if self.count > _NAMED else ""
        return (
            f"{self.count} rows have characters that are none (half an emoji, or bytes that are not UTF-8), which were"
            f" replaced by {_REPLACEMENT}: {'; '.join(self._named)}{more}"
        )


def readable_text(value: Any) -> str | None:
    """A value as text; one that has no form of its own (a time beyond year 9999 in UTC) as Python writes it."""
    try:
        return text_of(value)
    except (ValueError, ArithmeticError):
        return str(value)


def without_surrogates(texts: Mapping[str, str | None]) -> tuple[dict[str, str | None], list[str]]:
    """The record with a replacement sign for each half of a surrogate pair, and the names of the columns that had
    one."""
    broken = [repaired(name) for name, text in texts.items() if LONE_SURROGATE.search(name + (text or ""))]
    return {repaired(name): text if text is None else repaired(text) for name, text in texts.items()}, broken


def repaired(text: str) -> str:
    """The text with a replacement sign for each half of a surrogate pair."""
    return LONE_SURROGATE.sub(_REPLACEMENT, text)
