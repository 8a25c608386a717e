"""Which sources the rows come from that break a blocking rule: asked only once something blocks."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lakehouse.quality.rules.parameters import Parameters
from lakehouse.quality.rules.rule import Measurement, Severity
from lakehouse.tables import Layer, TableRef

_OF_TABLE = ("{table}", "(select * from {table})")


def with_sources(
    measured: Sequence[Measurement],
    table: TableRef,
    parameters: Parameters,
    run_query: Callable[[str], Sequence[Mapping[str, Any]]],
) -> list[Measurement]:
    """The measurements; those of blocking rules about single rows of a silver table that do not hold name the sources
    of the bad rows in their detail."""
    broken = [found for found in measured if _can_be_asked(found)] if table.layer is Layer.SILVER else []
    if not broken:
        return list(measured)
    counts = ", ".join(f"{found.rule.failed} as bad_{number}" for number, found in enumerate(broken))
    rows = run_query(parameters.fill(f"select _source, {counts} from {{table}} group by _source order by _source"))
    said = {
        found.rule.id: ", ".join(f"{row['_source']} ({row[f'bad_{number}']:,})" for row in rows if row[f"bad_{number}"])
        for number, found in enumerate(broken)
    }
    return [
        replace(found, detail=f"from {said[found.rule.id]}") if said.get(found.rule.id) else found for found in measured
    ]


def _can_be_asked(found: Measurement) -> bool:
    rule = found.rule
    is_about_rows = rule.relation in _OF_TABLE and rule.value is None and rule.detail is None
    return is_about_rows and rule.severity is Severity.BLOCKING and not found.is_passed
