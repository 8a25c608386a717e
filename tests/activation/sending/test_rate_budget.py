"""The rate budget, with time that is not waited for: nearly the whole rate is used, and never more of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pyrate_limiter import SQLiteBucket

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.destinations.rates import Rate
from lakehouse.activation.sending.rate_budget import RateBudget

LATENCY = 0.02  # seconds from a call to its answer
MOST_CALLS = 6000  # of a case, so that it takes seconds
LIMITS = {
    (platform, kind): rates
    for platform, one in PLATFORMS.items()
    for kind, rates in one.capabilities.rates.items()
    if rates
}


class _VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next moment that somebody waits for."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Coroutine[Any, Any, None]], None]:
    def ran(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
            loop = runner.get_loop()
            monkeypatch.setattr(SQLiteBucket, "now", lambda self: round(1e9 + loop.time() * 1000))
            runner.run(work)

    return ran


def _allowed(rates: tuple[Rate, ...], seconds: float) -> float:
    """Calls in so many seconds, by the slowest of the rates."""
    return min(rate.calls * max(1.0, seconds / rate.seconds) for rate in rates)


def _most_in_any_stretch(arrivals: list[float], rate: Rate) -> int:
    """Most calls that the platform sees in a stretch of the rate's time."""
    first, most = 0, 0
    for last, moment in enumerate(arrivals):
        while moment - arrivals[first] >= rate.seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _arrivals(
    folder: Path, run: Callable[..., None], key: tuple[str, str], seconds: float, latency: float
) -> list[float]:
    """When the calls of an export arrive that calls as fast as it may: at any time between call and answer."""
    platform, kind = key
    arrivals: list[float] = []

    async def call(budget: RateBudget, place: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            async with budget.call(kind):
                if loop.time() >= seconds:
                    return
                arrivals.append(loop.time() + latency * ((len(arrivals) * 7919 + place) % 100) / 100)
                await asyncio.sleep(latency)

    async def export() -> None:
        with closing(RateBudget(folder, "mails", {kind: LIMITS[key]})) as budget:
            callers = range(PLATFORMS[platform].capabilities.connections)
            await asyncio.gather(*(call(budget, place) for place in callers))

    run(export())
    return sorted(arrivals)


@pytest.mark.parametrize("key", LIMITS, ids="-".join)
def test_ten_minutes_at_the_limit(tmp_path: Path, run: Callable[..., None], key: tuple[str, str]) -> None:
    """At least 95 % of what is allowed, and nothing that a platform would answer with 429. Where ten minutes are more
    than some thousand calls, it is as long as these take."""
    rates = LIMITS[key]
    seconds = min(600.0, MOST_CALLS / min(rate.calls / rate.seconds for rate in rates))
    arrivals = _arrivals(tmp_path, run, key, seconds, LATENCY)
    assert [_most_in_any_stretch(arrivals, rate) <= rate.calls for rate in rates] == [True] * len(rates)
    assert len(arrivals) >= 0.95 * _allowed(rates, seconds)


@pytest.mark.parametrize("key", [("iterable", "user"), ("klaviyo", "import"), ("customerio", "batch")], ids="-".join)
def test_no_delay_on_the_way_makes_too_many(tmp_path: Path, run: Callable[..., None], key: tuple[str, str]) -> None:
    arrivals = _arrivals(tmp_path, run, key, 60, latency=0.7)
    assert len(arrivals) > 50
    assert [_most_in_any_stretch(arrivals, rate) <= rate.calls for rate in LIMITS[key]] == [True] * len(LIMITS[key])


def test_two_processes_share_the_rate(tmp_path: Path, run: Callable[..., None]) -> None:
    rate = Rate(10, 1)
    arrivals: list[float] = []

    async def call(budget: RateBudget) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < 20:
            async with budget.call("import"):
                arrivals.append(loop.time())

    async def both() -> None:
        with (
            closing(RateBudget(tmp_path, "mails", {"import": (rate,)})) as one,
            closing(RateBudget(tmp_path, "mails", {"import": (rate,)})) as other,
        ):
            await asyncio.gather(call(one), call(other))

    run(both())
    assert _most_in_any_stretch(sorted(arrivals), rate) <= rate.calls
    assert len(arrivals) >= 0.95 * 200
