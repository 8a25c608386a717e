"""The difference between what a platform should have and what it acknowledged: only that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Diff:
    """Customer ids by what must happen, each list in order; together they are exactly the customers of both sides."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


def diff(target: Mapping[str, str], acknowledged: Mapping[str, str]) -> Diff:
    """Compare payload hashes by customer_id: `target` is to be on the platform, `acknowledged` is there."""
    both = sorted(target.keys() & acknowledged.keys())
    return Diff(
        added=tuple(sorted(target.keys() - acknowledged.keys())),
        changed=tuple(customer for customer in both if target[customer] != acknowledged[customer]),
        removed=tuple(sorted(acknowledged.keys() - target.keys())),
        unchanged=tuple(customer for customer in both if target[customer] == acknowledged[customer]),
    )
