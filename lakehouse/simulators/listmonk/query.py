"""The condition with which subscribers are looked up.

listmonk puts it into a statement of PostgreSQL. Simulated are conditions on one of email, id and uuid, with =, IN and
= ANY(ARRAY[...]); they need no look at every subscriber.
"""

from __future__ import annotations

import re

_CONDITION = re.compile(
    r"""\s*(?:subscribers\.)?(?P<column>email|id|uuid)\s*(?:
        =\s*(?P<one>'(?:[^']|'')*'|\d+)
        | IN\s*\((?P<many>.*)\)
        | =\s*ANY\s*\(\s*(?:ARRAY)?\s*\[(?P<any>.*)\]\s*\)
    )\s*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_VALUE = re.compile(r"\s*('(?:[^']|'')*'|\d+)\s*(?:,|$)")


class QueryError(Exception):
    """A condition that this simulator does not know."""


def parse_query(text: str) -> tuple[str, list[str]]:
    """The column of a condition, and the values one of which it must have. Raises QueryError."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise QueryError(f"the simulator knows email, id and uuid with =, IN (...) and = ANY(ARRAY[...]), not {text!r}")
    values = found["one"] or found["many"] or found["any"] or ""
    return found["column"].lower(), [value.strip("'").replace("''", "'") for value in _VALUE.findall(values)]
