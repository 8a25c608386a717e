"""`lakehouse sources check`: what it says of each dataset, and its exit code."""

from __future__ import annotations

import json

import pytest

from lakehouse.config.feeds import feeds
from lakehouse.errors import MappingError
from lakehouse.silver.mapping_trial import MappingTrial
from tests.cli.conftest import Lakehouse

DECLARED = """
sources:
  shop:
    kind: files
    location: in
    datasets:
      products: {files: "*.csv", format: csv, load: increment, mapping: {product_id: id, name: name}}
  crm:
    kind: sql
    url: sqlite:////nowhere/crm.db
    datasets:
      products: {table: p, load: full, mapping: {product_id: id}}
"""


@pytest.fixture
def shop(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> Lakehouse:
    conf = lakehouse.home / "own-conf"
    conf.mkdir()
    (conf / "sources.yml").write_text(DECLARED)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    from lakehouse.config.settings import settings

    settings.cache_clear()
    (lakehouse.home / "in").mkdir()
    (lakehouse.home / "in" / "a.csv").write_text("id,name\n1,x\n2,y\n")
    return lakehouse


def answer(monkeypatch: pytest.MonkeyPatch, trial: MappingTrial) -> None:
    monkeypatch.setattr("lakehouse.silver.mapping_trial.try_mapping", lambda feed, name, rows: trial)


def test_what_becomes_of_the_first_rows(shop: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, MappingTrial(2, 1, (("products.product_id.required", 1),), ("name",), 2))
    ran = shop("sources", "check", "shop")
    assert ran.code == 0
    assert "ok      products             1 file; of the first 2 rows of a.csv 1 keep the contract" in ran.out
    assert "1 of 2 rows break products.product_id.required" in ran.out
    assert "2 rows have a key (product_id) that another row has, and would replace each other" in ran.out
    assert "no row has a value for name" in ran.out


def test_a_source_that_cannot_be_loaded_like_that(shop: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, MappingTrial(2, error=MappingError("shop", "products", "name", "f(x)", "is not understood")))
    ran = shop("sources", "check", "shop", "--json")
    (found,) = json.loads(ran.out)
    assert (ran.code, found["is_ok"]) == (1, False)
    assert "the expression for name" in found["detail"]
    (shop.home / "in" / "a.csv").write_text("id,nam\n1,x\n")
    ran = shop("sources", "check", "shop")
    assert ran.code == 1
    assert "a.csv: missing columns: name (did you mean 'nam'?)" in ran.out
    ran = shop("sources", "check", "crm")
    assert ran.code == 1
    assert "the database /nowhere/crm.db does not exist" in ran.out


def test_an_unknown_source_is_answered_with_the_known_ones(shop: Lakehouse) -> None:
    ran = shop("sources", "check", "shopp")
    assert ran.code == 1
    assert "Use one of: shop, crm." in ran.err


def test_a_window_function_is_refused(shop: Lakehouse) -> None:
    path = shop.home / "own-conf" / "sources.yml"
    path.write_text(DECLARED.replace("name: name", "name: {expression: 'max(name) over (partition by id)'}"))
    assert feeds("products"), "read again"
    ran = shop("sources", "check", "shop")
    assert ran.code == 1
    assert "a window function" in ran.err
