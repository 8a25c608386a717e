"""Copies of the households are people of their own who buy the same products."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.sample import SampleManifest, build
from tests.sample.conftest import PART
from tests.sample.files import rows

Sample = tuple[Path, SampleManifest]


def test_ids_of_the_copies_are_distinct(twice: Sample) -> None:
    folder, manifest = twice
    assert manifest.rows["contacts"] == 2 * PART
    for dataset, column in (("contacts", "id"), ("redemptions", "redemption_id")):
        assert rows(f"select count(distinct {column}), count(*) from {{{dataset}}}", folder=folder) == [
            (manifest.rows[dataset],) * 2
        ]
    assert rows("select count(distinct loyalty_card) = count(loyalty_card) from {contacts}", folder=folder) == [(True,)]
    assert rows(
        "select count(distinct (basket_id, line)), count(distinct basket_id) from {transactions}", folder=folder
    ) == [(manifest.count_lines, manifest.count_baskets)]
    crossing = """select min(length(id)), max(length(id)) from {contacts} where trim(lower(email)) like '%@example.com'
        group by trim(lower(email)) having (min(id::bigint) < 100000) <> (max(id::bigint) < 100000)"""
    assert rows(crossing, folder=folder) == []


def test_second_copy_is_the_first_under_other_ids(twice: Sample) -> None:
    folder, _ = twice
    of_copy = """
        select product_id, quantity, sales_value, discount, store_id, sold_at, line from {transactions}
        where (length(basket_id) = 12) = """
    assert rows(f"({of_copy} true) except all ({of_copy} false)", folder=folder) == []
    assert rows(f"({of_copy} false) except all ({of_copy} true)", folder=folder) == []
    ids = "select id::bigint % 100000 from {contacts} where id::bigint"
    assert rows(f"({ids} < 100000) except all ({ids} >= 100000)", folder=folder) == []


def test_totals_grow_with_the_copies(twice: Sample) -> None:
    folder, manifest = twice
    assert rows("select sum(sales_value::decimal(14,2)), count(*) from {transactions}", folder=folder) == [
        (manifest.net_amount, manifest.count_lines)
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"scale": 0}, "1 to 99"), ({"scale": 100}, "1 to 99"), ({"households": 5, "dirty": True}, "100 or more")],
)
def test_parameters_out_of_range_fail(tmp_path: Path, parameters: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(tmp_path / "sample", **parameters)  # type: ignore[arg-type]
