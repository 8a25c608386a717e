"""A platform that refuses a whole call because of single rows: the others are delivered, each bad one has a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.destinations.klaviyo import CAPABILITIES
from lakehouse.activation.destinations.platform import Answer, Call, Caller, CallRefusedError, Item, Outcomes, Row
from lakehouse.activation.sending.splitting import deliver_all_it_takes


class Choosy:
    """Refuses a call that has a bad row, as a whole."""

    capabilities = CAPABILITIES

    def __init__(self) -> None:
        self.calls = 0
        self.taken: list[str] = []

    def encode(self, row: Row) -> bytes:
        return row.customer_id.encode()

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        self.calls += 1
        if any(item.body.startswith(b"bad") for item in items):
            raise CallRefusedError("400: a row is not valid")
        self.taken += [item.row.customer_id for item in items]
        return Outcomes("")

    async def is_usable(self, row: Row, call: Caller) -> bool:
        return True


async def nothing_is_called(call: Call) -> Answer:
    raise AssertionError(call)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_each_bad_row_stands_alone_at_the_end(are_bad: list[bool]) -> None:
    names = [f"{'bad' if is_bad else 'good'}{place}" for place, is_bad in enumerate(are_bad)]
    items = [Item(Row(name, "added", "", {}, ""), name.encode()) for name in names]
    platform = Choosy()
    outcomes = asyncio.run(deliver_all_it_takes(platform, items, nothing_is_called))
    assert {names[place] for place in outcomes.rejected} == {name for name in names if name.startswith("bad")}
    assert platform.taken == [name for name in names if name.startswith("good")]


def test_one_bad_row_costs_few_calls() -> None:
    items = [Item(Row(name, "added", "", {}, ""), name.encode()) for name in [*map(str, range(1023)), "bad"]]
    platform = Choosy()
    asyncio.run(deliver_all_it_takes(platform, items, nothing_is_called))
    assert platform.calls == 21 and len(platform.taken) == 1023
