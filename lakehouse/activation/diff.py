"""The difference between what a platform should have and what it acknowledged: only that is sent."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Diff:
    """Customer ids by what must happen, each list in order; together they are exactly the customers of both sides."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


def diff(target: Mapping[str, str], acknowledged: Mapping[str, str], uncertain: Set[str] = frozenset()) -> Diff:
    """Compare payload hashes by customer_id: `target` is to be on the platform, `acknowledged` is there.

    What the platform has of the `uncertain` customers is not known: they are sent again when wanted, and removed when
    not.
    """
    both = sorted(target.keys() & acknowledged.keys())
    return Diff(
        added=tuple(sorted(target.keys() - acknowledged.keys())),
        changed=tuple(
            customer for customer in both if target[customer] != acknowledged[customer] or customer in uncertain
        ),
        removed=tuple(sorted((acknowledged.keys() | uncertain) - target.keys())),
        unchanged=tuple(
            customer for customer in both if target[customer] == acknowledged[customer] and customer not in uncertain
        ),
    )
