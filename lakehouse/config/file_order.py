"""In which order files of a source came, as declared: what is newest among several that one run finds."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

# Parts of a name, from the greatest to the least, with the digits that each may have.
_PARTS = {
    "year": "[0-9]{4}",
    "month": "[0-9]{1,2}",
    "day": "[0-9]{1,2}",
    "hour": "[0-9]{1,2}",
    "minute": "[0-9]{1,2}",
    "second": "[0-9]{1,2}",
    "number": "[0-9]+",
}
_TOKEN = re.compile(r"\{([^{}]*)\}|(\*)")
_YEAR_LAST = re.compile(r"(?<![0-9])[0-9]{1,2}([-._])[0-9]{1,2}\1[0-9]{4}(?![0-9])")


class NamePattern(BaseModel):
    """Where a file name says when it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str = Field(
        description="the name with {year}, {month}, {day}, {hour}, {minute}, {second} or {number} where they are, and *"
        " for any text, e.g. contacts_{day}-{month}-{year}.jsonl"
    )

    @field_validator("pattern")
    @classmethod
    def _has_known_parts(cls, value: str) -> str:
        parts = [part for part, star in _TOKEN.findall(value) if not star]
        if not parts or not set(parts) <= set(_PARTS) or len(set(parts)) < len(parts):
            raise ValueError(
                f"the pattern {value!r} has no part to order by, an unknown one, or one twice;"
                f" expected some of {', '.join(f'{{{part}}}' for part in _PARTS)}"
            )
        return value

    def values(self, name: str) -> tuple[int, ...] | None:
        """The parts of a file name from the greatest to the least; None when the name is not written so."""
        expression, end = "", 0
        for token in _TOKEN.finditer(self.pattern):
            part = token[1]
            expression += re.escape(self.pattern[end : token.start()])
            expression += f"(?P<{part}>{_PARTS[part]})" if part else ".*"
            end = token.end()
        expression += re.escape(self.pattern[end:])
        found = re.fullmatch(expression, name if "/" in self.pattern else name.rpartition("/")[2])
        return None if found is None else tuple(int(found[part]) for part in _PARTS if part in found.groupdict())


FileOrder = Literal["modified", "name"] | NamePattern


def place_in_order(order: FileOrder, name: str, modified_at: str) -> str | None:
    """A text by which files of a source sort in the order they came; None when the name does not fit the pattern.

    Args:
        order: as declared.
        name: of the file, below the source's location.
        modified_at: its time of change, ISO, all of one source written alike.
    """
    if order == "name":
        return natural(name)
    if order == "modified":
        return f"{modified_at} {natural(name)}"
    values = order.values(name)
    return None if values is None else f"{'-'.join(f'{value:020d}' for value in values)} {natural(name)}"


def natural(name: str) -> str:
    """A text by which names sort with their numbers as numbers: 9 before 10."""
    return re.sub("[0-9]+", _with_length, name) + f" {name}"


def _with_length(digits: re.Match[str]) -> str:
    bare = digits[0].lstrip("0")
    return f"{len(bare):03d}{bare}"


def has_year_last(name: str) -> bool:
    """Whether a name holds a date whose year is last (31-12-2023): neither its digits nor its text sort by time."""
    return _YEAR_LAST.search(name) is not None
