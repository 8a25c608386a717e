"""A snapshot delivered again after another, from the file to silver: its rows are current, every count balances, twice
is once."""

from __future__ import annotations

import os

import pytest

from lakehouse.contracts import Stage
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from tests.spark_jobs.conftest import Lake, window
from tests.spark_jobs.datasets import PRODUCTS

A, B = "product_id,name\np1,Tea\np2,Milk\np3,Rice\n", "product_id,name\np1,Green tea\np3,Rice\np4,Salt\n"
OF_A = [("p1", "Tea", False), ("p2", "Milk", False), ("p3", "Rice", False), ("p4", "Salt", True)]


def extract(lake: Lake, content: str, moment: int) -> None:
    """Deliver one file under the same name, changed at `moment`, and land it."""
    file = lake.home / "sample" / "products.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    os.utime(file, (moment, moment))
    run_stage(Stage.EXTRACT, "products", window(f"extract {moment}"))


def to_silver(lake: Lake) -> TableOutcome:
    lake.bronze("products")
    return lake.silver("products")


def products(lake: Lake) -> list[tuple[str, str, bool]]:
    return lake.values("silver.products", "product_id", "name", "_is_deleted")


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
def test_rows_of_the_snapshot_that_came_back_are_current(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    for moment, content in enumerate((A, B), 1):
        extract(lake, content, moment)
        to_silver(lake)
    assert products(lake) == [
        ("p1", "Green tea", False),
        ("p2", "Milk", True),
        ("p3", "Rice", False),
        ("p4", "Salt", False),
    ]
    extract(lake, A, 3)
    outcome = to_silver(lake)
    assert products(lake) == OF_A
    assert outcome.read == 3 == outcome.loaded + outcome.duplicates
    extract(lake, A, 3)
    assert to_silver(lake).skipped, "twice is once"
    assert len(lake.rows("bronze.crm_products")) == 9
    lake.silver("products", is_full=True)
    assert products(lake) == OF_A, "and a rebuild is no other"


@pytest.mark.slow
def test_snapshots_that_wait_for_bronze_are_taken_in_the_order_they_were_landed(lake: Lake) -> None:
    lake.declare({"products": PRODUCTS})
    extract(lake, A, 1)
    to_silver(lake)
    for moment, content in enumerate((B, A, B, A), 2):
        extract(lake, content, moment)
    outcome = to_silver(lake)
    assert products(lake) == OF_A
    assert outcome.read == 12 == outcome.loaded + outcome.duplicates
    times = {row["_source_file"]: row["_ingested_at"] for row in lake.rows("bronze.crm_products")}
    assert len(set(times.values())) == 5
