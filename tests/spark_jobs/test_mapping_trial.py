"""A mapping is tried on a few rows before anything of them lands."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.config.feeds import feeds
from lakehouse.silver.mapping_trial import MappingTrial, try_mapping
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import LINES, line

pytestmark = pytest.mark.both_engines(soak=True)


def trial(lake: Lake, *rows: dict[str, str | None], **mapping: str) -> MappingTrial:
    expressions = {column: {"expression": expression} for column, expression in mapping.items()}
    lake.declare({"transactions": LINES | {"mapping": LINES["mapping"] | expressions}})
    (feed,) = [feed for feed in feeds("transactions") if feed.source == "crm"]
    return try_mapping(feed, "dump.csv", pa.RecordBatch.from_pylist(list(rows)))


def test_rules_that_rows_break_are_counted(lake: Lake) -> None:
    found = trial(lake, line("b1"), line("b2", amount="?"), line("b3", amount=None))
    assert (found.count_rows, found.count_good) == (3, 1)
    assert dict(found.broken) == {"transactions.net_amount.type": 1, "transactions.net_amount.required": 1}


def test_columns_without_a_value_are_named(lake: Lake) -> None:
    found = trial(lake, line("b1"), store_id="nullif('x', 'x')")
    assert (found.count_good, found.empty) == (1, ("store_id",))


def test_rows_that_would_replace_each_other_are_counted(lake: Lake) -> None:
    same = {"line_number": "1"}
    assert trial(lake, line("b1"), line("b1"), line("b2"), **same).count_repeated == 2


def test_lineage_can_be_read(lake: Lake) -> None:
    found = trial(lake, line("b1"), line("b1"), line_number="_row_number", store_id="_source_file")
    assert (found.count_good, found.empty) == (2, ())


def test_an_expression_that_fails_is_named(lake: Lake) -> None:
    found = trial(lake, line("b1"), currency="array_max(amount)")
    assert found.error is not None and "the expression for currency" in found.error.what
    found = trial(lake, line("b1", amount="?"), net_amount="cast(amount as decimal(14,2))")
    assert found.error is not None and "fails on some delivered values" in found.error.what
