"""Bronze takes every landed delivery once, whatever file it is landed in."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pytest

from lakehouse.landing.files import Bundle, StagedRows, source_file
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import LINES, line

T = "transactions"
BRONZE = "bronze.crm_transactions"


def land_together(lake: Lake, *names: str) -> None:
    """Land one row under each name, all in one file."""
    folder = lake.home / "landing" / "crm" / T
    folder.mkdir(parents=True, exist_ok=True)
    bundle = Bundle(folder)
    for name in names:
        row = {key: pa.array([value], pa.string()) for key, value in line(name).items()}
        with StagedRows(folder, name) as staged:
            staged.write(pa.RecordBatch.from_pydict(row))
            staged.bundle(bundle, source_file(name, name * 12))
    bundle.land()


def test_deliveries_landed_together_are_loaded_once(lake: Lake) -> None:
    lake.declare({T: LINES})
    land_together(lake, "a", "b")
    (outcome,) = lake.bronze(T)
    assert (outcome.read, outcome.loaded) == (2, 2)
    assert lake.bronze(T)[0].skipped
    assert lake.values(BRONZE, "_source_file", "_row_number") == [("a@aaaaaaaaaaaa", 1), ("b@bbbbbbbbbbbb", 1)]


@pytest.mark.both_engines
def test_a_landing_that_was_emptied_and_filled_again_repeats_nothing(lake: Lake) -> None:
    lake.declare({T: LINES})
    land_together(lake, "a", "b")
    lake.bronze(T)
    shutil.rmtree(lake.home / "landing" / "crm" / T)
    land_together(lake, "b", "c", "d")
    (outcome,) = lake.bronze(T)
    assert (outcome.read, outcome.loaded) == (2, 2)
    assert [name[0] for (name,) in lake.values(BRONZE, "_source_file")] == ["a", "b", "c", "d"]
