"""Datasets that nobody delivers have empty silver tables; the first delivery, whenever it comes, is loaded as into a
new one."""

from __future__ import annotations

import shutil

import pytest

from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS
from lakehouse.silver.ensure_tables import ensure_silver_tables
from lakehouse.storage.table import Table
from lakehouse.tables import silver
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CONTACTS, PRODUCTS, contact


def test_every_dataset_has_a_table_once_anything_was_delivered(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS})
    assert lake.identities().skipped
    assert Table(silver("contacts"), settings().lake).version == -1, "an empty lake stays empty"
    lake.load("contacts", contact("k1"))
    lake.identities()
    assert {name for name in DATASETS if Table(silver(name), settings().lake).version < 0} == set()
    assert [name for name in DATASETS if not Table(silver(name), settings().lake).is_never_loaded] == ["contacts"]


def test_twice_is_once(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS})
    lake.load("contacts", contact("k1"))
    lake.identities()
    assert lake.identities().skipped
    assert Table(silver("products"), settings().lake).version == 0


def test_empty_table_gets_the_columns_that_its_contract_got_later(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    products = DATASETS["products"]
    with monkeypatch.context() as patch:
        patch.setitem(DATASETS, "products", type(products)(**vars(products) | {"columns": products.columns[:-1]}))
        ensure_silver_tables(settings().lake)
    ensure_silver_tables(settings().lake)
    assert lake.rows("silver.products", "updated_at") == []
    assert Table(silver("products"), settings().lake).is_never_loaded


def test_first_delivery_into_an_empty_table(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS, "products": PRODUCTS})
    lake.load("contacts", contact("k1"))
    lake.identities()
    assert lake.silver("products", is_full=True).skipped, "a rebuild of what was never delivered is no error"
    outcome = lake.load(
        "products",
        {"product_id": "p1", "name": "Tea"},
        {"product_id": "p1", "name": "Tea"},
        {"product_id": "p2", "name": "Tea"},
    )
    assert (outcome.read, outcome.loaded, outcome.duplicates) == (3, 2, 1)
    assert lake.silver("products").skipped


def test_a_loaded_table_that_is_gone_is_not_replaced_by_an_empty_one(lake: Lake) -> None:
    lake.declare({"contacts": CONTACTS, "products": PRODUCTS})
    lake.load("contacts", contact("k1"))
    lake.load("products", {"product_id": "p1", "name": "Tea"})
    shutil.rmtree(lake.home / "lake" / "silver" / "products")
    lake.identities()
    assert Table(silver("products"), settings().lake).version == -1
    lake.silver("products")
    assert lake.values("silver.products", "product_id") == [("p1",)]
