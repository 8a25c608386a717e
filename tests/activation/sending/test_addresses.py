"""Platforms that know people by address: whoever changes the address is in the audience once, with the new one."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.sending import remote
from lakehouse.activation.sending.batch_delivery import BatchDelivery
from lakehouse.activation.sending.failures import PlatformUnavailableError
from lakehouse.activation.sending.journal import Journal
from tests.activation.conftest import Shop, assert_balanced, customer
from tests.activation.sending.accounts import NEEDS, account_at, in_audience, people_at
from tests.support.lanes import first_fast
from tests.support.soak import at_length

BY_ADDRESS = [name for name in NEEDS if PLATFORMS[name].capabilities.identity == "email"]
A, B, C = "a@example.com", "b@example.com", "c@example.com"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "batch_size"),
    [*first_fast([(platform, 1) for platform in BY_ADDRESS]), *at_length(*((platform, 10) for platform in BY_ADDRESS))],
)
def test_changed_addresses(shop: Shop, platform: str, batch_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "BATCH_SIZE", batch_size)
    shop.customers(customer("c0", email=A, first_name="Ada"), customer("c1", email=B, first_name="Bob"))
    shop.suppress()
    with account_at(shop, platform) as running:
        shop.export()
        swapped = customer("c0", email=B, first_name="Ada"), customer("c1", email=A, first_name="Bob")
        shop.customers(*swapped)
        assert shop.export().loaded == 2
        assert in_audience(running) == {A, B}
        assert "Ada" in json.dumps(people_at(running)[B]) and "Bob" in json.dumps(people_at(running)[A])

        shop.customers(customer("c0", email=C, first_name="Ada"), swapped[1])
        assert shop.export().loaded == 1
        assert in_audience(running) == {A, C} and people_at(running).keys() == {A, B, C}

        shop.customers(swapped[1], customer("c9", email=C, first_name="Eve"))
        shop.export()  # c0 leaves the audience, and c9 has the address now
        assert in_audience(running) == {A, C} and "Eve" in json.dumps(people_at(running)[C])
        assert shop.export().skipped
        shop.customers(swapped[1])
        shop.export()
        assert in_audience(running) == {A} and running.state()["totals"]["count_raised"] == 0
    for receipt in shop.receipts():
        assert_balanced(receipt)


@pytest.mark.slow
@pytest.mark.parametrize("platform", first_fast(BY_ADDRESS))
def test_a_swap_that_stops_half_way(shop: Shop, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that one customer has already taken over is not taken out of the audience for the other."""
    monkeypatch.setattr(remote, "BATCH_SIZE", 1)
    shop.customers(customer("c0", email=A), customer("c1", email=B))
    shop.suppress()
    with account_at(shop, platform) as running:
        shop.export()
        shop.customers(customer("c0", email=B), customer("c1", email=A))
        whole = BatchDelivery.deliver

        async def broken(self: BatchDelivery, operations: pa.Table, journal: Journal) -> Any:
            if operations.select(["customer_id", "action"]).to_pylist() == [{"customer_id": "c1", "action": "changed"}]:
                return PlatformUnavailableError("mails", "it is gone")
            return await whole(self, operations, journal)

        with monkeypatch.context() as patched:
            patched.setattr(BatchDelivery, "deliver", broken)
            with pytest.raises(PlatformUnavailableError):
                shop.export()
        assert in_audience(running) == {B}
        shop.export()
        assert in_audience(running) == {A, B} and people_at(running).keys() == {A, B}
