"""Ten minutes at a platform's limit, in simulated time: the rate budget of an account and the platform's own limiter,
as its simulator has it, together. All kinds of calls are made at once, each as often as it may be."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.sending.rate_budget import RateBudget
from lakehouse.simulators.call import Call
from lakehouse.simulators.platform import Options
from lakehouse.simulators.rate_limit import RateLimit, Window
from lakehouse.simulators.registry import platform_class
from tests.support.soak import at_length
from tests.support.virtual_time import run_in_virtual_time

LATENCY = 0.02  # seconds from a call to its answer
TEN_MINUTES = 600.0
MOST_CALLS = 9_000  # of a platform, so that a case takes seconds
# How each kind of call looks.
LOOKS = {
    "braze": {"track": "POST /users/track", "export": "POST /users/export/ids"},
    "customerio": {"batch": "POST /api/v2/batch"},
    "iterable": {"bulk": "POST /api/users/bulkUpdate", "user": "GET /api/users/byUserId/c1"},
    "klaviyo": {
        "import": "POST /api/profile-bulk-import-jobs",
        "job": "GET /api/profile-bulk-import-jobs/1",
        "errors": "GET /api/profile-bulk-import-jobs/1/import-errors",
        "profiles": "GET /api/profiles",
    },
    "listmonk": {"api": "POST /api/import/subscribers"},
    "mailchimp": {"lists": "POST /3.0/lists/1"},
    "sendgrid": {
        "upsert": "PUT /v3/marketing/contacts",
        "others": "GET /v3/marketing/contacts/imports/1",
    },
}


class _Platform:
    """The limiter of a simulated platform, with what it let through and what it did not."""

    def __init__(self, name: str) -> None:
        self._there, self._limit = platform_class(name)(Options()), RateLimit()
        self._looks = {kind: look.split() for kind, look in LOOKS[name].items()}
        self.arrived: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()

    def arrive(self, kind: str, now: float) -> None:
        allowance = self._there.allowance(self._call(kind))
        counts = self._limit.take("account", allowance, now) if allowance else []
        self.arrived[kind] += 1
        self.throttled[kind] += any(count.wait_seconds for count in counts)

    def windows(self, kind: str) -> tuple[Window, ...]:
        allowance = self._there.allowance(self._call(kind))
        return allowance.windows if allowance else ()

    def _call(self, kind: str) -> Call:
        method, path = self._looks[kind]
        return Call(method, path, {}, {}, b"", 0.0, cast("Any", None), 0.0)


def _export(folder: Path, name: str, seconds: float) -> _Platform:
    capabilities, there = PLATFORMS[name].capabilities, _Platform(name)

    async def call(budget: RateBudget, kind: str, place: int) -> None:
        """Again and again; the call arrives at any time before its answer."""
        loop = asyncio.get_running_loop()
        while True:
            async with budget.call(kind):
                if loop.time() >= seconds:
                    return
                way = LATENCY * ((there.arrived.total() * 7919 + place) % 100) / 100
                await asyncio.sleep(way)
                there.arrive(kind, loop.time() + 0.37)  # the platform's windows begin at other moments
                await asyncio.sleep(LATENCY - way)

    async def all_kinds() -> None:
        with closing(RateBudget(folder, "mails", capabilities.rates)) as budget:
            places = range(capabilities.connections)
            await asyncio.gather(*(call(budget, kind, place) for kind in LOOKS[name] for place in places))

    run_in_virtual_time(all_kinds())
    return there


def _seconds(name: str) -> float:
    rates = PLATFORMS[name].capabilities.rates.values()
    return min(TEN_MINUTES, MOST_CALLS / sum(min(rate.calls / rate.seconds for rate in limits) for limits in rates))


def test_every_kind_of_call_is_tried() -> None:
    assert {name: set(kinds) for name, kinds in LOOKS.items()} == {
        name: set(kind.capabilities.rates) for name, kind in PLATFORMS.items()
    }


@pytest.mark.parametrize(
    ("name", "seconds"),
    [*((name, _seconds(name)) for name in LOOKS), *at_length(*((name, TEN_MINUTES) for name in LOOKS))],
)
def test_nearly_all_that_is_allowed_and_nothing_else(tmp_path: Path, name: str, seconds: float) -> None:
    """At least 95 % of what our record allows, and of what the platform lets through of the call that brings rows; no
    429."""
    there, capabilities = _export(tmp_path, name, seconds), PLATFORMS[name].capabilities
    assert there.throttled.total() == 0
    for kind, rates in capabilities.rates.items():
        allowed = min(rate.calls * max(1.0, seconds / rate.seconds) for rate in rates)
        share = there.arrived[kind] / allowed
        print(f"{name} {kind}: {there.arrived[kind]} calls in {seconds:.0f} s, {share:.1%} of what is allowed")  # noqa: T201 - pytest -rP shows it
        assert share >= 0.95
    writing = next(iter(capabilities.calls_per_body))
    for window in there.windows(writing)[-1:]:  # the longest one has the lowest rate
        assert there.arrived[writing] >= 0.95 * window.requests * seconds / window.seconds
