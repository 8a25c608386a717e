"""delivered = silver + quarantined + duplicates: what balances, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lakehouse.window import BatchWindow
from tests.support.gates import findings_of
from tests.support.tables import INGESTED, row, write, write_quarantine

WINDOW = BatchWindow.of(datetime(2017, 1, 1, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC), "r2")


def delivered(*rows: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """(basket, line, amount as received) -> bronze rows numbered from 1."""
    columns = ("basket_id", "line", "sales_value")
    return [
        row("bronze.shop_transactions", **dict(zip(columns, values, strict=True)), _row_number=n)
        for n, values in enumerate(rows, 1)
    ]


def kept(*lines: tuple[str, int, str]) -> list[dict[str, Any]]:
    return [
        row("silver.transactions", transaction_id=basket, line_number=line, net_amount=Decimal(amount))
        for basket, line, amount in lines
    ]


def rejected(*numbers: int) -> list[dict[str, Any]]:
    common = {
        "_source": "shop",
        "_source_file": "dump@0123456789ab",
        "_batch_id": "r1",
        "_ingested_at": INGESTED,
        "_row_hash": 1,
    }
    return [
        common | {"_row_number": n, "rule_ids": ["x"], "reason": "x", "row_json": "{}", "quarantined_at": INGESTED}
        for n in numbers
    ]


def balance() -> dict[str, str]:
    """What the gate observed, of the two rules."""
    found = findings_of("silver.transactions", WINDOW)
    return {name: found[f"transactions.{name}.reconciled"]["observed"] for name in ("rows", "net_amount")}


def test_plain_delivery_balances_by_its_sums_alone(lake: str) -> None:
    assert balance() == {"rows": "0 rows", "net_amount": "difference of 0.00"}


def test_every_kind_of_row_has_its_place(lake: str) -> None:
    write(
        lake,
        "bronze.shop_transactions",
        delivered(
            ("t1", "1", " 2.50 "),
            ("t1", "1", "2.50"),
            ("t2", "1", "3.00"),
            ("t2", "1", "4.00"),
            ("t3", "x", "7.10"),
            ("t4", "1", "many"),
        ),
    )
    write_quarantine(lake, "transactions", rejected(5, 6))
    write(lake, "silver.transactions", kept(("t1", 1, "2.50"), ("t2", 1, "4.00")))
    assert balance() == {
        "rows": "0 rows; delivered 6 = silver 2 + quarantined 2 + duplicates 2",
        "net_amount": "difference of 0.00; delivered 19.100000 = silver 6.500000 + quarantined 7.100000"
        " + duplicates 5.500000",
    }


@pytest.mark.parametrize(
    ("silver_lines", "rows_off", "amount_off"),
    [
        ([("t1", 1, "2.50")], "1 rows", "3.00"),  # t2, delivered once, was lost
        ([("t2", 1, "3.00")], "1 rows", "2.50"),  # t1, delivered twice, was lost
        ([("t1", 1, "2.50"), ("t2", 1, "3.01")], "0 rows", "-0.01"),  # a cent appeared
        ([("t1", 1, "2.50"), ("t2", 1, "3.00"), ("t9", 1, "1.00")], "-1 rows", "-1.00"),  # a line was invented
    ],
)
def test_what_was_lost_changed_or_invented_is_the_difference(
    lake: str, silver_lines: list[tuple[str, int, str]], rows_off: str, amount_off: str
) -> None:
    write(lake, "bronze.shop_transactions", delivered(("t1", "1", "2.50"), ("t1", "1", "2.50"), ("t2", "1", "3.00")))
    write(lake, "silver.transactions", kept(*silver_lines))
    found = balance()
    assert found["rows"].startswith(f"{rows_off}; ")
    assert found["net_amount"].startswith(f"difference of {amount_off}; ")


def test_lost_and_repeated_rows_of_the_same_amount_do_not_cancel_out(lake: str) -> None:
    write(lake, "bronze.shop_transactions", delivered(("t1", "1", "2.50"), ("t2", "1", "2.50")))
    write(lake, "silver.transactions", kept(("t1", 1, "2.50")))
    assert balance()["rows"].startswith("1 rows; ")


def test_source_that_is_no_longer_declared_is_left_out(lake: str) -> None:
    write(
        lake,
        "silver.transactions",
        [*kept(("t1", 1, "2.50")), row("silver.transactions", transaction_id="old", _source="gone")],
    )
    assert balance()["rows"] == "0 rows"
