"""Gold tables that were set aside are what they were after the next build, the history of customers too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakehouse.config.settings import settings
from lakehouse.orchestration.repair.carry_out import repair
from lakehouse.orchestration.repair.plan import plan_repair
from lakehouse.storage.table import Table
from lakehouse.tables import gold
from tests.dbt_project.conftest import AS_OF, Shop, day
from tests.support.damage import Damage, cut_the_newest_commit, lose_a_file, lose_the_log
from tests.support.soak import at_length

LATER = datetime(2018, 1, 3, tzinfo=UTC)
DAMAGED: dict[str, Damage] = {
    "dim_customers": lose_a_file,
    "fct_orders": cut_the_newest_commit,
    "int_customer_state": lose_the_log,
    "int_gold_progress": cut_the_newest_commit,
    "customer_spend": lose_a_file,
    "customer_history": cut_the_newest_commit,
}
STAMPS = {"_updated_at", "version_id", "built_at"}


def _contents() -> dict[str, list[Any]]:
    """Rows by table, without times of writing and gold's notes on its own builds."""
    found = {}
    for name in (*DAMAGED, "suppressions", "segment_members"):
        rows = Table(gold(name), settings().lake).rows()
        if rows is not None and name != "int_gold_progress":
            found[name] = sorted(str(row) for row in rows.drop(list(STAMPS & set(rows.column_names))).to_pylist())
    return found


def _customers(shop: Shop) -> None:
    shop.contact("1", "c1", first_name="Ann")
    shop.contact("2", "c2", first_name="Bob")
    shop.buys("t1", "1", day(12, 30), "9.90")
    shop.build(AS_OF)
    shop.contact("1", "c1", first_name="Anna")
    shop.buys("t2", "2", day(12, 31), "5.00")
    shop.build(LATER)


@pytest.mark.slow
def test_gold_is_what_it_was_after_the_next_build(shop: Shop) -> None:
    _customers(shop)
    before = _contents()
    for name, damage in DAMAGED.items():
        damage(Path(gold(name).location(settings().lake)))
    for name in DAMAGED:
        plan = plan_repair(gold(name))
        assert (bool(plan.damage), plan.blocked) == (True, "")
        repair(plan)
    shop.build(LATER)
    assert _contents() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (cut_the_newest_commit, ["Ann", "Bob"]),
        *at_length((lose_a_file, ["Ann", "Bob"]), (lose_the_log, ["Ann", "Anna", "Bob", "Bob"])),
    ],
)
def test_of_the_history_is_kept_what_can_be_read(shop: Shop, damage: Callable[[Path], None], kept: list[str]) -> None:
    _customers(shop)
    damage(Path(gold("customer_history").location(settings().lake)))
    plan = plan_repair(gold("customer_history"))
    repair(plan)
    rows = Table(gold("customer_history"), settings().lake).rows(["first_name"])
    assert rows is not None
    assert sorted(rows["first_name"].to_pylist()) == kept
    assert f"({len(kept)} versions are kept)" in plan.lost[0]
