"""Asking again and again: at once, then after pauses that grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


async def growing_pauses(first: float, longest: float) -> AsyncIterator[None]:
    """One turn at once, and one after each pause; pauses double from `first` to `longest` seconds, without an end."""
    pause = first
    while True:
        yield
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)
