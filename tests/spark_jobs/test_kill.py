"""Killed between two writes, or at any moment, the next run leaves what an undisturbed run would have left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

import lakehouse.silver.load
import spark_jobs.silver_datasets
from lakehouse.spark.table import SparkTable
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import LINES, line

T = "transactions"
JOB = """
import sys
from datetime import UTC, datetime
from lakehouse.contracts import Stage
from lakehouse.orchestration.stages import run_stage
from lakehouse.window import BatchWindow
window = BatchWindow.of(datetime(2017, 1, 1, tzinfo=UTC), datetime(2018, 1, 1, tzinfo=UTC), "killed")
print("ready", flush=True)
for stage in (Stage.BRONZE, Stage.SILVER):
    run_stage(stage, "transactions", window)
"""


def die(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("owner", "write"),
    [
        (lakehouse.silver.load, "replace_all"),
        (SparkTable, "append_once"),
        (spark_jobs.silver_datasets, "record_progress"),
    ],
    ids=["before silver", "before quarantine", "before progress"],
)
def test_killed_between_writes(lake: Lake, monkeypatch: pytest.MonkeyPatch, owner: Any, write: str) -> None:
    lake.declare({T: LINES})
    lake.deliver(T, line("b1"), line("b1"), line("b2", amount="?"), line("b3"))
    lake.bronze(T)
    with monkeypatch.context() as patch:
        patch.setattr(owner, write, die)
        with pytest.raises(KeyboardInterrupt):
            lake.silver(T)
    outcome = lake.silver(T)
    assert (outcome.read, outcome.quarantined, outcome.loaded + outcome.duplicates) == (4, 1, 3)
    assert lake.values("silver.transactions", "transaction_id") == [("b1",), ("b3",)]
    assert lake.values("silver.transactions_quarantine", "_row_number") == [(3,)]
    assert lake.silver(T).skipped


@pytest.mark.slow
def test_killed_at_random_moments(lake: Lake) -> None:
    lake.declare({T: LINES})
    chance = random.Random(3)
    for number in range(20):
        rows = [line(f"b{number}-{row}", amount="?" if row % 50 == 0 else "1.00") for row in range(500)]
        lake.deliver(T, *rows, name=f"{number}.csv")
        if number % 5 == 4:
            job = subprocess.Popen([sys.executable, "-c", JOB], stdout=subprocess.PIPE, env=dict(os.environ))
            assert job.stdout is not None
            job.stdout.readline()
            time.sleep(chance.uniform(0.0, 4.0))
            job.send_signal(signal.SIGKILL)
            job.wait()
    lake.bronze(T)
    lake.silver(T)
    assert len(lake.rows("bronze.crm_transactions")) == 10_000
    assert (
        len({row["transaction_id"] for row in lake.rows("silver.transactions")})
        == len(lake.rows("silver.transactions"))
        == 9_800
    )
    assert len(lake.rows("silver.transactions_quarantine")) == 200
