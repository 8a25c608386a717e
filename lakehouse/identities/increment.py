"""Resolving only what changed touches, from what the lake knows about it already."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from lakehouse.identities.names import Name, pairs
from lakehouse.identities.neighbourhood import Neighbours, neighbourhood
from lakehouse.identities.resolution import Facts, Guard, Resolution, resolve

REFERENCES = pa.schema(
    [("identifier_type", pa.string()), ("identifier", pa.string()), ("first_seen_at", pa.timestamp("us", tz="UTC"))]
)


@dataclass
class ChangedInputs:
    """`touched`: identifiers that may be resolved otherwise now. `referred`: first reference to an identifier, where
    that changed; null when nothing refers to it any more. `placeholders`: those of `referred` that are one."""

    touched: set[Name] = field(default_factory=set)
    referred: dict[Name, object] = field(default_factory=dict)
    placeholders: set[Name] = field(default_factory=set)
    count_placeholders: int = 0


def resolve_changes(
    changed: ChangedInputs, lake: Neighbours, sharing_limit: int, now: datetime
) -> tuple[pa.Table, Resolution]:
    """The rows of silver.identities that may change, as they are and as they are to be; with the former, the ledger
    grows like after a resolution of everything."""
    found = neighbourhood(changed.touched, lake, sharing_limit)
    known = found.resolved
    names = list(pairs(known))
    referred = dict(zip(names, known["first_referred_at"].to_pylist(), strict=True)) | changed.referred
    placeholders = {name for name, rule in zip(names, known["rule"].to_pylist(), strict=True) if rule == "placeholder"}
    facts = Facts(found.contacts, _references(referred), found.of_contacts, found.ledger)
    guard = Guard(sharing_limit, frozenset(found.shared), frozenset(placeholders | changed.placeholders))
    return known, resolve(facts, guard, now)


def _references(referred: dict[Name, object]) -> pa.Table:
    dated = [(*name, moment) for name, moment in referred.items() if moment is not None]
    return pa.Table.from_pylist([dict(zip(REFERENCES.names, row, strict=True)) for row in dated], schema=REFERENCES)


def placeholders_of(references: pa.Table) -> frozenset[Name]:
    """The references that are flagged as placeholders."""
    flagged = references.filter(references["is_placeholder"])
    return frozenset(pairs(flagged))
