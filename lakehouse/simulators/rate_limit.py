"""How often an account may call: fixed windows, as the platforms describe theirs."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """So many requests in so many seconds. Windows begin at multiples of their length."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class Allowance:
    """What a request is counted against: requests with the same name share the windows, in one account."""

    name: str
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class Count:
    """How a window stands after a request; `wait_seconds` is 0 when it was let through."""

    window: Window
    remaining: int
    reset_seconds: float
    wait_seconds: float


class RateLimit:
    """Counts requests by account and allowance."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str, Window], tuple[int, int]] = {}  # -> number of the window, requests in it

    def take(self, account: str, allowance: Allowance, now: float) -> list[Count]:
        """Count one request, in all windows or, if one of them is full, in none; how they stand, in their order."""
        used = {window: self._used(account, allowance, window, now) for window in allowance.windows}
        is_full = any(count >= window.requests for window, count in used.items())
        counts = []
        for window, count in used.items():
            if not is_full:
                count += 1
                self._counted[account, allowance.name, window] = (_number(window, now), count)
            reset = (_number(window, now) + 1) * window.seconds - now
            wait = reset if is_full and count >= window.requests else 0.0
            counts.append(Count(window, max(0, window.requests - count), reset, wait))
        return counts

    def _used(self, account: str, allowance: Allowance, window: Window, now: float) -> int:
        number, count = self._counted.get((account, allowance.name, window), (0, 0))
        return count if number == _number(window, now) else 0


def _number(window: Window, now: float) -> int:
    return math.floor(now / window.seconds)
