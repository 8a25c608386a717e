"""Looking at rejected rows without an engine: how many by dataset and rule, and the rows themselves."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from lakehouse.contracts import DATASETS, Pii
from lakehouse.errors import ContractError
from lakehouse.landing.source_history import known_feeds
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import quarantine

MASK = "***"


@dataclass(frozen=True)
class RuleCount:
    """Rejected rows of one dataset that broke one rule; a row that broke two rules counts for both."""

    dataset: str
    rule_id: str
    count_rows: int
    first_at: datetime
    last_at: datetime
    example_file: str


@dataclass(frozen=True)
class RejectedRow:
    """One rejected row as received; values that name a person are masked unless requested."""

    source: str
    source_file: str
    row_number: int
    rule_ids: tuple[str, ...]
    reason: str
    quarantined_at: datetime
    row: dict[str, object]


def overview(lake: str) -> list[RuleCount]:
    """Counts per dataset and rule, most rows first within a dataset; empty when nothing was ever rejected."""
    found: list[RuleCount] = []
    with open_snapshot([], lake, optional=[quarantine(dataset) for dataset in DATASETS]) as snapshot:
        for dataset in DATASETS:
            if quarantine(dataset) in snapshot.versions:
                query = (
                    "select rule_id, count(*), min(quarantined_at), max(quarantined_at), min(_source_file)"
                    " from (select unnest(rule_ids) as rule_id, quarantined_at, _source_file from"
                    f" {quarantine(dataset)})"
                    " group by rule_id order by count(*) desc, rule_id"
                )
                found += [RuleCount(dataset, *row) for row in snapshot.connection.execute(query).fetchall()]
    return found


def show(
    lake: str, dataset: str, rule: str | None = None, limit: int = 20, show_personal_data: bool = False
) -> list[RejectedRow]:
    """The newest rejected rows of a dataset, of all rules or of one; empty when there are none.

    Delivered columns that feed a column which names a person are masked, and so are those that nothing is mapped from:
    nobody has said what is in them. Raises ContractError for an unknown dataset and ConfigurationError for a wrong
    sources.yml.
    """
    if dataset not in DATASETS:
        raise ContractError(dataset, "unknown dataset", f"Use one of {', '.join(DATASETS)}.")
    table = quarantine(dataset)
    with open_snapshot([], lake, optional=[table]) as snapshot:
        if table not in snapshot.versions:
            return []
        query = (
            "select _source, _source_file, _row_number, rule_ids, reason, quarantined_at, row_json"
            f" from {table} where $rule is null or list_contains(rule_ids, $rule)"
            " order by quarantined_at desc, _source_file, _row_number limit $limit"
        )
        rows = snapshot.connection.execute(query, {"rule": rule, "limit": limit}).fetchall()
    harmless = {} if show_personal_data else _harmless_columns(dataset)
    return [
        RejectedRow(
            source,
            file,
            number,
            tuple(rule_ids),
            reason,
            at,
            _row(row_json, None if show_personal_data else harmless.get(source, frozenset())),
        )
        for source, file, number, rule_ids, reason, at, row_json in rows
    ]


def _row(row_json: str, harmless: frozenset[str] | None) -> dict[str, object]:
    """The row as received; with `harmless`, all other values are masked (an absent value stays absent)."""
    received: dict[str, object] = json.loads(row_json)
    return {
        name: value if harmless is None or name in harmless or value is None else MASK
        for name, value in received.items()
    }


def _harmless_columns(dataset: str) -> dict[str, frozenset[str]]:
    """Source -> delivered columns from which only columns that name nobody are mapped."""
    contract = DATASETS[dataset]
    found: dict[str, frozenset[str]] = {}
    for feed in known_feeds(dataset):
        by_danger: dict[bool, set[str]] = {True: set(), False: set()}
        for name, mapped in feed.declaration.mapping.items():
            by_danger[contract.column(name).pii is Pii.DIRECT] |= set(mapped.columns)
        found[feed.source] = frozenset(by_danger[False] - by_danger[True])
    return found
