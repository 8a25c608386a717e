"""Which tables of the lake are damaged, from their logs and the sizes of their files."""

from __future__ import annotations

from lakehouse.config.settings import Settings
from lakehouse.diagnostics.finding import Finding
from lakehouse.storage.damage import doubtful_tables, known_tables
from lakehouse.storage.discovery import is_remote


def table_findings(chosen: Settings) -> list[Finding]:
    """How many tables are whole, and a finding for each damaged one; an object store is not asked."""
    if is_remote(chosen.lake):
        return []
    tables = known_tables(chosen.lake)
    damaged = doubtful_tables(chosen.lake)
    remedy = "Run `lakehouse repair {}`: it says what the table can be made from again, and asks before it does so."
    return [
        Finding("tables", not damaged, f"{len(tables) - len(damaged)} of {len(tables)} are whole"),
        *(Finding(f"table {table}", False, problem, remedy.format(table)) for table, problem in damaged.items()),
    ]
