"""Any split of a delivery, in any order of arrival, leaves the same rows as one delivery of everything, and as a rebuild."""

from __future__ import annotations

import random
import shutil
from typing import Any

import pytest

import lakehouse.silver.rejected
import lakehouse.silver.unique
from lakehouse.settings import settings
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import LINES, line

T = "transactions"
WHEN_AND_WHENCE = {"_updated_at", "_batch_id", "_ingested_at", "_source_file"}


def versions(chance: random.Random) -> list[dict[str, str | None]]:
    """Lines of 12 receipts in several versions: repeated, corrected, with equal and without times, some bad."""
    exported = ["2017-07-02 03:00:00", "2017-07-03 03:00:00", None, "soon"]
    return [
        line(f"b{chance.randrange(12)}", line=str(chance.randrange(1, 3)), amount=f"{chance.randrange(4)}.00", exported=chance.choice(exported))
        for _ in range(80)
    ]


def content(lake: Lake) -> tuple[list[dict[str, Any]], list[str]]:
    silver = [{name: value for name, value in row.items() if name not in WHEN_AND_WHENCE} for row in lake.rows("silver.transactions")]
    return silver, sorted(row["row_json"] for row in lake.rows("silver.transactions_quarantine"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_split_and_shuffled_equals_at_once(lake: Lake, seed: int) -> None:
    chance = random.Random(seed)
    rows = versions(chance)
    lake.declare({T: LINES})
    outcome = lake.load(T, *rows)
    at_once = content(lake)
    assert outcome.read == 80
    for folder in ("lake", "landing"):
        shutil.rmtree(settings().home / folder)
    chance.shuffle(rows)
    cuts = sorted(chance.sample(range(1, 80), 3))
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, 80], strict=True)):
        lake.load(T, *rows[start:end], name=f"{number}.csv")
    assert content(lake) == at_once
    lake.silver(T, is_full=True)
    assert content(lake) == at_once


def test_more_repeated_and_bad_rows_than_are_kept(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lakehouse.silver.unique, "_KEPT_HASHES", 1)
    monkeypatch.setattr(lakehouse.silver.rejected, "_KEPT_ROWS", 1)
    lake.declare({T: LINES})
    outcome = lake.load(T, *[line(f"b{number % 5}", amount=f"{number}.00") for number in range(20)], *[line(f"x{number}", amount="?") for number in range(3)])
    assert (outcome.read, outcome.loaded, outcome.quarantined, outcome.duplicates) == (23, 5, 3, 15)
    assert len(lake.rows("silver.transactions_quarantine")) == 3
