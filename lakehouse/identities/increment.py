"""Resolving only what changed touches, from what the lake knows about it already."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from lakehouse.identities.names import Name, pairs
from lakehouse.identities.neighbourhood import Neighbours, neighbourhood
from lakehouse.identities.resolution import Facts, Guard, Resolution, resolve


@dataclass
class ChangedInputs:
    """`touched`: identifiers that may be resolved otherwise now."""

    touched: set[Name] = field(default_factory=set)
    count_placeholders: int = 0


def resolve_changes(
    changed: ChangedInputs, lake: Neighbours, sharing_limit: int, now: datetime
) -> tuple[pa.Table, Resolution]:
    """The rows of silver.identities that may change, as they are and as they are to be; with the former, the ledger
    grows like after a resolution of everything."""
    found = neighbourhood(changed.touched, lake, sharing_limit)
    facts = Facts(found.contacts, found.references, found.of_contacts, found.ledger)
    guard = Guard(sharing_limit, frozenset(found.shared), placeholders_of(found.references))
    return found.resolved, resolve(facts, guard, now)


def placeholders_of(references: pa.Table) -> frozenset[Name]:
    """The references that are flagged as placeholders."""
    flagged = references.filter(references["is_placeholder"])
    return frozenset(pairs(flagged))
