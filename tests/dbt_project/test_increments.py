"""Whatever arrives in whatever portions: gold is what a full refresh makes of the same silver."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from deltalake import DeltaTable

from lakehouse.config.settings import settings
from lakehouse.gold.staleness import record_gold_built, record_gold_started
from lakehouse.storage.duckdb_views import newest_version
from lakehouse.tables import gold
from lakehouse.window import BatchWindow
from tests.dbt_project.conftest import AS_OF, Shop, day, gold_rows
from tests.support.lakes import difference
from tests.support.soak import at_length

pytestmark = pytest.mark.slow

NEXT_DAY = datetime(2018, 1, 3, tzinfo=UTC)
GUEST = {"reference_type": None, "customer_reference": None}
STATE = ["fct_orders", "int_customer_state", "fct_campaign_responses", "int_identities_seen"]
ABOUT_CONSENT = ["int_identities", "int_email_consent", "suppressions"]
GOLD = [*STATE, "dim_customers", "customer_spend", "dim_products", "segment_members", "suppressions"]


def open_shop(shop: Shop, crowd: int = 0) -> None:
    """Six customers for whom something happens, and a crowd for whom nothing does: among it, the six are few."""
    shop.put("products", {"product_id": "p1", "category": "SOUP"}, {"product_id": "p2", "category": "BEER"})
    shop.put("campaigns", {"campaign_id": "k1", "starts_at": day(6, 1), "ends_at": day(7, 1)})
    for number in range(1, 7):
        shop.contact(str(number), f"c{number}")
        shop.buys(f"t{number}", str(number), day(6, number), f"{number}.10")
        shop.buys(f"t{number}", str(number), day(6, number), "0.25", "p2", line_number=2)
    shop.buys("g0", "", day(6, 20), "9.00", **GUEST)
    shop.put("campaign_members", {"customer_reference": "1"}, {"customer_reference": "2"})
    others = [str(number) for number in range(100, 100 + crowd)]
    shop.put(
        "contacts",
        *(
            {"contact_id": other, "email": f"{other}@example.com", "email_normalised": f"{other}@example.com"}
            for other in others
        ),
    )
    shop.put(
        "identities",
        *({"identifier_type": "crm_id", "identifier": other, "customer_id": f"c{other}"} for other in others),
    )
    bought = {"product_id": "p1", "line_number": 1, "net_amount": Decimal("2.00")}
    shop.put(
        "transactions",
        *(
            bought
            | {"transaction_id": f"t{other}", "customer_reference": other, "occurred_at": day(1 + int(other) % 12, 8)}
            for other in others
        ),
    )


CHANGES: dict[str, Callable[[Shop], None]] = {
    "a new order": lambda shop: shop.buys("t7", "1", day(12, 20), "19.90"),
    "an order through another reference": lambda shop: shop.buys(
        "t8", "L2", day(12, 21), "5.00", reference_type="loyalty_id"
    ),
    "a late order": lambda shop: shop.buys("t9", "2", day(1, 3), "7.77", "p2"),
    "a corrected amount": lambda shop: shop.buys("t3", "3", day(6, 3), "33.33"),
    "an order that was somebody else's": lambda shop: [
        shop.buys("t4", "3", day(6, 4), "4.10"),
        shop.buys("t4", "3", day(6, 4), "0.25", "p2", 2),
    ],
    "a deleted last order": lambda shop: [
        shop.buys("t5", "5", day(6, 5), "5.10", _is_deleted=True),
        shop.buys("t5", "5", day(6, 5), "0.25", "p2", 2, _is_deleted=True),
    ],
    "two people are one": lambda shop: shop.belongs("c1", crm_id="6", loyalty_id="L6", email="6@example.com"),
    "a product changes category": lambda shop: shop.put("products", {"product_id": "p2", "category": "WINE"}),
    "a recipient redeems": lambda shop: shop.put(
        "redemptions", {"redemption_id": "d1", "customer_reference": "2", "redeemed_at": day(6, 9)}
    ),
    "a recipient more": lambda shop: shop.put("campaign_members", {"customer_reference": "3"}),
    "a recipient less": lambda shop: shop.put("campaign_members", {"customer_reference": "1", "_is_deleted": True}),
    "a longer campaign": lambda shop: shop.put(
        "campaigns", {"campaign_id": "k1", "starts_at": day(1, 1), "ends_at": day(12, 31)}
    ),
    "a guest buys": lambda shop: shop.buys("g1", "", day(12, 22), "8.00", **GUEST),
    "a guest is somebody after all": lambda shop: shop.buys("g0", "2", day(6, 20), "9.00"),
    "somebody is a guest after all": lambda shop: shop.buys("t2", "", day(6, 2), "2.10", **GUEST),
    "a return by quantity": lambda shop: shop.buys("t1", "1", day(6, 25), "1.10", line_number=3, quantity=Decimal(-1)),
    "a line in another currency": lambda shop: shop.buys("t6", "6", day(6, 6), "3.00", line_number=3, currency="EUR"),
    "an order that goes on tomorrow": lambda shop: shop.buys("t3", "3", NEXT_DAY, "-0.25", line_number=3),
    "a withdrawn permission": lambda shop: shop.put(
        "consents", {"customer_reference": "4", "status": "withdrawn", "changed_at": day(8, 1)}
    ),
}


def state_of_gold(copy: Path) -> Path:
    """A copy of gold to compare with later."""
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(Path(settings().lake) / "gold", copy / "gold").parent)


def assert_equals_full_refresh(shop: Shop, as_of: datetime, copy: Path) -> None:
    grown = state_of_gold(copy)
    shop.build(as_of, is_full=True)
    found = {table: difference(grown, Path(settings().lake), f"gold.{table}") for table in GOLD}
    assert not any(found.values()), {table: rows for table, rows in found.items() if rows}


@pytest.mark.parametrize(("seed", "crowd"), [(1, 0), *at_length((2, 0), (3, 0), (4, 60), (5, 60))])
def test_increments_in_any_order_equal_a_full_refresh(shop: Shop, tmp_path: Path, seed: int, crowd: int) -> None:
    chance = random.Random(seed)
    order = chance.sample(sorted(CHANGES), len(CHANGES))
    cuts = sorted(chance.sample(range(1, len(CHANGES)), 3))
    open_shop(shop, crowd)
    shop.build()
    for start, end in pairwise([0, *cuts, len(order)]):
        for change in order[start:end]:
            CHANGES[change](shop)
        shop.build()
    assert_equals_full_refresh(shop, AS_OF, tmp_path)


@pytest.mark.soak
@pytest.mark.both_engines
def test_one_increment_of_everything_equals_a_full_refresh(shop: Shop, tmp_path: Path) -> None:
    open_shop(shop, crowd=60)
    shop.build()
    for change in CHANGES.values():
        change(shop)
    shop.build(NEXT_DAY)
    shop.build(NEXT_DAY)
    versions = (
        "select customer_id, count(*), count(valid_to) from {gold.customer_history}"
        " where customer_id in ('c4', 'c5', 'c6') group by 1 order by 1"
    )
    assert gold_rows(versions) == [("c4", 2, 1), ("c5", 2, 1), ("c6", 1, 1)]
    assert_equals_full_refresh(shop, NEXT_DAY, tmp_path)


def test_only_changed_customers_are_recomputed(shop: Shop) -> None:
    open_shop(shop)
    shop.build()
    before = [newest_version(gold(table), settings().lake) for table in ABOUT_CONSENT]
    shop.buys("t7", "1", day(12, 20), "19.90")
    shop.build()
    assert gold_rows("select customer_id from {gold.int_customers_changed}") == [("c1",)]
    assert [newest_version(gold(table), settings().lake) for table in ABOUT_CONSENT] == before, (
        "no order says anything about permission"
    )


def test_without_changes_the_state_is_not_written(shop: Shop) -> None:
    open_shop(shop)
    shop.build()
    before = [newest_version(gold(table), settings().lake) for table in STATE[:3]]
    shop.build(select="int_run_inputs+")
    assert [newest_version(gold(table), settings().lake) for table in STATE[:3]] == before
    assert gold_rows("select count(*) from {gold.int_customers_changed}") == [(0,)]


def test_an_order_of_a_customer_in_a_crowd_touches_its_month_alone(shop: Shop) -> None:
    open_shop(shop, crowd=60)
    shop.build()
    orders = DeltaTable(gold("fct_orders").location(settings().lake))
    before = set(orders.file_uris())
    shop.buys("t7", "1", day(12, 20), "19.90")
    shop.build()
    orders.update_incremental()
    assert {part for path in set(orders.file_uris()) ^ before for part in path.split("/") if "=" in part} == {
        "order_month=2017-12-01"
    }
    assert gold_rows("select count(*) from {gold.int_changed_lines_cache}") == [(3,)]


def test_an_interrupted_build_is_repeated(shop: Shop, tmp_path: Path) -> None:
    """Killed between the orders and the state: the next build works on the same customers again."""
    open_shop(shop)
    shop.build()
    shop.buys("t7", "1", day(12, 20), "19.90")
    shop.build(select="int_run_inputs int_customers_changed int_changed_lines_cache fct_orders")
    shop.build()
    assert gold_rows("select count_orders, total_spend from {gold.dim_customers} where customer_id = 'c1'") == [
        (2, Decimal("21.25"))
    ]
    assert_equals_full_refresh(shop, AS_OF, tmp_path)


BEGUN = "int_run_inputs int_identities int_customers_changed int_changed_lines_cache fct_orders"
ENDED = (
    "int_customer_state fct_campaign_responses int_identities_seen int_gold_progress"
    " dim_customers customer_history segment_members"
)


def test_after_an_interrupted_build_nothing_of_it_stays(shop: Shop, tmp_path: Path) -> None:
    """Killed in the middle; what it worked on is taken back before the next build."""
    open_shop(shop)
    shop.build()
    CHANGES["two people are one"](shop)
    shop.buys("t3", "4", day(6, 3), "3.10")
    shop.buys("t3", "4", day(6, 3), "0.25", "p2", 2)
    record_gold_started(BatchWindow.of(NEXT_DAY, NEXT_DAY, "killed"))
    shop.build(NEXT_DAY, select=f"{BEGUN} int_customer_state")
    shop.belongs("c6", crm_id="6", loyalty_id="L6", email="6@example.com")
    shop.build(datetime(2017, 6, 5, tzinfo=UTC))
    orders = (
        "select customer_id, count_orders from {gold.dim_customers} where customer_id in ('c3', 'c4', 'c6') order by 1"
    )
    assert gold_rows(orders) == [
        ("c3", 0), ("c4", 2), ("c6", 0),
    ]  # fmt: skip
    assert_equals_full_refresh(shop, datetime(2017, 6, 5, tzinfo=UTC), tmp_path)


@pytest.mark.soak
def test_identities_that_change_during_a_build_are_worked_on_by_the_next(shop: Shop, tmp_path: Path) -> None:
    open_shop(shop)
    CHANGES["two people are one"](shop)
    shop.build()
    window = BatchWindow.of(NEXT_DAY, NEXT_DAY, "slow")
    record_gold_started(window)
    shop.build(NEXT_DAY, select=BEGUN)
    shop.belongs("c6", crm_id="6", loyalty_id="L6", email="6@example.com")
    shop.build(NEXT_DAY, select=ENDED)
    record_gold_built(window)
    shop.build(NEXT_DAY)
    assert gold_rows(
        "select customer_id, count_orders from {gold.dim_customers} where customer_id in ('c1', 'c6') order by 1"
    ) == [("c1", 1), ("c6", 1)]
    assert_equals_full_refresh(shop, NEXT_DAY, tmp_path)


@pytest.mark.soak
def test_what_another_build_wrote_over_is_computed_again(shop: Shop, tmp_path: Path) -> None:
    """Two builds at the same time: rows of customers without news may be missing or as of another day."""
    open_shop(shop)
    shop.buys("t7", "1", day(12, 20), "19.90")
    shop.build()
    first, second = (BatchWindow.of(AS_OF, AS_OF, run_id) for run_id in ("first", "second"))
    record_gold_started(first)
    record_gold_started(second)
    for table in ("fct_orders", "int_customer_state"):
        DeltaTable(gold(table).location(settings().lake)).delete("customer_id = 'c1'")
    record_gold_built(first)
    record_gold_built(second)
    shop.build()
    assert gold_rows("select count_orders, total_spend from {gold.dim_customers} where customer_id = 'c1'") == [
        (2, Decimal("21.25"))
    ]
    assert_equals_full_refresh(shop, AS_OF, tmp_path)


def test_the_as_of_moment_moves_in_both_directions(shop: Shop, tmp_path: Path) -> None:
    open_shop(shop)
    shop.buys("t7", "1", day(12, 20), "19.90")
    counts = "select count_orders, recency_days, count_orders_30d from {gold.dim_customers} where customer_id = 'c1'"
    shop.build(datetime(2017, 7, 1, tzinfo=UTC))
    assert gold_rows(counts) == [(1, 29, 1)]
    shop.build(AS_OF)
    assert gold_rows(counts) == [(2, 12, 1)]
    earlier = datetime(2017, 12, 20, 12, tzinfo=UTC)
    shop.build(earlier)
    assert gold_rows(counts) == [(1, 202, 0)]
    assert_equals_full_refresh(shop, earlier, tmp_path)


def test_former_customers_of_a_merge_are_gone(shop: Shop) -> None:
    open_shop(shop)
    shop.build()
    CHANGES["two people are one"](shop)
    shop.build()
    assert gold_rows("select count(*) from {gold.dim_customers} where customer_id = 'c6'") == [(0,)]
    assert gold_rows("select count_orders, total_spend from {gold.dim_customers} where customer_id = 'c1'") == [
        (2, Decimal("7.70"))
    ]
