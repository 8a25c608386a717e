"""How often somebody may ask: one number per caller (GCRA), no thread and no clock of its own.

Libraries of rates keep a list of moments per caller and lock it; a server that takes thousands of requests a second
from as many addresses needs one number each, and a bound on how many it remembers.
"""

from __future__ import annotations

from collections import OrderedDict


class RateLimit:
    """`per_second` requests of each caller on the average, `burst` of them at once. 0 a second = no limit."""

    def __init__(self, per_second: float, burst: float, most_callers: int = 100_000) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._tolerance = burst * self._interval
        self._most = most_callers
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def wait_seconds(self, caller: str, now: float, cost: float = 1.0) -> float:
        """0 when the caller may go ahead, which then counts; else how long it has to wait, and nothing counts.

        A cost above the burst is let through when the caller has been quiet, or it would wait for ever.
        """
        if not self._interval:
            return 0.0
        free_at = max(self._free_at.get(caller, now), now)
        after = free_at + cost * self._interval
        if free_at > now and after - now > self._tolerance:
            return after - now - self._tolerance
        self._free_at[caller] = after
        self._free_at.move_to_end(caller)
        if len(self._free_at) > self._most:
            self._free_at.popitem(last=False)
        return 0.0
