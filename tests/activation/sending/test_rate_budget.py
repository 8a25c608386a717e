"""The rate budget, with time that is not waited for: late calls never add up to too many, nor do those of another
process."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.destinations.rates import Rate
from lakehouse.activation.sending.rate_budget import RateBudget
from tests.support.virtual_time import run_in_virtual_time

LIMITS = {
    (platform, kind): rates
    for platform, one in PLATFORMS.items()
    for kind, rates in one.capabilities.rates.items()
    if rates
}


def _most_in_any_stretch(arrivals: list[float], rate: Rate) -> int:
    """Most calls that the platform sees in a stretch of the rate's time."""
    first, most = 0, 0
    for last, moment in enumerate(arrivals):
        while moment - arrivals[first] >= rate.seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _arrivals(folder: Path, key: tuple[str, str], seconds: float, latency: float) -> list[float]:
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

    run_in_virtual_time(export())
    return sorted(arrivals)


@pytest.mark.parametrize("key", [("iterable", "user"), ("klaviyo", "import"), ("customerio", "batch")], ids="-".join)
def test_no_delay_on_the_way_makes_too_many(tmp_path: Path, key: tuple[str, str]) -> None:
    arrivals = _arrivals(tmp_path, key, 60, latency=0.7)
    assert len(arrivals) > 50
    assert [_most_in_any_stretch(arrivals, rate) <= rate.calls for rate in LIMITS[key]] == [True] * len(LIMITS[key])


def test_two_processes_share_the_rate(tmp_path: Path) -> None:
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

    run_in_virtual_time(both())
    assert _most_in_any_stretch(sorted(arrivals), rate) <= rate.calls
    assert len(arrivals) >= 0.95 * 200
