"""The rate budget of an account: shared by every process of this installation that calls with the account.

It is a SQLite file below the home, so that two campaigns that are exported at once share it, and so does a run that
starts right after another one. Within a process more is known: a call has arrived when it is answered, at the latest.
So a call counts until its answer, and for the time of the rate after it: however late calls arrive, no stretch of time
at the platform has too many of them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pyrate_limiter import Limiter, Rate, SingleBucketFactory, SQLiteBucket

from lakehouse.activation.destinations import rates as declared
from lakehouse.utils.file_lock import ProcessLock


class RateBudget:
    """Lets calls leave when they may; must be closed."""

    def __init__(self, folder: Path, account: str, rates: Mapping[str, tuple[declared.Rate, ...]]) -> None:
        """`rates` by kind of call; `account` names the file in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{account}.sqlite"
        self._alone = ProcessLock(path.with_suffix(".lock"))
        self._shared = {kind: _limiter(path, self._alone, kind, limits) for kind, limits in rates.items()}
        self._own = {kind: [_Window(rate) for rate in limits] for kind, limits in rates.items()}

    @asynccontextmanager
    async def call(self, kind: str) -> AsyncIterator[None]:
        """The block makes one call of that kind, and begins when it may."""
        entered: list[_Window] = []
        try:
            for window in self._own[kind]:
                await window.enter()
                entered.append(window)
            await self._shared[kind].try_acquire_async(kind)
            yield
        finally:
            for window in entered:
                window.leave()

    def close(self) -> None:
        """Close the file."""
        for limiter in self._shared.values():
            limiter.close()
        self._alone.close()


class _Window:
    """At most so many calls that are under way or were answered within the last seconds."""

    def __init__(self, rate: declared.Rate) -> None:
        self._seconds = rate.seconds
        self._free = asyncio.Semaphore(rate.calls)

    async def enter(self) -> None:
        await self._free.acquire()

    def leave(self) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._free.release)


def _limiter(path: Path, alone: ProcessLock, kind: str, limits: tuple[declared.Rate, ...]) -> Limiter:
    """Without the library's own lock, which opens its file for every call, and its thread, which forgets old calls."""
    rates = sorted((Rate(limit.calls, round(limit.seconds * 1000)) for limit in limits), key=lambda rate: rate.interval)
    table = "calls_" + re.sub(r"\W", "_", kind)
    with alone:
        connection = SQLiteBucket.init_from_file(rates, table=table, db_path=str(path)).conn
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        bucket = SQLiteBucket(rates, connection, table, lock=alone)
        bucket.leak(bucket.now())  # type: ignore[no-untyped-call]
    return Limiter(SingleBucketFactory(bucket, schedule_leak=False))
