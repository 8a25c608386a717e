"""Everything that must be resolved together when some identifiers changed: a small, complete part of the lake.

What becomes of an identifier hangs on its group (see `_group` of silver.identities), on the groups that its new
neighbours belong to, and on whoever has a customer_id that one of them ever had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.identities.names import TYPES, Name, pairs

NAMES = pa.schema([("identifier_type", pa.string()), ("identifier", pa.string())])


@dataclass(frozen=True)
class Known:
    """What the lake has about some identifiers.

    `contacts`: those that have one of them: the identifier, then columns as of Facts.contacts. `of_contacts`: rows of
    silver.contact_identifiers. Of an identifier that is shared too widely, both have enough rows to see that.
    `ledger`: rows of ops.customer_ids. `references`: as of Facts.references, with is_placeholder.
    """

    contacts: pa.Table
    of_contacts: pa.Table
    ledger: pa.Table
    references: pa.Table


class Neighbours(Protocol):
    """What the lake knows about some identifiers (`names`: identifier_type, identifier)."""

    def known(self, names: pa.Table) -> Known:
        """See Known."""

    def resolved(self, names: pa.Table, customer_ids: pa.Array) -> pa.Table:
        """Rows of silver.identities in the groups of the names, or with one of the customer_ids."""


@dataclass
class Neighbourhood:
    """What was found: tables as of Facts, without duplicates, the rows of silver.identities so far, and the names that
    are shared too widely to link anybody."""

    contacts: pa.Table
    of_contacts: pa.Table
    ledger: pa.Table
    resolved: pa.Table
    references: pa.Table
    shared: set[Name] = field(default_factory=set)


def neighbourhood(touched: Iterable[Name], lake: Neighbours, sharing_limit: int) -> Neighbourhood:
    """Follow the touched identifiers to everything they may be resolved with.

    What they were resolved with comes first: whoever is connected through something new was touched, so that contacts
    are mostly asked for once.
    """
    found: dict[str, list[pa.Table]] = defaultdict(list)
    seen: set[Name] = set()
    shared: set[Name] = set()
    customers: set[str] = set()
    settled = _Settled()
    frontier = set(touched)
    while True:
        resolved = settled.resolve(lake, frontier, customers)
        found["resolved"].append(resolved)
        names = (frontier | set(pairs(resolved))) - seen
        if seen and not names:
            break
        seen |= names
        known = lake.known(names_table(names))
        shared_now = _on_more_than(sharing_limit, known.contacts)
        shared |= shared_now
        contacts = _without(known.contacts, shared_now).select([*TYPES, "created_at", "is_deleted"])
        former = _without(known.of_contacts, _on_more_than(sharing_limit, known.of_contacts))
        found["contacts"].append(contacts)
        for name in ("of_contacts", "ledger", "references"):
            found[name].append(getattr(known, name))
        customers = set(known.ledger["customer_id"].to_pylist())
        reached = set(_names_of_contacts(contacts)) | {("crm_id", text) for text in former["contact_id"].to_pylist()}
        frontier = reached - seen
        if not frontier and not settled.has_open(customers):
            break
    return Neighbourhood(**{name: _distinct(tables) for name, tables in found.items()}, shared=shared)


@dataclass
class _Settled:
    """Groups and customers of whom all rows of silver.identities are known, so that nobody is asked for twice."""

    rows: pa.Table | None = None
    groups: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    known: dict[Name, tuple[str, str]] = field(default_factory=dict)

    def resolve(self, lake: Neighbours, names: set[Name], customers: set[str]) -> pa.Table:
        """See Neighbours.resolved; without the rows that were found before."""
        asked = {name for name in names if not self._is_settled(name)}
        wanted = customers - self.customers
        if not asked and not wanted and self.rows is not None:
            return self.rows.slice(0, 0)
        self.rows = lake.resolved(names_table(asked), pa.array(sorted(wanted), pa.string()))
        found = zip(self.rows["_group"].to_pylist(), self.rows["customer_id"].to_pylist(), strict=True)
        self.known |= dict(zip(pairs(self.rows), found, strict=True))
        of_asked = [self.known[name] for name in asked if name in self.known]
        self.groups |= {group for group, _ in of_asked}
        self.customers |= wanted | {customer for _, customer in of_asked}
        return self.rows

    def has_open(self, customers: set[str]) -> bool:
        """Whether there are customers of whom not all rows are known."""
        return not customers <= self.customers

    def _is_settled(self, name: Name) -> bool:
        group, customer = self.known.get(name, (None, None))
        return group in self.groups and customer in self.customers


def names_table(names: Iterable[Name]) -> pa.Table:
    """identifier_type, identifier; each name once."""
    pairs = sorted(set(names))
    return pa.table([[kind for kind, _ in pairs], [text for _, text in pairs]], schema=NAMES)


def _names_of_contacts(contacts: pa.Table) -> Iterable[Name]:
    for kind in TYPES:
        for text in pc.unique(contacts[kind].drop_null()).to_pylist():
            yield kind, text


def _on_more_than(limit: int, rows: pa.Table) -> set[Name]:
    counts = rows.group_by(NAMES.names).aggregate([([], "count_all")])
    return set(pairs(counts.filter(pc.greater(counts["count_all"], limit))))


def _without(rows: pa.Table, names: set[Name]) -> pa.Table:
    if not names:
        return rows
    return rows.filter(pa.array([pair not in names for pair in pairs(rows)], pa.bool_()))


def _distinct(tables: list[pa.Table]) -> pa.Table:
    """Rows of all tables, each once; a list counts as its text."""
    rows = pa.concat_tables(tables)
    flat = [name for name in rows.column_names if not pa.types.is_list(rows.schema.field(name).type)]
    numbered = rows.append_column("_number", pa.array(range(rows.num_rows), pa.int64()))
    kept = numbered.group_by(flat).aggregate([("_number", "min")])["_number_min"]
    return rows.take(kept.take(pc.sort_indices(kept)))
