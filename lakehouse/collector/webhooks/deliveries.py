"""Deliveries that were taken lately: a repeated or replayed one is answered like the first, and sent nowhere.

They are kept in memory. After a restart a delivery may pass again while its signature is young; its events have the
same ids then and count once.
"""

from __future__ import annotations

from collections import OrderedDict

_MOST = 100_000


class TakenDeliveries:
    """The ids of the newest deliveries, at most 100,000."""

    def __init__(self) -> None:
        self._taken: OrderedDict[tuple[str, str], None] = OrderedDict()

    def has(self, account: str, delivery: str) -> bool:
        """Whether the delivery was taken."""
        return (account, delivery) in self._taken

    def add(self, account: str, delivery: str) -> None:
        """To be called when it is durable."""
        self._taken[account, delivery] = None
        if len(self._taken) > _MOST:
            self._taken.popitem(last=False)
