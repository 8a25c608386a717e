"""What the record of a platform says is true of its simulator, which was written from the platform's own facts."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.platform import Answer, Call, CallRefusedError, Item, Platform, Row
from lakehouse.activation.destinations.platform_kind import Audience, Login
from lakehouse.activation.sending.packing import packed
from lakehouse.activation.sending.waiting import seconds_to_wait
from lakehouse.simulators.fault_file import faults as declared_faults
from lakehouse.simulators.inspection import application
from lakehouse.simulators.platform import Options
from lakehouse.simulators.platform import Platform as SimulatedPlatform
from lakehouse.simulators.registry import platform_class
from tests.activation.sending.accounts import NEEDS
from tests.support.simulators import TOKEN

# Those that refuse one row more; Iterable and listmonk have no number of their own.
COUNTING = ("braze", "customerio", "klaviyo", "mailchimp", "sendgrid")
LARGE = {f"note_{number}": "x" * 200 for number in range(30)}  # 6 KB a row
each_platform = pytest.mark.parametrize("name", list(NEEDS))


class InProcess:
    """Calls to a simulator in this process, one platform each; what was called is kept."""

    def __init__(self, name: str, *faults: dict[str, Any], **options: Any) -> None:
        self.kind, needs = PLATFORMS[name], NEEDS[name]
        token = f"{needs['user']}:{TOKEN}" if "user" in needs else TOKEN
        chosen = {"token": token, "seconds_of_a_job": 0.0, "is_limited": False, **options}
        self.there: SimulatedPlatform = platform_class(name)(Options(**chosen))
        self.platform: Platform = self.kind.open(Audience("thanks", needs.get("list")))
        self.calls: list[Call] = []
        self._headers = dict(self.kind.headers(Login(needs.get("user", ""), TOKEN)))
        self._app = application(self.there, declared_faults(list(faults), self.there.own_faults))

    @property
    def limits(self) -> Capabilities:
        return self.kind.capabilities

    async def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        headers = self._headers | dict(call.headers)
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.request(call.method, call.path, content=call.content, headers=headers)
        return Answer(answer.status_code, answer.headers, answer.content)

    def items(self, count: int, action: str = "added", **attributes: Any) -> list[Item]:
        rows = [
            Row(f"c{at}", action, f"c{at}@example.com", {} if action == "removed" else attributes, "hash")
            for at in range(count)
        ]
        return [Item(row, self.platform.encode(row)) for row in rows]

    def deliver(self, items: list[Item]) -> Any:
        return _run(lambda: self.platform.deliver(items, self))

    def facts(self) -> dict[str, Any]:
        people = copy.deepcopy(self.there.state(time.time(), None, with_people=True)["people"])
        return {key: (person["facts"], person["memberships"], person["subscription"]) for key, person in people.items()}


def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def all_of_it() -> Any:
        return await work()

    return asyncio.run(all_of_it())


@each_platform
def test_rows_of_a_call(name: str) -> None:
    running = InProcess(name)
    most = running.limits.rows_per_call
    assert running.deliver(running.items(most, nick="x")).rejected == {}
    assert len(running.there.people) == most
    if name in COUNTING:
        with pytest.raises(CallRefusedError):
            running.deliver(running.items(most + 1, nick="x"))


@each_platform
def test_bytes_of_a_call_and_what_surrounds_its_rows(name: str) -> None:
    running = InProcess(name)
    limits = running.limits
    count = min(limits.bytes_per_call // 6_000 + 10, 2 * limits.rows_per_call)
    calls = list(packed(running.items(count, **LARGE), limits))
    assert len(calls) > 1
    assert running.deliver(calls[0]).rejected == {}
    largest = max(len(call.content) for call in running.calls)
    assert largest <= running.there.max_body_bytes
    rows = sum(len(item.body) for item in calls[0])
    is_sent_as_encoded = name in ("braze", "customerio", "iterable", "klaviyo")
    if is_sent_as_encoded:
        assert largest <= limits.bytes_per_call and largest - rows <= limits.overhead_bytes + len(calls[0])


@pytest.mark.parametrize("name", ["customerio", "klaviyo"])  # those that have such a limit
def test_bytes_of_a_row(name: str) -> None:
    running = InProcess(name)
    room = running.limits.bytes_per_row
    fields = {f"note_{number}": "x" * 900 for number in range(room // 920)}
    (fitting,) = running.items(1, **fields)
    assert room * 0.9 < len(fitting.body) <= room
    assert running.deliver([fitting]).rejected == {}
    (larger,) = running.items(1, **fields, **{f"more_{number}": "x" * 900 for number in range(room // 920)})
    with contextlib.suppress(CallRefusedError):
        assert running.deliver([larger]).rejected


@each_platform
def test_a_call_twice_has_the_effect_of_one(name: str) -> None:
    running = InProcess(name)
    assert running.limits.is_replay_safe
    items = running.items(3, nick="x", spend=1.5)
    running.deliver(items)
    once = running.facts()
    running.deliver(items)
    assert running.facts() == once


@each_platform
def test_whom_it_knows_by_what(name: str) -> None:
    running = InProcess(name)
    for email in ("a@example.com", "b@example.com"):
        row = Row("c1", "added", email, {"nick": "x"}, "hash")
        running.deliver([Item(row, running.platform.encode(row))])
    assert len(running.there.people) == (2 if running.limits.identity == "email" else 1)


@each_platform
def test_when_rows_can_be_used(name: str) -> None:
    running = InProcess(name, seconds_of_a_job=0.2)
    items = running.items(2, nick="x")
    running.deliver(items)
    assert bool(list(running.there.jobs)) == (running.limits.readiness == "job")
    if running.limits.readiness != "eventually":
        assert _run(lambda: running.platform.is_usable(items[0].row, running))


@each_platform
def test_a_removal_takes_nobody_away_and_changes_no_subscription(name: str) -> None:
    running = InProcess(name)
    running.deliver(running.items(2, nick="x"))
    before = running.facts()
    running.deliver(running.items(1, action="removed"))
    after = running.facts()
    assert {key: subscription for key, (*_, subscription) in after.items()} == {
        key: subscription for key, (*_, subscription) in before.items()
    }
    assert sum(after[key] != before[key] for key in before) == 1


@each_platform
def test_headers_that_say_when_to_call_again(name: str) -> None:
    running = InProcess(name, {"fault": "too_many_requests", "nth": 1, "seconds": 7})
    answer = _run(lambda: running(Call("POST", "/anything", "any")))
    assert answer.status == 429
    wait = seconds_to_wait(answer.headers, running.limits.wait_headers, datetime.now(UTC))
    assert wait is not None and 6 <= wait <= 8


@each_platform
def test_calls_at_once_are_not_more_than_it_takes(name: str) -> None:
    simultaneous = platform_class(name).simultaneous
    assert simultaneous is None or PLATFORMS[name].capabilities.connections <= simultaneous
