"""A run killed anywhere is resumed by the next one: every row landed once, every delivery recorded once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from lakehouse.config.settings import PROJECT_ROOT
from tests.sources.conftest import Home
from tests.sources.test_files import DECLARED

_RUN = """
from datetime import UTC, datetime
import lakehouse.sources.files, deltalake
from lakehouse.sources.extract import extract_dataset
from lakehouse.window import BatchWindow
print("ready", flush=True)
moment = datetime(2018, 1, 2, tzinfo=UTC)
extract_dataset("products", BatchWindow.of(moment, moment, "killed"))
"""
_FILES, _ROWS, _KILLS = 60, 2_000, 3


def _run_and_kill(home: Path, seconds: float) -> None:
    environment = os.environ | {
        "LAKEHOUSE_HOME": str(home),
        "LAKEHOUSE_CONF": str(home / "conf"),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    with subprocess.Popen([sys.executable, "-c", _RUN], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


def test_killed_at_random_points(home: Home) -> None:
    home.declare(DECLARED.format(load="increment"))
    for number in range(_FILES):
        rows = "".join(f"{number}-{row},{'x' * 50}\n" for row in range(_ROWS))
        home.deliver(f"in/{number:03}.csv", "id,name\n" + rows)
    moments = random.Random(7)
    for _ in range(_KILLS):
        _run_and_kill(home.path, moments.uniform(0, 0.15))
    home.extract("products")
    landed = Counter(row["id"] for row in home.landed("shop", "products"))
    assert len(landed) == _FILES * _ROWS
    assert set(landed.values()) == {1}
    assert [(name, outcome, count) for name, outcome, _, count in home.files()] == [
        (f"{number:03}.csv", "landed", _ROWS) for number in range(_FILES)
    ]
    assert not list((home.path / "landing").rglob("*.part"))
    assert home.extract("products")[0].skipped


def test_a_lost_journal_loses_and_repeats_nothing(home: Home) -> None:
    home.declare(DECLARED.format(load="increment"))
    home.deliver("in/a.csv", "id,name\n1,x\n")
    home.deliver("in/b.csv", "id,name\n1,x\n")
    home.deliver("in/c.csv", "id,name\n2,y\n")
    home.extract("products")
    landed, files = home.landed("shop", "products"), home.files()
    (home.path / "landing/shop/products/_journal.jsonl").unlink()
    home.extract("products")
    assert (home.landed("shop", "products"), home.files()) == (landed, files)


def test_what_was_landed_together_and_not_noted_is_found(home: Home) -> None:
    home.declare(DECLARED.format(load="increment"))
    for number in range(5):
        home.deliver(f"in/{number}.csv", f"id,name\n{number},x\n")
    home.extract("products")
    assert len(list((home.path / "landing/shop/products").glob("*.parquet"))) == 1, "small files share one"
    landed, files = home.landed("shop", "products"), home.files()
    ledger = home.path / "landing/shop/products/_journal.jsonl"
    ledger.write_text("\n".join(ledger.read_text().split("\n")[:3]))  # killed after it had noted two of five
    home.deliver("in/5.csv", "id,name\n5,x\n")
    home.extract("products")
    assert home.landed("shop", "products")[:5] == landed
    assert home.files() == [*files, ("5.csv", "landed", None, 1)]


def test_a_journal_line_that_was_cut_is_ignored(home: Home) -> None:
    home.declare(DECLARED.format(load="increment"))
    home.deliver("in/a.csv", "id,name\n1,x\n")
    home.extract("products")
    with (home.path / "landing/shop/products/_journal.jsonl").open("a") as ledger:
        ledger.write('\n{"file_name": "b.csv", "sta')
    home.deliver("in/b.csv", "id,name\n2,y\n")
    assert home.extract("products")[0].loaded == 1
    assert [name for name, *_ in home.files()] == ["a.csv", "b.csv"]
