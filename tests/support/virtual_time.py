"""An event loop whose time is not waited for: it jumps to the next moment that somebody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from pyrate_limiter import SQLiteBucket


class _VirtualLoop(asyncio.SelectorEventLoop):
    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run_in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    """Run it; the buckets of the rate limiter have that time, too."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        loop = runner.get_loop()
        with pytest.MonkeyPatch.context() as patching:
            patching.setattr(SQLiteBucket, "now", lambda self: round(1e9 + loop.time() * 1000))
            runner.run(work)
