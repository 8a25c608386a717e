"""The difference between what a destination should have and what it acknowledged: only that is sent."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Diff:
    """Sorted customer ids by what must happen; each customer of either side is in exactly one of them."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


def diff(target: Mapping[str, str], acknowledged: Mapping[str, str], uncertain: Set[str] = frozenset()) -> Diff:
    """Compare payload hashes by customer_id.

    Args:
        target: what the destination should have.
        acknowledged: what it has.
        uncertain: customers of whom it is not known what the destination has. They are sent again if they are in the
            target, and removed if not.
    """
    both = target.keys() & acknowledged.keys()
    unchanged = {customer for customer in both - uncertain if target[customer] == acknowledged[customer]}
    return Diff(
        added=tuple(sorted(target.keys() - acknowledged.keys())),
        changed=tuple(sorted(both - unchanged)),
        removed=tuple(sorted((acknowledged.keys() | uncertain) - target.keys())),
        unchanged=tuple(sorted(unchanged)),
    )
