"""Exports to platforms that are killed: everybody arrives, and what was acknowledged is not sent again."""

from __future__ import annotations

import json
import random
import signal
from typing import Any

import pytest

from tests.activation.conftest import Shop, assert_balanced, customer
from tests.activation.sending.accounts import NEEDS, PASSING, account_at, changed_by_a_full_send
from tests.activation.sending.executioner import Executioner
from tests.support.lanes import first_fast
from tests.support.soak import at_length

COUNT = 10
CONNECTIONS = 3


def kills(count: int, seed: int) -> list[tuple[str, str, int, str]]:
    """Platform, place, call and moment, drawn."""
    draw = random.Random(seed)
    most = {"call": 8, "note": COUNT, "intend": 3, "acknowledge": 3, "close": 1}
    found = []
    for _ in range(count):
        place = draw.choice(list(most))
        moment = draw.choice(("before", "after"))
        found.append((draw.choice(list(NEEDS)), place, draw.randint(1, most[place]), moment))
    return found


@pytest.mark.parametrize(
    ("platform", "place", "call", "moment"), [*first_fast(kills(8, 1), 2), *at_length(*kills(200, 2))]
)
def test_killed_exports_are_resumed(
    executioner: Executioner, shop: Shop, platform: str, place: str, call: int, moment: str
) -> None:
    """One row a call, so that a kill falls between rows of one batch."""
    shop.customers(*(customer(f"c{number}") for number in range(COUNT)))
    shop.suppress()
    with account_at(shop, platform, limits={"rows_per_call": 1, "connections": CONNECTIONS}) as running:
        assert executioner.end(shop, place, call, moment) == signal.SIGKILL
        shop.export()
        people = running.state()["people"]
        assert {person["email"] for person in people.values()} == {f"c{number}@example.com" for number in range(COUNT)}
        assert {person["count_changed"] for person in people.values()} == {1}
        # sent again: only what was under way, or noted by nobody yet
        assert sum(person["count_written"] for person in people.values()) <= COUNT + CONNECTIONS
        assert shop.export().skipped
    for receipt in shop.receipts():
        assert_balanced(receipt)
    records = [row["customer_id"] for row in shop.rows("ops/export_records")]
    assert len(records) == len(set(records)) == COUNT
    assert not list((shop.home / "outbox").rglob("acknowledged/*.jsonl"))


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "place", "call", "moment"), [*first_fast(kills(3, 3)), *at_length(*kills(60, 4))])
def test_killed_exports_of_changed_fields_are_resumed(
    executioner: Executioner, shop: Shop, platform: str, place: str, call: int, moment: str
) -> None:
    """Everybody has the values that a full send would have given."""
    shop.customers(*(customer(f"c{number}") for number in range(COUNT)))
    shop.suppress()
    with account_at(shop, platform, limits={"rows_per_call": 1, "connections": CONNECTIONS}) as running:
        shop.export()
        shop.customers(*(customer(f"c{number}", first_name=f"Eve {number}") for number in range(COUNT)))
        assert executioner.end(shop, place, call, moment) == signal.SIGKILL
        shop.customers(*(customer(f"c{number}", first_name=f"Eve {number % 2}") for number in range(COUNT)))
        shop.export()
        told = [json.dumps(person) for person in running.state()["people"].values()]
        assert [sum(f"Eve {number}" in text for text in told) for number in range(3)] == [COUNT / 2, COUNT / 2, 0]
        assert changed_by_a_full_send(shop, running) == 0


def faults_and_kills(count: int, seed: int) -> list[tuple[str, list[dict[str, Any]], str, int, str]]:
    """Kills, each with two or three faults at different requests."""
    draw = random.Random(seed)
    found = []
    for platform, place, call, moment in kills(count, seed):
        at = draw.sample(range(1, COUNT), draw.randint(2, 3))
        faults = [draw.choice(PASSING) | {"nth": nth} for nth in at]
        if platform == "listmonk":
            faults.append({"fault": "import_lock", "times": 1})
        found.append((platform, faults, place, call, moment))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "faults", "place", "call", "moment"),
    [*first_fast(faults_and_kills(4, 5)), *at_length(*faults_and_kills(200, 6))],
    ids=lambda value: "-".join(each["fault"] for each in value) if isinstance(value, list) else str(value),
)
def test_faults_and_a_kill_together(
    executioner: Executioner,
    shop: Shop,
    platform: str,
    faults: list[dict[str, Any]],
    place: str,
    call: int,
    moment: str,
) -> None:
    """Everybody is there and was changed once, and every fault has happened."""
    shop.customers(*(customer(f"c{number}") for number in range(COUNT)))
    shop.suppress()
    limits = {"rows_per_call": 1, "connections": CONNECTIONS}
    with account_at(shop, platform, faults, limits=limits) as running:
        assert executioner.end(shop, place, call, moment) == signal.SIGKILL
        shop.export()
        people = running.state()["people"]
        assert {person["email"] for person in people.values()} == {f"c{number}@example.com" for number in range(COUNT)}
        assert {person["count_changed"] for person in people.values()} == {1}
        assert [each["count_fired"] for each in running.faults()] == [1] * len(faults)
        assert shop.export().skipped
    records = [row["customer_id"] for row in shop.rows("ops/export_records") if row["acknowledged_at"]]
    assert len(set(records)) == COUNT


@pytest.mark.slow
@pytest.mark.parametrize("platform", first_fast(NEEDS))
def test_an_export_that_is_told_to_end_finishes_what_is_under_way(
    executioner: Executioner, shop: Shop, platform: str
) -> None:
    shop.customers(*(customer(f"c{number}") for number in range(24)))
    shop.suppress()
    with account_at(shop, platform, limits={"rows_per_call": 2, "connections": 2}) as running:
        assert executioner.end(shop, "note", 3, "before", signal.SIGTERM) == signal.SIGTERM
        written = len(running.state()["people"])
        records = [row["customer_id"] for row in shop.rows("ops/export_records")]
        assert 0 < written < 24 and len(records) == written
        shop.export()
        assert {person["count_written"] for person in running.state()["people"].values()} == {1}
        assert len(running.state()["people"]) == 24
