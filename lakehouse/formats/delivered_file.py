"""What delivered files have in common, whatever their format: the names of their columns."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from lakehouse.config.column_mapping import landed_name
from lakehouse.errors import UnreadableFileError


def landed_names(delivered: Sequence[str], expected: Sequence[str] = ()) -> list[str]:
    """Landed names of delivered columns; one that differs from an expected name only in case gets that spelling.

    ValueError when two become the same (upper and lower case count as equal).
    """
    spellings = {name.lower(): name for name in reversed(expected)}
    found: dict[str, str] = {}
    for position, delivered_name in enumerate(delivered, 1):
        name = landed_name(delivered_name, position)
        if name.lower() in found:
            raise ValueError(
                f"two columns are called {name!r} (names that differ only in upper and lower case are the same)"
            )
        found[name.lower()] = spellings.get(name.lower(), name)
    return list(found.values())


def require(expected: Sequence[str], found: Sequence[str], name: str) -> None:
    """UnreadableFileError when a file lacks columns that the mapping reads; names compare without case."""
    present = {column.lower() for column in found}
    missing = [column for column in expected if column.lower() not in present]
    if len(missing) == len(expected) > 1:
        raise UnreadableFileError(
            name,
            f"wrong header: none of the mapped columns is there ({', '.join(missing)});"
            " check header line and delimiter",
        )
    if missing:
        read = {column.lower() for column in expected}
        spare = [column for column in found if column.lower() not in read]
        named = ", ".join(_with_hint(column, spare) for column in missing)
        raise UnreadableFileError(name, f"missing columns: {named}")


def _with_hint(missing: str, found: Sequence[str]) -> str:
    near = difflib.get_close_matches(missing.lower(), [name.lower() for name in found], 1, 0.7)
    if not near:
        return missing
    return f"{missing} (did you mean {next(name for name in found if name.lower() == near[0])!r}?)"
