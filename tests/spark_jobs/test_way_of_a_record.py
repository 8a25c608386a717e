"""One CSV row on its way from the source to silver: which files of the project it meets.

A reader follows the same way. It shall stay short, and lead to no file a second time.
"""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lakehouse.contracts import Stage
from lakehouse.orchestration.stages import run_stage
from lakehouse.sources.extract import extract_dataset
from spark_jobs import bronze_datasets, silver_datasets
from tests.spark_jobs.conftest import Lake, window
from tests.spark_jobs.datasets import LINES, line
from tests.support.homes import ROOT

T = "transactions"
ROOMS = ("sources", "landing", "formats", "transforms", "silver", "identities", "spark_jobs")
TABLE = {"storage/table.py", "spark/table.py"}
# What is known of deliveries, files and sources. No row passes through them.
BOOKS = {
    *("formats/file_facts.py", "landing/ledger.py", "landing/returned_content.py", "landing/source_history.py"),
    *("sources/last_lines.py", "sources/file_report.py"),
}
# A row begins where bytes are parsed.
BYTES = {"formats/byte_streams.py", "formats/csv_quotes.py", "sources/file_discovery.py"}
# They count what comes in, or what goes, and refuse too much of it.
BUDGETS = {"formats/file_budget.py", "landing/column_budget.py", "silver/deletions.py"}
# Read by the step that types rows and, for the hash of their keys, by the one that makes them unique.
READ_TWICE = {"transforms/received.py"}


def test_a_row_meets_fewer_than_fifteen_files_and_none_a_second_time(lake: Lake) -> None:
    lake.declare({T: LINES | {"files": "*.csv"}})
    _deliver(lake, "1.csv", "b1")
    for stage in (Stage.EXTRACT, Stage.BRONZE, Stage.SILVER):  # the first row makes the tables and the plan of the feed
        run_stage(stage, T, window("first"))
    _deliver(lake, "2.csv", "b2")
    met: set[str] = set()
    for work in (extract_dataset, bronze_datasets.run, silver_datasets.run):
        callers = _callers(work)
        twice = {file: names for file, names in callers.items() if len(names) > 1}
        assert set(twice) <= TABLE | READ_TWICE, twice
        met |= set(callers)
    assert lake.values("silver.transactions", "transaction_id") == [("b1",), ("b2",)]
    assert {"sources/extract.py", "formats/csv.py", "spark_jobs/bronze_datasets.py", "silver/load.py"} <= met
    assert len(met) < 15, sorted(met)


def _deliver(lake: Lake, name: str, basket: str) -> None:
    row = line(basket)
    (lake.home / "sample").mkdir(exist_ok=True)
    (lake.home / "sample" / name).write_text(f"{','.join(row)}\n{','.join(map(str, row.values()))}\n")


def _callers(work: Callable[..., Any]) -> dict[str, set[str]]:
    """File on the way of a row -> the files it is entered from, while a stage runs."""
    found: dict[str, set[str]] = defaultdict(set)

    def note(frame: FrameType, event: str, _: object) -> None:
        entered = _file(frame) if event == "call" and frame.f_code.co_name != "<module>" else ""
        if entered:
            caller = frame.f_back
            while caller is not None and not _file(caller):
                caller = caller.f_back
            origin = _file(caller) if caller is not None else ""
            if origin != entered:
                found[entered] |= {origin} - {""}

    with _profiled(note):
        work(T, window("second"))
    return found


def _file(frame: FrameType) -> str:
    """The file of a frame when it is on the way of a row, relative to its room; else nothing."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(ROOT):
        return ""
    name = path.relative_to(ROOT).as_posix().removeprefix("lakehouse/")
    return name if name in TABLE or (name.startswith(ROOMS) and name not in BOOKS | BYTES | BUDGETS) else ""


@contextmanager
def _profiled(note: Callable[[FrameType, str, object], None]) -> Iterator[None]:
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
