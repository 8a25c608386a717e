"""Only what changed reaches a platform that keeps the rest; afterwards it holds what a full send would have given."""

from __future__ import annotations

import contextlib
import random
from decimal import Decimal
from typing import Any

import pytest

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.errors import LakehouseError
from tests.activation.conftest import Shop, customer
from tests.activation.sending.accounts import NEEDS, account_at, changed_by_a_full_send, in_audience
from tests.support.simulators import Simulated
from tests.support.soak import at_length

KEEPING = [name for name in NEEDS if PLATFORMS[name].capabilities.keeps_other_fields]
FAULTS: list[dict[str, Any]] = [
    {"fault": "server_error", "status": 503, "is_applied": True},
    {"fault": "connection_reset", "is_applied": True},
    {"fault": "token_expired"},
]
FIELDS = ["first_name", "total_spend", "recency_days"]
STEPS = 4


@pytest.mark.slow
@pytest.mark.parametrize("platform", KEEPING)
def test_a_call_has_what_changed_alone(shop: Shop, platform: str) -> None:
    shop.customers(customer("c1"), customer("c2"))
    shop.suppress()
    with account_at(shop, platform) as running:
        shop.export()
        before = len(running.requests())
        shop.customers(customer("c1", total_spend=Decimal("77.70")), customer("c2"))
        assert shop.export().loaded == 1
        sent = "".join(str(request["body"]) for request in running.requests()[before:] if request["method"] != "GET")
        assert "77.7" in sent and "Ada" not in sent and "c2" not in sent
        assert (PLATFORMS[platform].capabilities.identity == "email") == ("c1@example.com" in sent)
        assert changed_by_a_full_send(shop, running) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "seed"), [(name, 1) for name in KEEPING] + at_length(*((name, n) for name in NEEDS for n in (2, 3, 4)))
)
def test_after_any_history_the_platform_has_what_a_full_send_would_have_given(
    shop: Shop, platform: str, seed: int
) -> None:
    draw = random.Random(f"{platform} {seed}")
    script = [draw.choice(FAULTS) | {"nth": draw.randint(2, 30)} for _ in range(3)]
    with account_at(shop, platform, script, limits={"rows_per_call": 2}) as running:
        for _ in range(STEPS):
            _step(shop, running, draw)
        for _ in script:  # faults that are left
            with contextlib.suppress(LakehouseError):
                shop.export()
        shop.export()
        members = in_audience(running)
        assert changed_by_a_full_send(shop, running) == 0
        assert in_audience(running) == members


def _step(shop: Shop, running: Simulated, draw: random.Random) -> None:
    """Other values, other people, other fields; a failure is part of the game."""
    people = [
        customer(
            f"c{number}",
            email=f"{draw.choice(('a', 'b'))}{number}@example.com",
            first_name=draw.choice(("Ada", "Eve", None)),
            total_spend=draw.choice((Decimal("1.00"), Decimal("2.50"))),
            recency_days=draw.choice((3, 4)),
        )
        for number in range(5)
    ]
    shop.customers(*people, members=[row["customer_id"] for row in people if draw.random() < 0.8])
    shop.declare(platform="mails", fields=draw.sample(FIELDS, draw.randint(1, 3)))
    with contextlib.suppress(LakehouseError):
        shop.export()
