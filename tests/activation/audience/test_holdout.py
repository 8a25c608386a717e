"""Control groups are drawn once per family, kept, and follow a person through merges. Of c0 to c40 the campaign
`thanks` draws c1 and c35 at a share of 0.1."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.audience.holdout import is_held_out, is_held_out_sql
from lakehouse.contracts import IDENTITIES, arrow_schema
from lakehouse.storage.duckdb_views import connect
from tests.activation.conftest import Shop, customer


def former_ids(shop: Shop, customer_id: str, *former: str) -> None:
    """silver.identities with one customer who had other ids."""
    row = {"identifier_type": "crm_id", "identifier": "k", "customer_id": customer_id, "former_customer_ids": former}
    rows = pa.Table.from_pylist([row], schema=arrow_schema(IDENTITIES.columns))
    write_deltalake(str(shop.lake / "silver/identities"), rows, mode="overwrite")


def held_out(shop: Shop) -> dict[str, bool]:
    return {row["customer_id"]: row["is_held_out"] for row in shop.rows("ops/holdouts")}


def test_a_draw_is_kept_when_the_share_changes(shop: Shop) -> None:
    shop.declare(holdout_share=0.1)
    shop.export()
    assert held_out(shop) == {"c1": True, "c2": False}
    for share in (0.9, 0.0001):
        shop.declare(holdout_share=share)
        shop.export()
        assert shop.receipts()[-1]["count_holdout"] == 1
        assert len(shop.rows("ops/holdouts")) == 2, "nobody is drawn again"


def test_who_joins_later_is_drawn_with_the_share_of_then(shop: Shop) -> None:
    shop.declare(holdout_share=0.1)
    shop.export()
    shop.declare(holdout_share=0.999999)
    shop.customers(customer("c1"), customer("c2"), customer("c3"))
    shop.export()
    assert held_out(shop) == {"c1": True, "c2": False, "c3": True}


def test_a_person_who_was_merged_stays_in_the_group_it_was_in(shop: Shop) -> None:
    shop.declare(holdout_share=0.1)
    shop.export()
    shop.customers(customer("c2"), customer("c9"))
    former_ids(shop, "c9", "c1")
    shop.export()
    assert shop.receipts()[-1]["count_holdout"] == 1
    assert held_out(shop)["c9"]


def test_the_id_that_stays_decides_when_both_were_drawn(shop: Shop) -> None:
    shop.declare(holdout_share=0.1)
    shop.export()
    shop.customers(customer("c2"))
    former_ids(shop, "c2", "c1")
    shop.export()
    assert shop.receipts()[-1]["count_holdout"] == 0


def test_without_a_share_nobody_is_drawn(shop: Shop) -> None:
    shop.export()
    assert held_out(shop) == {}


def test_campaigns_of_a_family_hold_out_the_same_people() -> None:
    drawn = {family: {f"c{n}" for n in range(100) if is_held_out(family, f"c{n}", 0.5)} for family in ("a", "b")}
    assert drawn["a"] != drawn["b"]


@pytest.mark.slow
@given(
    st.text(st.characters(exclude_characters="\0")), st.lists(st.text(), max_size=20), st.floats(0, 1, exclude_max=True)
)
def test_sql_draws_as_python_does(family: str, customers: list[str], share: float) -> None:
    family, *customers = (text.encode("utf-8", "ignore").decode() for text in (family, *customers))
    with connect() as connection:
        connection.register("customers", pa.table({"customer_id": pa.array(customers, pa.string())}))
        query = f"select {is_held_out_sql(family, 'customer_id', share)} from customers"
        drawn = [found for (found,) in connection.execute(query).fetchall()]
    assert drawn == [is_held_out(family, customer_id, share) for customer_id in customers]


def test_a_family_is_declared(shop: Shop) -> None:
    shop.declare(holdout_share=0.1, holdout_family="thanks-2")
    shop.export()
    assert {row["family"] for row in shop.rows("ops/holdouts")} == {"thanks-2"}
