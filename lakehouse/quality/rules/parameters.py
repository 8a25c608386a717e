"""What the SQL of rules may name in braces, and its values in one run: tables, the as-of time, history, deliveries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, IDENTITIES, LINEAGE, MAIL_HOLDS, QUARANTINE, Column
from lakehouse.errors import MissingTableError
from lakehouse.storage.discovery import existing_tables, newest_version
from lakehouse.tables import Layer, TableRef

_NAME = re.compile(r"\{((?:bronze|silver|gold|ops)\.[a-z0-9_]+|[a-z_]+(?:\.[a-z_]+)*)\}")
_TABLE = re.compile(r"(bronze|silver|gold|ops)\.[a-z0-9_]+")


@dataclass(frozen=True)
class Parameters:
    """`values`: name -> SQL text. Tables need no entry: they are found in the lake, each read at its newest version."""

    lake: str
    values: dict[str, str]

    def fill(self, sql: str) -> str:
        """The SQL with every name in braces replaced; KeyError for a name nobody knows, MissingTableError for an absent
        gold table."""
        filled = _NAME.sub(
            lambda found: self.values[found[1]] if found[1] in self.values else self._relation(found[1]), sql
        )
        return filled if filled == sql else self.fill(filled)

    def tables(self, sql: str) -> set[TableRef]:
        """The tables that the SQL reads, also through other parameters."""
        found: set[TableRef] = set()
        for name in _NAME.findall(sql):
            if name in self.values:
                found |= self.tables(self.values[name])
            elif _TABLE.fullmatch(name):
                found.add(TableRef.parse(name))
        return found

    def _relation(self, name: str) -> str:
        if not _TABLE.fullmatch(name):
            raise KeyError(f"rules may not name {{{name}}}; known are tables and {', '.join(sorted(self.values))}")
        table = TableRef.parse(name)
        if newest_version(table, self.lake) is not None:
            return f"delta.`{table.location(self.lake)}`"
        if (columns := silver_columns(table)) is None:
            raise MissingTableError(name, [str(known) for known in existing_tables(self.lake)])
        nulls = ", ".join(f"cast(null as {column.type}) as {column.name}" for column in columns)
        return f"(select {nulls} where 1 = 0)"


def silver_columns(table: TableRef) -> tuple[Column, ...] | None:
    """All columns of a silver table by its contract, lineage included; None for tables that have no contract here."""
    if table.layer is not Layer.SILVER:
        return None
    for computed in (IDENTITIES, CONTACT_IDENTIFIERS, MAIL_HOLDS):
        if table.name == computed.dataset:
            return computed.columns
    if table.name.removesuffix("_quarantine") in DATASETS and table.name.endswith("_quarantine"):
        return QUARANTINE.columns
    return (*DATASETS[table.name].columns, *LINEAGE) if table.name in DATASETS else None
